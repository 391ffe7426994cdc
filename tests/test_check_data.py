"""check_data.py as a user runs it."""

import csv
import html.parser
import os
import time

import pytest

from tasks.pcb.synthetic_boards import write_boards
from tests.conftest import ROOT

BOARDS = ["--config", "configs/pcb/baseline.yaml"]
SENTIMENT = ["--config", "configs/sentiment/baseline.yaml"]
VOID = {"meta", "img", "br", "link"}


class Page(html.parser.HTMLParser):
    """Whether every tag is closed in order; the headings and the cells, unescaped; what is loaded."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.headings, self.cells, self.loaded = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        if tag == "td":
            self.cells.append("")
        self.loaded += [value for name, value in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
        if self.open and self.open[-1] == "td":
            self.cells[-1] += data


@pytest.fixture
def own_file(tmp_path):
    """A GB18030 file of three classes named in Chinese, with a row without a label, markup and a copy."""
    with open(ROOT / "tasks/sentiment/reviews.csv", encoding="utf-8", newline="") as file:
        texts = [row["review"] for row in csv.DictReader(file)][:300]
    rows = [[text, "好中差"[i % 3]] for i, text in enumerate(texts)]
    rows += [["<script>alert(1)</script>不错", "好"], [texts[0], "好"], ["没有标签", ""]]
    path = tmp_path / "my.csv"
    with open(path, "w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows([["评论", "情感"], *rows])
    flags = ["--data.text_column", "评论", "--data.label_column", "情感", "--data.groups", "null"]
    flags += ["--data.group_column", "null", "--data.test_size", "null", "--data.validation_size", "null"]
    return [*SENTIMENT, "--data.train", path, *flags]


def test_a_page_and_a_table_of_every_place(own_file, tmp_path, command):
    done = command("check_data.py", *own_file, "--output", tmp_path / "out", DATA_ROOT=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for said in ("303", "without label", "no label", "HTML", "repeated text", "my.csv:303", "errors: 1"):
        assert said in done.stdout
    with open(tmp_path / "out/findings.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    places = {row["kind"]: (int(row["line"]), row["text"]) for row in rows if row["line"]}
    assert places["no label"] == (304, "没有标签")
    assert places["HTML"] == (302, "<script>alert(1)</script>不错")
    assert places["repeated text"][0] == 303
    text = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == [] and page.loaded == []
    assert page.headings[:2] == ["Findings", "error: no label"]
    assert {"Files", "Classes", "Texts in two splits", "Lengths"} <= set(page.headings)
    assert "<script>" not in text and "<script>alert(1)</script>不错" in page.cells
    assert not list((tmp_path / "out").glob("*.partial"))


def test_the_projects_own_reviews_in_seconds_and_nothing_written(tmp_path, command):
    started = time.perf_counter()
    done = command("check_data.py", "--config", ROOT / "configs/quickstart/sentiment-baseline.yaml")
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - started < 10
    assert "errors: 0" in done.stdout and "report:" not in done.stdout


def test_boards_with_faults_are_drawn_and_every_fault_is_a_row(tmp_path, command):
    write_boards(tmp_path / "boards", number=24, size=160)
    damaged = sorted((tmp_path / "boards").rglob("10000*_test.jpg"))
    for file in damaged:
        file.write_bytes(file.read_bytes()[:-400])
    annotation = next((tmp_path / "boards").rglob("20000001.txt"))
    annotation.write_text(f"{annotation.read_text()}150 20 170 40 1\n")
    flags = [*BOARDS, "--data.root", "boards", "--data.group", "-1", "--data-root", tmp_path]
    done = command("check_data.py", *flags, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" and "errors: 2" in done.stdout
    # Training names the first one.
    assert all(f"{file}" in done.stdout for file in damaged)
    with open(tmp_path / "out/findings.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    unread = {row["file"] for row in rows if row["kind"] == "picture cannot be read"}
    assert unread == set(map(str, damaged))
    (outside,) = (row for row in rows if row["kind"] == "box outside")
    assert outside["file"] == str(annotation) and outside["text"] == "open 150 20 170 40"
    page = Page((tmp_path / "out/report.html").read_text(encoding="utf-8"))
    assert page.open == [] and all(source.startswith("data:image/png") for source in page.loaded)
    assert {"Pictures", "Boxes", "Classes", "Anchors", "Targets", "Contact sheet"} <= set(page.headings)
    plots = {file.name for file in (tmp_path / "out/plots").iterdir()}
    assert plots == {"box_sizes.png", "contact_sheet_1.png"}


def test_training_views_of_boards_are_drawn(tmp_path, command):
    write_boards(tmp_path / "boards", number=16, size=160)
    config = ["--config", "configs/quickstart/pcb-regularized.yaml", "--augment.crop", "128"]
    flags = [*config, "--data.root", "boards", "--data-root", tmp_path, "--output", tmp_path / "out"]
    done = command("check_data.py", *flags, "--augmented")
    assert done.returncode == 0, done.stderr
    assert "Training views" in done.stdout and "errors: 0" in done.stdout
    plots = {file.name for file in (tmp_path / "out/plots").iterdir()}
    assert {"training_views_epoch_1.png", "training_views_epoch_10.png"} < plots


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--config", "configs/sentiment/pretrain.yaml"], "for which check is not there yet"),
        ([*BOARDS, "--data.root", "missing"], "missing: no such folder"),
        ([*BOARDS, "--augmented"], "--augmented: found no --output"),
        ([*SENTIMENT, "--augmented", "--output", "x"], "--augmented: found a sentiment configuration"),
        ([], "--config: missing"),
        ([*SENTIMENT, "--data.train", "missing.csv"], "missing.csv: no such file"),
        ([*SENTIMENT, "--data.trian", "a.csv"], "the nearest is --data.train"),
        ([*SENTIMENT, "--ouptut", "x"], "--ouptut: unknown flag; the nearest is --output"),
        ([*SENTIMENT, "--output", "README.md"], "--output: README.md: no folder can be made there"),
        ([*SENTIMENT, "--output", "README.md/a"], "--output: README.md/a: no folder can be made there"),
    ],
)
def test_a_mistake_is_one_line(tmp_path, command, flags, said):
    done = command("check_data.py", *flags, DATA_ROOT=os.fspath(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and said in done.stderr
    assert done.stderr.count("\n") == 1 and done.stdout == ""

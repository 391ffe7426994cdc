"""check_data.py as a user runs it."""

import csv
import html.parser
import os
import time

import pytest

from tests.conftest import ROOT

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


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--config", "configs/pcb/baseline.yaml"], "task: there are no checks of pcb data yet"),
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

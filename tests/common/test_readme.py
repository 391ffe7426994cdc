"""The example of common/README.md runs as it stands; numbers in marked blocks are reference results."""

import re

import pytest

from tasks.reproduce.blocks import fill_blocks, suites_of
from tasks.reproduce.reference import PAGES, read_reference
from tests.conftest import ROOT

SECTIONS = {"README.md": "The article's claims, measured", "README.zh-CN.md": "文章的说法，实测如何"}
REFERENCES = sorted((ROOT / "configs/reproduce/reference").glob("*.json"))


def test_the_ten_lines_run():
    text = (ROOT / "common/README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
    names: dict = {}
    exec(code, names)
    first = names["settings"][0]
    assert (first.rule, first.lr_scale, first.weight_decay) == ("conv1[.].*", 0.1, 1e-4)


@pytest.mark.parametrize("file", REFERENCES, ids=lambda file: file.stem)
def test_every_number_of_a_marked_block_is_that_of_the_reference_results(file):
    reference = read_reference(ROOT / f"configs/reproduce/{file.stem}.yaml")
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert fill_blocks(text, reference) == text


def test_there_are_blocks_of_all_suites_with_reference_results_and_of_no_others():
    marked = set().union(*(suites_of(page.read_text(encoding="utf-8")) for page in PAGES))
    assert marked == {file.stem for file in REFERENCES}


@pytest.mark.parametrize("page", SECTIONS)
def test_every_interval_beside_the_articles_claims_is_one_of_the_reference_results(page):
    text = (
        (ROOT / page).read_text(encoding="utf-8").partition(f"## {SECTIONS[page]}\n")[2].partition("\n## ")[0]
    )
    found = set(re.findall(r"[-+]?[\d.]+ \[[^]]+\]", text))
    known = set()
    for file in REFERENCES:
        reference = read_reference(ROOT / f"configs/reproduce/{file.stem}.yaml")
        for row in (*reference["claims"], *reference["exploratory"]):
            if row["kind"] == "difference" and row["low"] is not None:
                estimate, low, high = (f"{100 * row[name]:.2f}" for name in ("estimate", "low", "high"))
                known |= {f"{estimate} [{low}, {high}]", f"+{estimate} [{low}, {high}]"}
    assert len(found) >= 4 and found <= known

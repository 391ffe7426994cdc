"""The example of common/README.md runs as it stands; numbers in marked blocks are reference results."""

import re

import pytest

from tasks.reproduce.blocks import fill_blocks, suites_of
from tasks.reproduce.reference import PAGES, read_reference
from tests.conftest import ROOT

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

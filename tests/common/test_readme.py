"""The example of common/README.md runs as it stands; numbers in marked blocks are reference results."""

import re

import pytest

from tasks.reproduce.markdown import find_block, markdown
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
    blocks = [block for page in PAGES if (block := find_block(page.read_text(encoding="utf-8"), file.stem))]
    reference = read_reference(ROOT / f"configs/reproduce/{file.stem}.yaml")
    assert blocks and set(blocks) == {markdown(reference, everything=False)}


def test_a_block_without_reference_results_would_be_noticed():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    marked = set(re.findall(r"<!-- reproduce (\w+) -->", text))
    assert marked == {file.stem for file in REFERENCES}

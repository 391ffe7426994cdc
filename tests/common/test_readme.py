"""The example of common/README.md runs as it stands; numbers in marked blocks are reference results."""

import re

import pytest

from tasks.reproduce.blocks import fill_blocks, suites_of
from tasks.reproduce.reference import PAGES, read_reference
from tests.conftest import ROOT

SECTIONS = {"README.md": "The article's claims, measured", "README.zh-CN.md": "文章的说法，实测如何"}
RECIPE = "regularized - baseline"
SHOWN = [
    ("sentiment", RECIPE, "labels_1000", "validation", "difference"),
    ("sentiment", RECIPE, "labels_1000", "test", "difference"),
    ("sentiment", RECIPE, "labels_500", "test", "difference"),
    ("sentiment", RECIPE, "labels_3000", "test", "difference"),
    ("sentiment", RECIPE, "labels_1000", "validation", "spread_over_seeds"),
    ("sentiment", RECIPE, "labels_1000", "validation", "spread_within_run"),
    (
        "strength",
        "dropout_without_warmup_0.7 - dropout_without_warmup_0",
        "labels_1000",
        "validation",
        "difference",
    ),
]
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
def test_the_intervals_beside_the_articles_claims_are_the_reference_results(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    section = text.partition(f"## {SECTIONS[page]}\n")[2].partition("\n## ")[0]
    assert re.findall(r"[-+]?[\d.]+ \[[^]]+\]", section) == [interval(*comparison) for comparison in SHOWN]


def interval(suite: str, pair: str, regime: str, split: str, kind: str) -> str:
    """Of accuracy in points, or of F1 a ratio of standard deviations, as the pages write it."""
    reference = read_reference(ROOT / f"configs/reproduce/{suite}.yaml")
    arm, baseline = pair.split(" - ")
    wanted = {"arm": arm, "baseline": baseline, "regime": regime, "split": split, "kind": kind}
    wanted["metric"] = "accuracy" if kind == "difference" else "f1_macro"
    rows = [row for row in (*reference["claims"], *reference["exploratory"]) if wanted.items() <= row.items()]
    estimate, low, high = (rows[0][name] for name in ("estimate", "low", "high"))
    if kind == "difference":
        return f"{100 * estimate:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"
    return f"{estimate:.2f} [{low:.2f}, {high:.2f}]"

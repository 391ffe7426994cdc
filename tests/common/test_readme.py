"""The example of common/README.md runs as it stands; numbers in marked blocks are reference results."""

import re

import pytest

from tasks.reproduce.blocks import fill_blocks, suites_of
from tasks.reproduce.reference import PAGES, read_reference
from tests.conftest import ROOT

SECTIONS = {"README.md": "The article's claims, measured", "README.zh-CN.md": "文章的说法，实测如何"}
RECIPE = "regularized - baseline"
TUNED = "regularized_best - baseline_best"
STRONG = "dropout_without_warmup_0.7 - dropout_without_warmup_0"
SHOWN = [
    ("sentiment", RECIPE, "labels_1000", "validation", "accuracy", "difference"),
    ("sentiment", RECIPE, "labels_1000", "test", "accuracy", "difference"),
    ("sentiment", RECIPE, "labels_500", "test", "accuracy", "difference"),
    ("sentiment", RECIPE, "labels_3000", "test", "accuracy", "difference"),
    ("search", TUNED, "labels_1000", "test", "accuracy", "difference"),
    ("search", TUNED, "labels_1000", "validation", "accuracy", "difference"),
    ("sentiment", RECIPE, "labels_1000", "validation", "f1_macro", "spread_over_seeds"),
    ("sentiment", RECIPE, "labels_1000", "test", "f1_macro", "spread_over_seeds"),
    ("sentiment", RECIPE, "labels_1000", "validation", "f1_macro", "spread_within_run"),
    ("strength", STRONG, "labels_1000", "validation", "accuracy", "difference"),
    ("pcb", RECIPE, "pictures_300", "test", "map_50", "difference"),
    ("pcb", RECIPE, "pictures_300", "validation", "map_50", "difference"),
    ("pcb", RECIPE, "pictures_100", "test", "map_50", "difference"),
    ("pcb", RECIPE, "pictures_all", "test", "map_50", "difference"),
    ("pcb", RECIPE, "pictures_300", "test", "miss_rate_small", "difference"),
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


def test_the_articles_decay_changes_no_metric():
    runs = read_reference(ROOT / "configs/reproduce/sentiment.yaml")["runs"]
    for seed in range(5):
        arms = "regularized", "without_decay", "without_decay_by_layer", "only_dropout"
        found = [runs[f"{arm}-labels_3000-seed{seed}"]["metrics"] for arm in arms]
        assert "loss" in found[0]["test"] and found.count(found[0]) == len(arms)
    runs = read_reference(ROOT / "configs/reproduce/strength.yaml")["runs"]
    for seed in range(5):
        found = {
            decay: runs[f"weight_decay_{decay}-labels_1000-seed{seed}"]["metrics"]
            for decay in ("0", "5e-05", "0.0001", "0.001", "0.01", "0.1")
        }
        assert found["0"] == found["5e-05"]
        accuracy = {decay: metrics["validation"]["accuracy"] for decay, metrics in found.items()}
        weak = {accuracy[decay] for decay in accuracy if decay != "0.1"}
        assert weak == {accuracy["0"]}
        assert accuracy["0.1"] - accuracy["0"] == pytest.approx(0.001 * (seed in (2, 3)))


def interval(suite: str, pair: str, regime: str, split: str, metric: str, kind: str) -> str:
    """A difference in points, or a ratio of standard deviations, as the pages write it."""
    reference = read_reference(ROOT / f"configs/reproduce/{suite}.yaml")
    arm, baseline = pair.split(" - ")
    wanted = {"arm": arm, "baseline": baseline, "regime": regime, "split": split, "metric": metric}
    rows = [*reference["claims"], *reference["exploratory"]]
    row = next(row for row in rows if {**wanted, "kind": kind}.items() <= row.items())
    if kind == "difference":
        return "{:+.2f} [{:+.2f}, {:+.2f}]".format(*(100 * row[name] for name in ("estimate", "low", "high")))
    return "{estimate:.2f} [{low:.2f}, {high:.2f}]".format(**row)

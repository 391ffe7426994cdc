"""Files of suites: what is read from them, and what is said of wrong ones."""

import dataclasses

import pytest

from common.errors import UserError
from tasks.reproduce.cells import check_cells, check_evaluations, confirming, expand, find_cell
from tasks.reproduce.estimate import Estimate, duration
from tasks.reproduce.reference import read_reference
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tests.conftest import ROOT
from tests.reproduce.made_runs import SUITE, write_suite

SUITES = sorted((ROOT / "configs/reproduce").glob("*.yaml"))


@pytest.mark.parametrize("file", SUITES, ids=lambda file: file.stem)
def test_every_suite_of_the_repository_can_be_run(file):
    suite = read_suite(file)
    cells = expand(suite, file.parent)
    names = [cell.name for cell in cells]
    assert len(set(names)) == len(names) > 0
    for cell in {(c.arm, c.regime): c for c in cells}.values():
        assert cell.resolved().train.steps == cell.steps


@pytest.mark.parametrize(
    "suite, regime, regularizing",
    [
        (
            "sentiment",
            "labels_1000",
            {"optim.weight_decay", "optim.weight_decay_layer_decay", "model.dropout"},
        ),
        ("pcb", "pictures_300", {"optim.weight_decay", "model.dropout", "augment.mixup.probability"}),
    ],
)
def test_baseline_and_regularized_differ_in_what_regularizes_only(suite, regime, regularizing):
    cells = expand(read_suite(file := ROOT / f"configs/reproduce/{suite}.yaml"), file.parent)
    first, second = (
        leaves(dataclasses.asdict(find_cell(cells, f"{arm}-{regime}-seed3").resolved()))
        for arm in ("baseline", "regularized")
    )
    assert {name for name in first | second if first.get(name) != second.get(name)} == regularizing
    assert first["train.seed"] == second["data.seed"] == 3


def leaves(values, before=""):
    """Dotted names and values of nested dictionaries."""
    found = {}
    for name, value in values.items():
        found |= leaves(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


def test_a_cell_is_the_command_that_a_user_would_type(tmp_path):
    cell = expand(read_suite(write_suite(tmp_path)), tmp_path)[0]
    assert cell.name == "baseline-small-seed0"
    assert " ".join(cell.flags()[2:]) == (
        "--seed 0 --train.steps 100 --data.train_size 160 --train.evaluate_every 5"
    )
    assert cell.resolved().data.train_size == 160


def test_seeds_are_the_outermost_so_that_pairs_are_ready_early(tmp_path):
    cells = expand(read_suite(write_suite(tmp_path)), tmp_path)
    assert [(c.seed, c.arm) for c in cells[:4]] == [
        (0, "baseline"),
        (0, "regularized"),
        (0, "other"),
        (1, "baseline"),
    ]


def test_the_tuned_recipe_is_what_the_search_chose():
    search = read_suite(file := ROOT / "configs/reproduce/search.yaml")
    best = read_reference(file)["best"]
    chosen = next(c for c in confirming(search, file.parent, best) if c.arm == "regularized_best").resolved()
    suite = read_suite(file := ROOT / "configs/reproduce/sentiment.yaml")
    tuned = next(cell for cell in expand(suite, file.parent) if cell.arm == "tuned").resolved()
    assert (tuned.optim, tuned.model) == (chosen.optim, chosen.model)


def test_a_sweep_is_an_arm_a_combination_and_is_confirmed_with_other_seeds():
    suite = read_suite(file := ROOT / "configs/reproduce/search.yaml")
    trials = {name: sweep.arms(name) for name, sweep in suite.sweeps.items()}
    assert len(trials["baseline"]) == len(trials["regularized"]) == 12
    best = {"baseline": "baseline_0.0001_0.1", "regularized": "regularized_0.0002_0.01_0.4"}
    cells = confirming(suite, file.parent, best)
    assert {cell.arm for cell in cells} == {"baseline_best", "regularized_best"}
    assert not {cell.seed for cell in cells} & {cell.seed for cell in expand(suite, file.parent)}
    assert cells[0].resolved().optim.learning_rate == 1e-4


def test_hours_are_steps_times_seconds_until_runs_have_been_measured(tmp_path):
    suite, store = read_suite(write_suite(tmp_path)), Store(tmp_path / "out")
    cells = expand(suite, tmp_path)
    estimate = Estimate(suite, store, cells)
    assert estimate.seconds(cells[0]) == 10 + 100 * 0.5
    estimate.learn(cells[0], Record(True, 900.0, interrupted=True))
    assert estimate.seconds(cells[1]) == 10 + 100 * 0.5
    estimate.learn(cells[0], Record(True, 20.0))
    assert estimate.seconds(cells[1]) == 20.0
    assert [duration(s) for s in (40, 600, 7200)] == ["40 s", "10.0 min", "2.0 hours"]


WRONG = {
    "an unknown key": ("claims:", "clams:", "clams: unknown key; the nearest is claims"),
    "an unknown key of an arm": ("overrides: {model", "override: {model", "arms.other: override: unknown"),
    "no such arm": ("arms: [baseline, reg", "arms: [basline, reg", "name of an arm or sweep; the nearest"),
    "no such regime": ("split: validation, regime: small, figure: 0.032", "split: validation, regime: big",
                       "claims.1.regime: found 'big', expected the name of a regime; the nearest is small"),
    "text for a number": ("steps: 100", "steps: many", "regimes.small: steps: found \"many\""),
    "no seeds": ("seeds: 5", "seeds: 0", "groups.1: seeds: found 0"),
    "another split": ("splits: [validation, test]", "splits: [tests]", "groups.1: splits"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_suite_is_one_line_that_names_the_field(tmp_path, case):
    old, new, expected = WRONG[case]
    assert old in SUITE
    file = write_suite(tmp_path, SUITE.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        read_suite(file)
    assert expected in str(error.value) and str(error.value).startswith(str(file))


SPLITS = {"splits: [validation, test]": "splits: [validation]"}
UNFIT = {
    "a claim on a split that no run is read on": (
        {**SPLITS, "metric: accuracy, split: validation": "metric: accuracy, split: test"},
        "claims.1: found no runs of baseline in small with the split test",
    ),
    "fluctuation within a run on test": (
        {"within_run, metric: f1_macro, split: validation": "within_run, metric: f1_macro, split: test"},
        "claims.3.split: found test, expected validation",
    ),
    "an arm against itself": (
        {"figure: 0.032}": "figure: 0.032, arm: baseline}"},
        "claims.1.arm: found baseline, the baseline itself",
    ),
    "forty times less": (
        {"varies less, ": "varies less, figure: 40, "},
        "claims.2.figure: found 40, expected less than 1",
    ),
    "a seed twice": ({"seeds: 5": "seeds: [1, 2, 1]"}, "groups.1.seeds: found 1 twice"),
    "one draw of the data twice": (
        {"claims:": "sources: [{arms: [baseline], regimes: [small, small], metric: accuracy}]\nclaims:"},
        "sources.1.regimes: found small, small, expected each once",
    ),
    "a draw of the data without runs": (
        {
            "claims:": "sources: [{arms: [baseline], regimes: [small, big], metric: accuracy}]\nclaims:",
            "  small: {": "  big: {steps: 1, seconds_per_step: 1}\n  small: {",
        },
        "sources.1: found no runs of baseline in big with the split validation",
    ),
    "two runs of one name": (
        {
            "  other:": "  baseline-small:",
            "regularized, other]": "regularized, baseline-small]",
            "  small: {": "  small-small: {steps: 1, seconds_per_step: 1}\n  small: {",
            "groups:": "groups:\n  - {arms: [baseline], regime: small-small, seeds: 1}",
        },
        "groups: runs of baseline in small-small and of baseline-small in small have one name",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_parts_that_do_not_fit_together_are_told_of_before_anything_runs(tmp_path, case):
    replaced, expected = UNFIT[case]
    text = SUITE
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new, 1)
    with pytest.raises(UserError) as error:
        read_suite(write_suite(tmp_path, text))
    assert expected in str(error.value)


SEARCH = (ROOT / "configs/reproduce/search.yaml").read_text(encoding="utf-8")
SEARCH_UNFIT = {
    "seeds of the search again": (
        "seeds: [200,",
        "seeds: [101,",
        "confirmation.seeds: found 101, with which",
    ),
    "a trial confirmed before it is known": (
        "arms: [baseline, regularized]",
        "arms: [baseline_best]",
        "groups.1.arms: found 'baseline_best', expected the name of an arm or sweep",
    ),
    "a field without values": (
        "optim.warmup: [0.0, 0.1]",
        "optim.warmup: []",
        "optim.warmup: found []",
    ),
    "two trials of one name": (
        "optim.warmup: [0.0, 0.1]",
        "optim.warmup: [0.1, 0.10000001]",
        "sweeps.baseline.fields: found 12 trials with 6 names",
    ),
    "a sweep that no group runs": (
        "arms: [baseline, regularized]",
        "arms: [regularized]",
        "confirmation: found no runs of baseline in labels_1000",
    ),
    "a name that is no folder's": (
        "optim.warmup: [0.0, 0.1]",
        "model.weights: [a/b]",
        "sweeps: found a trial named 'baseline_3e-05_a/b'",
    ),
}


@pytest.mark.parametrize("case", SEARCH_UNFIT)
def test_a_search_that_confirms_nothing_new_is_refused(tmp_path, case):
    old, new, expected = SEARCH_UNFIT[case]
    assert old in SEARCH
    with pytest.raises(UserError) as error:
        read_suite(write_suite(tmp_path, SEARCH.replace(old, new)))
    assert expected in str(error.value)


@pytest.mark.parametrize(
    "old, new, expected",
    [
        ("model.dropout: 0.1", "model.dropot: 0.1", "cell other-small-seed0: --model.dropot: unknown flag"),
        ("model.dropout: 0.1", "model.dropout: 2", "cell other-small-seed0: command line: model.dropout"),
        ("sentiment-baseline.yaml, ov", "missing.yaml, ov", "cell other-small-seed0: "),
        (
            "model.dropout: 0.1",
            "train.seed: 3",
            "cell other-small-seed0: train.seed: found 3 among the overrides, expected 0 of its group",
        ),
        (
            "data.train_size: 160",
            "train.steps: 40",
            "cell baseline-small-seed0: train.steps: found 40 among the overrides, expected 100",
        ),
    ],
)
def test_a_wrong_override_is_told_of_before_anything_runs(tmp_path, old, new, expected):
    cells = expand(read_suite(write_suite(tmp_path, SUITE.replace(old, new))), tmp_path)
    with pytest.raises(UserError) as error:
        check_cells(cells)
    assert str(error.value).startswith(expected)


@pytest.mark.parametrize("every, found, times", [("null", None, 0), (25, 25, 2)])
def test_fluctuation_within_runs_that_are_seldom_read_is_refused(tmp_path, every, found, times):
    suite = read_suite(write_suite(tmp_path, SUITE.replace("evaluate_every: 5", f"evaluate_every: {every}")))
    with pytest.raises(UserError, match=f"train.evaluate_every: found {found}, .* {times} times late"):
        check_evaluations(suite, expand(suite, tmp_path))
    suite = read_suite(write_suite(tmp_path))
    check_evaluations(suite, expand(suite, tmp_path))


def test_an_unknown_cell_is_answered_with_the_nearest(tmp_path):
    cells = expand(read_suite(write_suite(tmp_path)), tmp_path)
    with pytest.raises(UserError, match="the nearest is baseline-small-seed3"):
        find_cell(cells, "baselin-small-seed3")

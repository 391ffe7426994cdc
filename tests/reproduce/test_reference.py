"""Reference results: kept in parts, arms in their regimes whole or not at all."""

import json

import pytest

from common.errors import UserError
from common.evaluation.verdict import holm
from tasks.reproduce.cells import confirming, expand
from tasks.reproduce.command import Reproduction
from tasks.reproduce.flags import flags_parser
from tasks.reproduce.markdown import markdown
from tasks.reproduce.reference import read_reference, reference_file
from tasks.reproduce.results import Results, choose_best
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import QUICKSTART, SUITE, finish, write_suite

pytestmark = pytest.mark.usefixtures("few_replicates")
WRONG = {"baseline": 0.30, "regularized": 0.10, "other": 0.29}
BASELINE = QUICKSTART / "sentiment-baseline.yaml"


@pytest.fixture()
def keep(tmp_path):
    """Finish cells (an arm's name, or arm and seed) in a folder, keep them; what the reference then holds."""
    file = write_suite(tmp_path)

    def call(folder, *chosen, wrong=WRONG):
        suite, store = read_suite(file), Store(tmp_path / folder)
        cells = expand(suite, tmp_path)
        for cell in [c for c in cells if c.arm in chosen or (c.arm, c.seed) in chosen]:
            finish(store, cell, wrong[cell.arm])
        for cell in confirming(suite, tmp_path, choose_best(Results(suite, cells, store))):
            if cell.arm in chosen:
                finish(store, cell, wrong[cell.arm])
        flags = ["--suite", str(file), "--output", str(store.folder), "--report-only", "--write-reference"]
        Reproduction(flags_parser("").parse_args(flags)).run()
        return read_reference(file)

    call.file = reference_file(file)
    return call


def arms(reference):
    return sorted((run["arm"], run["seed"]) for run in reference["runs"].values())


def test_an_arm_without_all_its_seeds_is_not_kept_and_no_claim_rests_on_it(keep):
    reference = keep("first", "baseline", ("regularized", 0), ("regularized", 1))
    assert arms(reference) == [("baseline", seed) for seed in range(5)]
    assert reference["planned"] == 15
    assert {claim["verdict"] for claim in reference["claims"]} == {"no pair of runs yet"}
    assert reference["exploratory"] == []


def test_without_a_whole_arm_nothing_is_kept(keep):
    with pytest.raises(UserError, match="--write-reference: found 2 of 15 runs, expected at least all seeds"):
        keep("first", ("baseline", 0), ("regularized", 0))
    assert not keep.file.exists()


def test_parts_kept_from_one_folder_as_it_fills_are_what_the_whole_gives(keep):
    parts = [("baseline", "regularized"), ("other",)]
    for part in parts:
        keep("one", *part)
    found = keep.file.read_bytes()
    keep.file.unlink()
    keep("one")
    assert found == keep.file.read_bytes()


def test_what_another_folder_lacks_stays_and_what_it_has_is_taken(keep):
    first = keep("first", "baseline", "regularized")
    second = keep("second", "other")
    assert arms(second) == [(arm, seed) for arm in ("baseline", "other", "regularized") for seed in range(5)]
    assert second["claims"] == first["claims"] and second["exploratory"] == first["exploratory"]
    assert first["claims"][0]["verdict"] == "reached"
    third = keep("second", "baseline")
    assert {claim["verdict"] for claim in third["claims"]} == {"no pair of runs in one folder"}
    assert {row["arm"] for row in third["exploratory"]} == {"other"}
    tested = [row for row in third["exploratory"] if row["p_value"] is not None]
    smallest = min(row["p_value"] for row in tested)
    corrected = min(row["adjusted"] for row in tested)
    assert corrected == pytest.approx(min(1, len(tested) * smallest))


def test_an_environment_that_differs_between_parts_is_told(keep, monkeypatch):
    keep("first", "baseline")
    monkeypatch.setattr("tests.reproduce.made_runs.PYTHON", "3.10")
    found = keep("second", "other")
    assert found["differing"] == {"python": ["3.11", "3.10"]}


def test_arms_that_the_suite_has_no_more_are_dropped(keep, tmp_path):
    keep("first", "baseline", "other")
    file = tmp_path / "made.yaml"
    text = file.read_text(encoding="utf-8").replace("regularized, other]", "regularized]")
    file.write_text(text, encoding="utf-8")
    assert {arm for arm, _ in arms(keep("first"))} == {"baseline"}


@pytest.mark.parametrize(
    "old, new",
    [
        ("steps: 100", "steps: 50"),
        ("seeds: 5", "seeds: 3"),
        ("model.dropout: 0.1", "model.dropout: 0.6"),
    ],
)
def test_what_the_suite_asks_for_no_more_is_dropped(keep, tmp_path, old, new):
    keep("first", "other", "baseline")
    write_suite(tmp_path, SUITE.replace(old, new))
    kept = {arm for arm, _ in arms(keep("second", "regularized"))}
    assert kept == {"regularized"} | ({"baseline"} if "dropout" in old else set())


def test_runs_of_a_recipe_whose_file_has_changed_are_dropped(keep, tmp_path):
    recipe = tmp_path / "other.yaml"
    text = SUITE.replace(f"config: {BASELINE}, overrides", f"config: {recipe}, overrides")
    recipe.write_text(f"extends: {BASELINE}\noptim: {{learning_rate: 1e-4}}\n", encoding="utf-8")
    write_suite(tmp_path, text)
    keep("first", "other", "baseline")
    recipe.write_text(f"extends: {BASELINE}\noptim: {{learning_rate: 3e-4}}\n", encoding="utf-8")
    assert {arm for arm, _ in arms(keep("second", "regularized"))} == {"baseline", "regularized"}


TWO_REGIMES = f"""
title: Two recipes, each with its own baseline and regime
seconds_per_run: 10
arms:
  baseline: {{config: {BASELINE}}}
  other: {{config: {BASELINE}, overrides: {{model.dropout: 0.1}}}}
  wide: {{config: {BASELINE}, overrides: {{model.dropout: 0.2}}}}
  wider: {{config: {BASELINE}, overrides: {{model.dropout: 0.3}}}}
baselines: [baseline, wide]
regimes:
  small: {{steps: 100, seconds_per_step: 0.5, overrides: {{data.train_size: 160}}}}
  again: {{steps: 100, seconds_per_step: 0.5, overrides: {{data.train_size: 170}}}}
groups:
  - {{arms: [baseline, other], regime: small, seeds: 5}}
  - {{arms: [wide, wider], regime: again, seeds: 5}}
"""


def test_what_two_folders_gave_is_corrected_and_ordered_as_from_one(keep, tmp_path):
    write_suite(tmp_path, TWO_REGIMES)
    wrong = {"baseline": 0.30, "other": 0.25, "wide": 0.30, "wider": 0.26}
    first = keep("first", "wide", "wider", wrong=wrong)["exploratory"]
    both = keep("second", "baseline", "other", wrong=wrong)["exploratory"]
    assert len(both) == 2 * len(first) and {row["arm"] for row in both} == {"other", "wider"}
    corrected = holm([row["p_value"] for row in both])
    assert [row["adjusted"] for row in both] == pytest.approx(corrected.tolist())
    keep.file.unlink()
    assert keep("third", *wrong, wrong=wrong)["exploratory"] == both
    alone = {row["metric"]: row["adjusted"] for row in first}
    assert any(row["adjusted"] > alone[row["metric"]] for row in both if row["arm"] == "wider")


@pytest.mark.parametrize("old, new", [("Accuracy rises", "It rises"), ("figure: 0.032", "figure: 0.5")])
def test_a_claim_that_is_another_now_is_not_answered_by_the_old_one(keep, tmp_path, old, new):
    keep("first", "baseline", "regularized")
    write_suite(tmp_path, SUITE.replace(old, new))
    claims = keep("second", "other")["claims"]
    assert len(claims) == 3 and claims[0]["verdict"] == "no pair of runs in one folder"
    assert not claims[1]["verdict"].startswith("no pair of runs")
    again = keep("first")["claims"][0]
    assert (again["text"], again["figure"]) != ("Accuracy rises", 0.032) and again["estimate"] > 0.1


def test_spread_by_source_is_kept_with_its_runs(keep, tmp_path):
    regimes = "regimes:\n  again: {steps: 100, seconds_per_step: 0.5, overrides: {data.train_size: 170}}"
    group = "groups:\n  - {arms: [baseline, other], regime: again, seeds: 5}"
    text = SUITE.partition("claims:")[0].replace("regimes:", regimes).replace("groups:", group)
    sources = "sources: [{arms: [baseline, other], regimes: [small, again], metric: accuracy}]"
    write_suite(tmp_path, text + sources)
    first = keep("first", "baseline")["sources"]
    assert [row["arm"] for row in first] == ["baseline"]
    assert first[0]["seeds"] == 5
    both = keep("second", "other")["sources"]
    assert [row["arm"] for row in both] == ["baseline", "other"] and first[0] in both


SEARCH = (
    SUITE.partition("arms:")[0]
    + """
sweeps:
  baseline: {config: QUICKSTART/sentiment-baseline.yaml, fields: {model.dropout: [0.1, 0.2]}}
baselines: []
regimes:
  small: {steps: 100, seconds_per_step: 0.5, overrides: {data.train_size: 160}}
groups: [{arms: [baseline], regime: small, seeds: [7]}]
confirmation: {sweeps: [baseline], regime: small, seeds: [8]}
""".replace("QUICKSTART", SUITE.partition("config: ")[2].partition("/sentiment")[0])
)


def test_a_search_that_chooses_another_trial_drops_the_confirmation_of_the_first(keep, tmp_path):
    write_suite(tmp_path, SEARCH)
    trials = ("baseline_0.1", "baseline_0.2")
    wrong = {"baseline_0.1": 0.1, "baseline_0.2": 0.3, "baseline_best": 0.1}
    first = keep("first", *wrong, wrong=wrong)
    assert first["best"] == {"baseline": "baseline_0.1"} and ("baseline_best", 8) in arms(first)
    second = keep("second", *trials, wrong=dict(zip(trials, (0.3, 0.1))))
    assert second["best"] == {"baseline": "baseline_0.2"}
    assert (
        "for baseline_best: baseline_0.2 (train.steps 100, data.train_size 160, model.dropout 0.2)"
        in markdown(second)
    )
    assert arms(second) == [(trial, 7) for trial in trials]


@pytest.mark.parametrize("trials", ["[0.2, 0.5]", "[0.1, 0.2, 0.5, 0.6]"])
def test_a_search_with_other_trials_drops_what_the_first_chose(keep, tmp_path, trials):
    write_suite(tmp_path, SEARCH)
    wrong = {"baseline_0.1": 0.1, "baseline_0.2": 0.3, "baseline_0.5": 0.3, "baseline_best": 0.1}
    keep("first", *wrong, wrong=wrong)
    write_suite(tmp_path, SEARCH.replace("[0.1, 0.2]", trials))
    second = keep("second", "baseline_0.5", wrong=wrong)
    kept = [arm for arm in wrong if arm.partition("_")[2] in trials]
    assert second["best"] == {} and arms(second) == [(arm, 7) for arm in kept]


def test_a_confirmation_of_a_trial_that_is_no_longer_the_best_is_refused(tmp_path, monkeypatch):
    file = write_suite(tmp_path, SEARCH)
    suite, store = read_suite(file), Store(tmp_path / "out")
    first, second = expand(suite, tmp_path)
    finish(store, first, wrong=0.3)
    store.write(second, Record(False, 5.0, ["error: No space left"] * 2, second.config_hash()))
    (best,) = confirming(suite, tmp_path, choose_best(Results(suite, [first, second], store)))
    finish(store, best, wrong=0.3)
    # The broken trial is tried again, comes to its end, and is better.
    monkeypatch.setattr(Reproduction, "_run_possible", lambda *_: finish(store, second, wrong=0.1))
    flags = ["--suite", str(file), "--output", str(store.folder)]
    with pytest.raises(UserError, match=f"cell {best.name} has changed since it was run"):
        Reproduction(flags_parser("").parse_args(flags)).run()


def test_a_broken_run_of_another_configuration_is_refused(keep, tmp_path):
    suite, store = read_suite(write_suite(tmp_path)), Store(tmp_path / "first")
    cell = next(cell for cell in expand(suite, tmp_path) if cell.arm == "other")
    store.write(cell, Record(False, 5.0, ["error: loss is nan"] * 2, cell.config_hash()))
    store.check_unchanged(cell)
    write_suite(tmp_path, SUITE.replace("model.dropout: 0.1", "model.dropout: 0.2"))
    with pytest.raises(UserError, match=f"cell {cell.name} has changed since it failed: .*{cell.name}.json"):
        keep("first", "baseline")


def test_a_suite_of_ones_own_leaves_the_pages_of_the_project_alone(keep, tmp_path, monkeypatch):
    page = tmp_path / "README.md"
    page.write_text("<!-- reproduce made -->\nold\n<!-- end of reproduce made -->\n", encoding="utf-8")
    monkeypatch.setattr("tasks.reproduce.reference.PAGES", (page,))
    keep("first", "baseline")
    assert "\nold\n" in page.read_text(encoding="utf-8")
    monkeypatch.setattr("tasks.reproduce.reference.SUITES", tmp_path.resolve())
    keep("first", "baseline")
    assert "\nold\n" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda kept: kept.pop("sources"), "sources: found NoneType, expected list"),
        (
            lambda kept: kept["exploratory"].append({**kept["claims"][0], "p_value": None, "adjusted": None}),
            "exploratory.1: found no uncorrected_verdict",
        ),
        (lambda kept: kept.update(sources=[{"arm": "baseline", "regimes": []}]), "sources.1: found no seeds"),
        (lambda kept: kept.update(suite="other"), "suite: found 'other', expected the results of made"),
        (
            lambda kept: kept["runs"]["baseline-small-seed3"].pop("config_sha256"),
            "runs.baseline-small-seed3: found no",
        ),
    ],
)
def test_a_file_that_lacks_something_is_refused_before_anything_is_merged_into_it(keep, change, found):
    kept = keep("first", "baseline")
    change(kept)
    keep.file.write_text(json.dumps(kept), encoding="utf-8")
    before = keep.file.read_bytes()
    with pytest.raises(UserError, match=f"made.json: {found}"):
        keep("first", "other")
    assert keep.file.read_bytes() == before

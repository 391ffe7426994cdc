"""What tables say of finished cells; these here were made by the tests."""

import json

import pytest

from tasks.reproduce.comparison_tables import (
    baseline_table,
    estimate,
    exploratory_table,
)
from tasks.reproduce.markdown import made_on, markdown
from tasks.reproduce.reference import read_reference
from tasks.reproduce.tables import metric_table, regime_table
from tests.conftest import ROOT


def test_an_interval_over_seeds_alone_says_so():
    row = {"kind": "difference", "estimate": 0.01, "low": -0.02, "high": 0.04, "units": 0}
    assert estimate(row) == "+1.00 [-2.00, +4.00] (seeds alone)"
    assert estimate({**row, "units": 500}) == "+1.00 [-2.00, +4.00]"


def test_code_that_is_not_its_commits_is_said_to_differ():
    summary = {"runs": {"a": {"seconds": 90.0}}, "planned": 2, "differing": {}}
    summary["environment"] = {"git_commit": "a" * 40}
    assert made_on(summary) == f"1 of 2 runs, 1.5 min of work on an unknown machine, commit {'a' * 12}."
    summary["runs"]["b"] = {"seconds": None}
    assert made_on(summary).startswith("2 of 2 runs, 1.5 min of work (without 1 interrupted) on")
    summary["environment"]["git_commit"] += "-dirty"
    assert made_on(summary).endswith("with changes that it has not.")


def test_runs_of_two_machines_are_not_said_to_be_of_one():
    differing = {"processor": ["A x 2", "B x 2"], "git_commit": ["a" * 40, "b" * 40]}
    summary = {"runs": {}, "planned": 2, "differing": differing}
    summary["environment"] = {"processor": "A x 2", "device": "cpu", "git_commit": "a" * 40}
    assert "on A x 2 and others, cpu, commit aaaaaaaaaaaa and others." in made_on(summary)


@pytest.mark.parametrize("change", [{"environment": {"processor": "another"}}, {"seconds": None}])
def test_minutes_are_of_seeds_whose_runs_were_done_in_one_go_on_one_kind_of_processor(summary, change):
    """One seed's runs took an hour, one of them elsewhere or in two parts."""
    changed = {
        name: {**run, "seconds": 3600.0, **(change if run["arm"] == "baseline" else {})}
        for name, run in summary["runs"].items()
        if run["seed"] == 1
    }
    some = regime_table({**summary, "runs": {**summary["runs"], **changed}}, "small", "sentiment", "test")
    assert some.columns[-1] == "minutes a run" and {row[-1] for row in some.rows} == {"1.0"}
    none = regime_table({**summary, "runs": changed}, "small", "sentiment", "test")
    assert none.columns[-1] == "runs"


def test_a_ratio_that_one_run_leaves_undefined_says_so():
    row = {"kind": "spread_within_run", "estimate": None, "low": None, "high": None, "seeds": 5}
    assert estimate(row) == "- (a run does not fluctuate at all)"
    assert estimate({**row, "seeds": 0}) == "-"


def test_every_arm_stands_against_the_baseline_on_both_splits(summary):
    table = baseline_table(summary)
    assert table.columns == ["arm - baseline", "regime", "metric", "validation", "test"]
    rows = {row[0]: row for row in table.rows}
    assert set(rows) == {"regularized - baseline", "other - baseline"}
    claim = summary["claims"][0]
    assert rows["regularized - baseline"][3] == f"{estimate(claim)}, claim"
    found = {row["split"]: row for row in summary["exploratory"]
             if (row["arm"], row["metric"]) == ("other", "accuracy")}  # fmt: skip
    assert [rows["other - baseline"][i].startswith(estimate(found[split])) for i, split in
            ((3, "validation"), (4, "test"))] == [True, True]  # fmt: skip
    assert rows["regularized - baseline"][4].endswith(", better")
    assert "| arm - baseline |" in markdown(summary, everything=False)


def test_an_arm_that_was_not_evaluated_on_a_split_has_no_row_there(summary):
    changed = json.loads(json.dumps(summary))
    for run in changed["runs"].values():
        if run["arm"] == "regularized":
            del run["metrics"]["test"]
    arms = {
        split: [row[0] for row in regime_table(changed, "small", "sentiment", split).rows]
        for split in ("validation", "test")
    }
    assert arms["validation"] == ["baseline", "regularized", "other (exploratory)"]
    assert arms["test"] == ["baseline", "other (exploratory)"]


def test_a_gain_within_the_margin_is_no_relevant_effect_in_either_direction(summary):
    row = next(row for row in summary["exploratory"] if row["arm"] == "regularized")
    said = {
        table_row[-1]
        for low, high in ((0.002, 0.004), (-0.004, -0.002))
        for table_row in exploratory_table(
            {"exploratory": [{**row, "low": low, "high": high, "adjusted": 1e-6}]}
        ).rows
    }
    assert said == {"no relevant effect"}


def test_a_mean_over_the_runs_that_did_not_diverge_says_so(summary):
    rows = {row[0]: row[1] for row in metric_table(summary, "accuracy", "test").rows}
    assert rows["other"].endswith("(4 of 5 runs)") and "runs" not in rows["baseline"]
    table = baseline_table(summary)
    assert {row[0]: row[3].endswith("(4 of 5 seeds)") for row in table.rows} == {
        "regularized - baseline": False,
        "other - baseline": True,
    }


def test_a_broken_run_stands_only_in_splits_of_its_arm(summary):
    changed = json.loads(json.dumps(summary))
    for run in changed["runs"].values():
        if run["arm"] == "other":
            run["metrics"].pop("test", None)
    rows = {
        split: regime_table(changed, "small", "sentiment", split).rows for split in ("validation", "test")
    }
    assert [row[0] for row in rows["test"]] == ["baseline", "regularized"]
    assert any("4 of 5" in row for row in rows["validation"])


def test_a_metric_of_one_task_has_no_rows_of_another():
    smoke = read_reference(ROOT / "configs/reproduce/smoke.yaml")
    for metric, task in (("accuracy", "sentiment"), ("map_50", "pcb")):
        table = metric_table(smoke, metric, "validation")
        assert [row[0] for row in table.rows] == [f"{task}_baseline", f"{task}_regularized"]
        assert all(cell.endswith("(2 runs)") for row in table.rows for cell in row[1:])

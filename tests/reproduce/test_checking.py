"""New runs beside reference results: what is compared, and what is said where nothing can be."""

import json

from tasks.reproduce.analysis import Analysis
from tasks.reproduce.cells import expand
from tasks.reproduce.checking import compare_with_reference, differences
from tasks.reproduce.report import write_reports
from tasks.reproduce.results import Results
from tasks.reproduce.store import Record, Store
from tasks.reproduce.summary import summarize_suite
from tests.reproduce.made_runs import finish
from tests.reproduce.packs import WRONG


def test_a_check_stands_in_both_pages(made, tmp_path):
    suite, cells, store = made[0].suite, expand(made[0].suite, made[1])[:2], Store(tmp_path / "out")
    for cell in cells:
        finish(store, cell, WRONG[cell.arm])
    results = Results(suite, cells, store)
    whole = summarize_suite(made[0], Analysis(*made), "made")
    rows = compare_with_reference(whole, results)
    assert ("baseline", "1 of 5", "identical") in {(row[0], row[5], row[-1]) for row in rows}
    write_reports(results, Analysis(results, tmp_path), "made", rows)
    for name in ("report.html", "report.md"):
        page = (store.folder / name).read_text(encoding="utf-8")
        assert "Against the reference results" in page and "1 of 5" in page
    write_reports(results, Analysis(results, tmp_path), "made", [])
    assert "Against the reference results" not in (store.folder / "report.html").read_text(encoding="utf-8")


def test_the_same_values_are_identical_and_others_in_or_out_of_their_interval(made, summary):
    results = made[0]
    statuses = {row[-1] for row in compare_with_reference(summary, results)}
    assert statuses == {"identical"}
    moved = json.loads(json.dumps(summary))
    for run in moved["runs"].values():
        for metrics in run["metrics"].values():
            metrics["accuracy"] += 1e-4
            metrics["f1_macro"] += 0.5
    rows = compare_with_reference(moved, results)
    said = {row[2].partition(",")[0]: row[-1] for row in rows if row[0] == "baseline"}
    assert said["accuracy"].startswith("inside") and said["f1_macro"].startswith("outside")
    assert said["f1_positive"] == "identical"


def test_runs_of_another_configuration_are_not_compared(made, summary):
    changed = json.loads(json.dumps(summary))
    changed["runs"]["regularized-small-seed2"]["config_sha256"] = "0" * 64
    rows = compare_with_reference(changed, made[0])
    assert [row[-1] for row in rows if row[0] == "regularized"] == [
        "not comparable, of another configuration"
    ]
    assert {row[-1] for row in rows if row[0] != "regularized"} == {"identical"}


def test_what_was_run_on_one_side_alone_or_with_other_seeds_is_told(made, summary):
    results, copy = made[0], json.loads(json.dumps(summary))
    for name, run in summary["runs"].items():
        if run["arm"] == "regularized":
            del copy["runs"][name]
        if run["arm"] == "other":
            copy["runs"][f"{name}0"] = {**copy["runs"].pop(name), "seed": 10 * (run["seed"] + 1)}
    copy["runs"]["gone-small-seed0"] = {**copy["runs"]["baseline-small-seed0"], "arm": "gone"}
    rows = compare_with_reference(copy, results)
    assert [row[0::8] for row in rows if row[0] != "baseline"] == [
        ["regularized", "no reference"],
        ["other", "not comparable, no seed in common"],
        ["gone", "no run now"],
    ]


def test_an_arm_all_of_whose_runs_diverged_is_not_left_out_of_a_check(made, summary, tmp_path):
    suite, store = made[0].suite, Store(tmp_path / "out")
    cells = [cell for cell in expand(made[0].suite, made[1]) if cell.arm == "regularized"]
    for cell in cells[:2]:
        store.write(cell, Record(False, 5.0, ["error: loss is nan"] * 2, cell.config_hash()))
    rows = compare_with_reference(summary, Results(suite, cells[:2], store))
    found = [row for row in rows if row[0] == "regularized"]
    assert {row[2].partition(", ")[2] for row in found} == {"validation", "test"}
    assert {(row[5], row[-1]) for row in found} == {("0 of 5", "diverged, and not so in the reference")}


def test_what_differs_in_the_environment_is_named_run_by_run(made, summary):
    assert differences(summary, made[0]) == []
    changed = json.loads(json.dumps(summary))
    for name in ("baseline-small-seed1", "other-small-seed2"):
        changed["runs"][name]["environment"]["python"] = "3.10"
    # Of 15 runs one is broken, and has no environment.
    assert differences(changed, made[0]) == ["python: reference 3.10, now 3.11 (2 of 14 runs)"]
    assert differences({**summary, "runs": {}}, made[0]) == [
        "environment: no run in common with the reference"
    ]


def test_a_split_that_one_side_lacks_is_told(made, summary):
    copy = json.loads(json.dumps(summary))
    for run in copy["runs"].values():
        run["metrics"].pop("test", None)
    rows = compare_with_reference(copy, made[0])
    said = {row[2].partition(", ")[2]: row[-1] for row in rows if row[0] == "baseline"}
    assert said == {"validation": "identical", "test": "no reference"}

"""Reference results: kept in parts, arms in their regimes whole or not at all."""

import argparse

import pytest

from common.errors import UserError
from tasks.reproduce.cells import expand
from tasks.reproduce.command import Reproduction
from tasks.reproduce.reference import read_reference, reference_file
from tasks.reproduce.store import Store
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import finish, write_suite

WRONG = {"baseline": 0.30, "regularized": 0.10, "other": 0.29}
FLAGS = ("list", "dry_run", "cell", "report_only", "check", "seeds", "data_root", "write_reference")


@pytest.fixture()
def keep(tmp_path):
    """Finish cells (an arm's name, or arm and seed) in a folder, keep them; what the reference then holds."""
    file = write_suite(tmp_path)

    def call(folder, *chosen):
        store = Store(tmp_path / folder)
        for cell in expand(read_suite(file), tmp_path):
            if cell.arm in chosen or (cell.arm, cell.seed) in chosen:
                finish(store, cell, WRONG[cell.arm])
        flags = {**dict.fromkeys(FLAGS), "report_only": True, "write_reference": True}
        Reproduction(argparse.Namespace(suite=file, output=store.folder, **flags)).run()
        return read_reference(file)

    call.file = reference_file(file)
    return call


def arms(reference):
    return [(run["arm"], run["seed"]) for run in reference["runs"].values()]


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
    assert arms(second) == [(arm, seed) for arm in ("baseline", "regularized", "other") for seed in range(5)]
    assert second["claims"] == first["claims"] and second["exploratory"] == first["exploratory"]
    assert first["claims"][0]["verdict"] == "reached"
    third = keep("second", "baseline")
    assert third["claims"] == first["claims"]
    compared = {row["arm"] for row in third["exploratory"]}
    assert compared == {"regularized", "other"}
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

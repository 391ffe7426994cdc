"""An arm whose weights are not there: all others run, and it is said which runs are left out and why."""

from pathlib import Path

import pytest

from common.errors import UserError
from tasks.reproduce.cells import expand
from tasks.reproduce.command import Reproduction
from tasks.reproduce.flags import flags_parser
from tasks.reproduce.store import Store
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import SUITE, finish, write_suite

WEIGHTS = "nowhere/at/all"
TEXT = SUITE.replace("model.dropout: 0.1", f"model.weights: {WEIGHTS}").replace("seeds: 5", "seeds: 1")
LEFT_OUT = f"1 of other: model.weights: {WEIGHTS}: no such folder"


@pytest.fixture()
def start(tmp_path, monkeypatch):
    """reproduce.py with flags on a suite whose run of baseline is finished; its train.py does nothing."""
    monkeypatch.setattr("tasks.reproduce.runner.SCRIPTS", tmp_path)
    (tmp_path / "train.py").write_text("import sys\nsys.exit('ValueError: something')\n", encoding="utf-8")
    file, store = write_suite(tmp_path, TEXT), Store(tmp_path / "out")
    finish(store, expand(read_suite(file), tmp_path)[0], 0.2)

    def run(*flags):
        line = ["--suite", str(file), "--output", str(store.folder), *flags]
        Reproduction(flags_parser("").parse_args(line)).run()

    return run, store


def logs(store: Store) -> dict[str, int]:
    """How often each cell was started."""
    found = (store.folder / "state").glob("*.log")
    return {file.stem: file.read_text(encoding="utf-8").count("$ python") for file in found}


def test_a_whole_run_does_the_others_and_ends_with_which_were_left_out_and_why(start, capsys):
    run, store = start
    with pytest.raises(UserError) as error:
        run()
    assert str(error.value).startswith(f"left out are 1 of 3 runs, {LEFT_OUT}")
    assert logs(store) == {"regularized-small-seed0": 2}
    assert "1 of 3 runs are broken" in capsys.readouterr().err
    assert (store.folder / "report.html").is_file()


def test_a_run_of_another_arm_is_started_by_name_and_its_own_is_refused(start):
    run, store = start
    with pytest.raises(SystemExit):
        run("--cell", "regularized-small-seed0")
    assert logs(store) == {"regularized-small-seed0": 2}
    with pytest.raises(UserError, match=f"cell other-small-seed0: model.weights: {WEIGHTS}: no such"):
        run("--cell", "other-small-seed0")
    assert logs(store) == {"regularized-small-seed0": 2}


def test_list_says_why_it_waits_and_a_plan_and_a_report_are_made(start, capsys):
    run, store = start
    run("--list")
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines] == ["finished", "waiting", "waiting"]
    assert lines[1][2:] == [] and lines[2][2].startswith(f"model.weights: {WEIGHTS}: no such folder")
    run("--dry-run")
    assert f"left out are 1 of 3 runs, {LEFT_OUT}" in capsys.readouterr().out
    run("--report-only")
    assert "report: " in capsys.readouterr().out and not logs(store)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a file that is always full")
def test_a_full_disk_is_one_line_and_breaks_no_run(start):
    run, store = start
    log = store.folder / "state/regularized-small-seed0.log"
    log.symlink_to("/dev/full")
    with pytest.raises(UserError, match="out: cannot be written: No space left on device"):
        run("--cell", "regularized-small-seed0")
    log.unlink()
    with pytest.raises(SystemExit):
        run("--cell", "regularized-small-seed0")
    assert logs(store) == {"regularized-small-seed0": 2}

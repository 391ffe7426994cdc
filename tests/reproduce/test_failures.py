"""What becomes of a cell whose script fails; the scripts here do nothing but end in some way."""

import dataclasses
import subprocess
import sys
import time

import pytest

from common.errors import UserError
from tasks.reproduce.cells import expand
from tasks.reproduce.estimate import Estimate
from tasks.reproduce.runner import Runner, draw_boards
from tasks.reproduce.store import BROKEN, INTERRUPTED, WAITING, Store
from tasks.reproduce.suite import Boards
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import SUITE, write_suite

ENDS = {
    "well": "",
    "crash": "sys.exit('ValueError: something')",
    "signal": "os.kill(os.getpid(), 9)",
    "mistake": "print('error: data.train: x.csv: no such file'); sys.exit(2)",
    "diverged": "print('error: epoch 1: training loss is nan; expected a finite number'); sys.exit(2)",
    "full": "sys.exit('OSError: [Errno 28] No space left on device')",
}


@pytest.fixture()
def start(tmp_path, monkeypatch):
    """Start a suite of two cells anew, with a train.py that ends as asked; runner, store and cells."""
    monkeypatch.setattr("tasks.reproduce.runner.SCRIPTS", tmp_path)
    text = SUITE.replace("seeds: 5", "seeds: 1").replace("regularized, other]", "regularized]")
    suite, store = read_suite(write_suite(tmp_path, text)), Store(tmp_path / "out")
    cells = expand(suite, tmp_path)

    def run(end: str) -> Runner:
        (tmp_path / "train.py").write_text(f"import os, sys\n{ENDS[end]}\n", encoding="utf-8")
        runner = Runner(store, Estimate(suite, store, cells), tmp_path)
        runner.run(cells)
        return runner

    return run, store, cells


def trainings(store, cell) -> int:
    log = store.log(cell)
    return log.read_text(encoding="utf-8").count("$ python scripts/train.py") if log.exists() else 0


@pytest.mark.parametrize("end", ["crash", "diverged"])
def test_a_run_that_fails_twice_is_broken_and_tried_once_more_by_each_start(start, end):
    run, store, cells = start
    run(end)
    assert [store.status(cell) for cell in cells] == [BROKEN] * 2
    assert [trainings(store, cell) for cell in cells] == [2, 2]
    run(end)
    assert [store.status(cell) for cell in cells] == [BROKEN] * 2
    assert [trainings(store, cell) for cell in cells] == [3, 3]


def test_a_run_that_is_killed_waits_for_the_next_start_however_often(start):
    run, store, cells = start
    for number in (1, 2):
        runner = run("signal")
        assert set(runner.killed) == {cell.name for cell in cells}
        assert [store.status(cell) for cell in cells] == [WAITING] * 2
        assert trainings(store, cells[0]) == 2 * number
        assert not store.record(cells[0]).failures


@pytest.mark.parametrize("end, said", [("mistake", "x.csv: no such file"), ("full", "No space left")])
def test_what_would_befall_every_run_stops_the_suite_and_breaks_none(start, end, said):
    run, store, cells = start
    with pytest.raises(UserError, match=f"baseline-small-seed0: .*{said}"):
        run(end)
    assert [trainings(store, cell) for cell in cells] == [1, 0]
    assert all(store.status(cell) in (WAITING, INTERRUPTED) for cell in cells)


def test_boards_that_were_drawn_by_a_process_killed_before_it_said_so_are_drawn_anew(start, tmp_path):
    store = start[1]
    text = "import sys, pathlib\npathlib.Path(sys.argv[2]).mkdir(parents=True)\n"
    (tmp_path / "make_boards.py").write_text(text, encoding="utf-8")
    (store.folder / "data/boards/half").mkdir(parents=True)
    for _ in range(2):
        root = draw_boards(Boards(number=40, size=160), store)
    assert not (root / "boards/half").exists()
    assert (store.folder / "state/boards.log").read_text(encoding="utf-8").count("make_boards.py") == 1


def test_a_run_whose_recipe_has_changed_is_refused_before_its_script_starts(start):
    run, store, cells = start
    other = cells[0].resolved()
    store.run(cells[0]).start(dataclasses.replace(other, model=dataclasses.replace(other.model, dropout=0.7)))
    with pytest.raises(UserError, match="cell baseline-small-seed0 has changed .* model.dropout: found 0.7"):
        run("crash")
    assert trainings(store, cells[0]) == 0


def test_seconds_of_a_run_that_was_not_done_in_one_go_are_not_what_it_takes(start, tmp_path):
    run, store, cells = start
    (tmp_path / "evaluate.py").write_text("", encoding="utf-8")
    # What a process leaves that was killed.
    store.run(cells[0]).start(cells[0].resolved())
    run("well")
    assert [store.record(cell).finished for cell in cells] == [True, True]
    assert store.record(cells[0]).measured is None and store.record(cells[1]).measured is not None


ORPHAN = """
import fcntl, pathlib, sys, time
with open(sys.argv[1], "ab") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    pathlib.Path(sys.argv[2]).mkdir(parents=True)
    time.sleep(1)
    pathlib.Path(sys.argv[2], "last").touch()
"""


def test_boards_that_a_script_without_its_process_still_draws_are_waited_for(start, tmp_path):
    pytest.importorskip("fcntl")
    store = start[1]
    text = "import sys, pathlib\npathlib.Path(sys.argv[2]).mkdir(parents=True)\n"
    (tmp_path / "make_boards.py").write_text(text, encoding="utf-8")
    lock, partial = store.script_lock("boards"), store.folder / "data/boards.partial"
    lock.parent.mkdir(parents=True)
    orphan = subprocess.Popen([sys.executable, "-S", "-c", ORPHAN, lock, partial])
    while not partial.exists():
        time.sleep(0.01)
    root = draw_boards(Boards(number=40, size=160), store)
    assert orphan.wait() == 0 and not list((root / "boards").iterdir())

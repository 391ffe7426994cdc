"""reproduce.py as a user runs it; the smoke suite is run once, by two processes, for all tests."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common.locking import try_lock
from tasks.reproduce.cells import expand
from tasks.reproduce.store import Store
from tasks.reproduce.suite_file import read_suite
from tests.conftest import ROOT
from tests.reproduce.made_runs import SUITE, finish, write_suite

SMOKE = ROOT / "configs/reproduce/smoke.yaml"
CELLS = expand(read_suite(SMOKE), SMOKE.parent)


def start(output: Path, *flags) -> subprocess.Popen:
    line = [sys.executable, ROOT / "scripts/reproduce.py", "--suite", SMOKE, "--output", output, *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*map(str, line)], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, **pipes)


@pytest.fixture(scope="module")
def smoke(tmp_path_factory):
    output = tmp_path_factory.mktemp("reproduce") / "smoke"
    processes = [start(output), start(output)]
    for process in processes:
        _, complaint = process.communicate(timeout=3600)
        assert process.returncode == 0, complaint
    return output


def trainings(output: Path, cell: str) -> int:
    """How often a cell was started."""
    return (output / "state" / f"{cell}.log").read_text(encoding="utf-8").count("$ python scripts/train.py")


def without_times(output: Path) -> dict:
    runs = json.loads((output / "results.json").read_text(encoding="utf-8"))["runs"]
    return {
        name: {key: value for key, value in run.items() if key != "seconds"} for name, run in runs.items()
    }


def test_two_processes_finish_a_suite_and_no_cell_is_done_twice(smoke):
    assert {cell.name: trainings(smoke, cell.name) for cell in CELLS} == {cell.name: 1 for cell in CELLS}
    assert len(without_times(smoke)) == len(CELLS) == 8


def test_it_ends_in_verdicts_and_a_page(smoke, command):
    done = command("reproduce.py", "--suite", SMOKE, "--output", smoke, "--report-only", "--check")
    assert done.returncode == 0, done.stderr
    assert "Accuracy rises by 3.2 points (accuracy, validation): " in done.stdout
    assert "identical" in done.stdout or "95 % prediction interval" in done.stdout
    page = (smoke / "report.html").read_text(encoding="utf-8")
    assert "Verdicts" in page and "ap_50_" in page and "runs/pcb_baseline-boards_40-seed0/report.html" in page


def test_a_finished_suite_runs_nothing_again(smoke, command):
    before = {file: file.stat().st_mtime_ns for file in smoke.glob("state/*")}
    done = command("reproduce.py", "--suite", SMOKE, "--output", smoke, "--cell", CELLS[0].name)
    assert done.returncode == 0, done.stderr
    assert {file: file.stat().st_mtime_ns for file in smoke.glob("state/*")} == before


def test_the_test_split_is_read_once_by_each_run_that_has_it(smoke):
    for cell in CELLS:
        file = smoke / "runs" / cell.name / "test_readings.csv"
        lines = len(file.read_text(encoding="utf-8").splitlines()) - 1 if file.exists() else 0
        assert lines == ("test" in cell.splits)


def children(process: subprocess.Popen) -> list[int]:
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(pid) for pid in file.read_text().split()] if file.exists() else []


def wait_for_child(process: subprocess.Popen, most: float) -> None:
    """A random moment of a run's work, up to ``most`` seconds after its process was started."""
    while not children(process):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    time.sleep(random.uniform(0, most))


@pytest.mark.skipif(
    not Path(f"/proc/self/task/{os.getpid()}/children").exists(), reason="needs Linux's /proc"
)
def test_stopped_and_killed_at_random_moments_it_still_gives_the_same_results(smoke, tmp_path):
    process = start(tmp_path, "--seeds", "1")
    wait_for_child(process, 10)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=300)
    assert process.returncode == 130 and complaint.startswith("interrupted"), complaint
    for orphaned in (True, False):
        process = start(tmp_path, "--seeds", "1")
        wait_for_child(process, 20)
        own = children(process)
        process.kill()
        process.wait()
        for pid in () if orphaned else own:
            os.kill(pid, signal.SIGKILL)
    process = start(tmp_path, "--seeds", "1")
    _, complaint = process.communicate(timeout=3600)
    assert process.returncode == 0, complaint
    expected = {name: run for name, run in without_times(smoke).items() if run["seed"] == 0}
    assert without_times(tmp_path) == expected
    for name in expected:
        file = "predictions/validation.csv"
        assert (tmp_path / "runs" / name / file).read_bytes() == (smoke / "runs" / name / file).read_bytes()


BROKEN = SUITE.replace("model.dropout: 0.1", "train.device: 'gpu:99'").replace("seeds: 5", "seeds: 1")


@pytest.fixture(scope="module")
def broken(tmp_path_factory, command):
    """A suite with one run that cannot succeed, started once."""
    folder = tmp_path_factory.mktemp("broken")
    file, store = write_suite(folder, BROKEN), Store(folder / "out")
    for cell in expand(read_suite(file), folder)[:2]:
        finish(store, cell, 0.2)
    return file, folder / "out", command("reproduce.py", "--suite", file, "--output", folder / "out")


def test_a_broken_run_is_tried_twice_then_reported_with_exit_code_1(broken):
    _, output, done = broken
    assert done.returncode == 1
    assert done.stderr.startswith("1 of 3 runs are broken, the first other-small-seed0: error: train.device")
    assert done.stderr.count("\n") == 1
    assert trainings(output, "other-small-seed0") == 2
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "Failed runs" in page and "train.device" in page


def test_it_is_not_tried_again_until_it_is_asked_for_by_name(broken, command):
    file, output, _ = broken
    flags = ["reproduce.py", "--suite", file, "--output", output]
    assert command(*flags).returncode == 1 and trainings(output, "other-small-seed0") == 2
    done = command(*flags, "--cell", "other-small-seed0")
    assert done.returncode == 1 and trainings(output, "other-small-seed0") == 4


def test_list_prints_name_and_state_of_every_cell(broken, command):
    file, output, _ = broken
    done = command("reproduce.py", "--suite", file, "--output", output, "--list")
    states = dict(line.split("\t")[:2] for line in done.stdout.splitlines())
    names = ("baseline-small-seed0", "regularized-small-seed0", "other-small-seed0")
    assert states == dict(zip(names, ("finished", "finished", "broken")))


def test_a_locked_cell_is_running_and_left_to_its_process(tmp_path, command):
    file, store = write_suite(tmp_path), Store(tmp_path / "out")
    with try_lock(store.lock("other-small-seed1")) as free:
        assert free
        flags = ["reproduce.py", "--suite", file, "--output", tmp_path / "out"]
        assert "other-small-seed1\trunning" in command(*flags, "--list").stdout
        done = command(*flags, "--cell", "other-small-seed1")
    assert done.returncode == 0 and "another process is at it" in done.stdout
    assert not (tmp_path / "out/runs").exists()


MISTAKES = {
    "no suite": (["--suite", "missing.yaml"], "missing.yaml: no such configuration file"),
    "no such cell": (
        ["--cell", "baselin-small-seed0"],
        "--cell: found 'baselin-small-seed0'; the nearest is",
    ),
    "two ways": (["--list", "--dry-run"], "--dry-run: found beside --list, expected one of them"),
    "no seeds": (["--seeds", "0"], "--seeds: found 0, expected 1 or more"),
    "no reference": (["--check"], "reference/made.json: no such file"),
    "nothing to report": (["--report-only"], "found no finished run"),
    "no data": (["--data-root", "/nowhere"], "error: "),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(tmp_path, command, case):
    flags, expected = MISTAKES[case]
    text = SUITE.replace("train.evaluate_every: 5", "data.train: online_shopping")
    file = write_suite(tmp_path, text if case == "no data" else SUITE)
    done = command("reproduce.py", "--suite", file, "--output", tmp_path / "out", *flags)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert expected in done.stderr and done.stderr.startswith("error: ")
    assert not (tmp_path / "out/runs").exists()

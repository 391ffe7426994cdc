"""reproduce.py as a user runs it; the smoke suite is run once, by two processes, for all tests."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import UserError
from common.locking import try_lock
from tasks.reproduce.cells import expand
from tasks.reproduce.estimate import Estimate
from tasks.reproduce.runner import Runner, call, draw_boards
from tasks.reproduce.store import Store
from tasks.reproduce.suite import Boards
from tasks.reproduce.suite_file import read_suite
from tests.conftest import ROOT
from tests.reproduce.made_runs import SUITE, finish, write_suite

SMOKE = ROOT / "configs/reproduce/smoke.yaml"
CELLS = expand(read_suite(SMOKE), SMOKE.parent)
# Of reviews, whose runs are short, and with the test split.
CELL = next(cell for cell in CELLS if "test" in cell.splits)


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


def test_two_processes_finish_a_suite_and_no_cell_is_done_twice(smoke):
    assert {cell.name: trainings(smoke, cell.name) for cell in CELLS} == {cell.name: 1 for cell in CELLS}
    assert len(json.loads((smoke / "results.json").read_text(encoding="utf-8"))["runs"]) == len(CELLS) == 8


def test_it_ends_in_verdicts_and_a_page(smoke, command):
    done = command("reproduce.py", "--suite", SMOKE, "--output", smoke, "--report-only", "--check")
    assert done.returncode == 0, done.stderr
    assert "Accuracy rises by 3.2 points (accuracy, validation): " in done.stdout
    # Validation and test of two arms of reviews, three metrics each; validation of boards, four.
    found = re.findall(r"(identical|inside|outside|not comparable)[^:\n]*: (\d+)", done.stdout)
    counts = {status: int(number) for status, number in found}
    assert sum(counts.values()) == 2 * 2 * 3 + 2 * 4
    page = (smoke / "report.html").read_text(encoding="utf-8")
    assert "Verdicts" in page and "ap_50_" in page and "runs/pcb_baseline-boards_40-seed0/report.html" in page


def test_a_finished_suite_runs_nothing_again(smoke, command):
    before = {file: file.stat().st_mtime_ns for file in smoke.glob("state/*")}
    done = command("reproduce.py", "--suite", SMOKE, "--output", smoke, "--cell", CELLS[0].name)
    assert done.returncode == 0, done.stderr
    assert {file: file.stat().st_mtime_ns for file in smoke.glob("state/*")} == before


def test_packed_runs_are_finished_wherever_they_are_unpacked(smoke, command, tmp_path):
    file, folder = tmp_path / "runs.tar.xz", tmp_path / "elsewhere"
    assert command("reproduce.py", "--suite", SMOKE, "--output", smoke, "--pack", file).returncode == 0
    # Every run is there, so that nothing is left to do but the report.
    done = command("reproduce.py", "--suite", SMOKE, "--output", folder, "--unpack", file)
    assert done.returncode == 0, done.stderr
    assert f"{len(CELLS)} runs unpacked, 0 kept" in done.stderr
    assert not list((folder / "runs").rglob("*.safetensors")) and not list((folder / "state").glob("*-*.log"))
    again = command("reproduce.py", "--suite", SMOKE, "--output", smoke, "--report-only")
    assert again.returncode == 0, again.stderr
    assert (folder / "results.json").read_bytes() == (smoke / "results.json").read_bytes()


def test_the_test_split_is_read_once_by_each_run_that_has_it(smoke):
    for cell in CELLS:
        file = smoke / "runs" / cell.name / "test_readings.csv"
        lines = len(file.read_text(encoding="utf-8").splitlines()) - 1 if file.exists() else 0
        assert lines == ("test" in cell.splits)


class Interrupted:
    """One cell of the smoke suite in a folder of its own, worked on by processes that do not live long."""

    def __init__(self, output: Path):
        self.output, self.run = output, output / "runs" / CELL.name
        self.log = output / "state" / f"{CELL.name}.log"

    def started(self, script: str) -> int:
        """How often a script was started."""
        return self.said(f"$ python scripts/{script}")

    def said(self, words: str) -> int:
        """How often words stand in the cell's log."""
        return self.log.read_text(encoding="utf-8").count(words) if self.log.exists() else 0

    def start_until(self, moment: Callable[[], bool]) -> subprocess.Popen:
        """A process that has come to a moment of its work."""
        process = start(self.output, "--cell", CELL.name)
        while not moment():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        return process


def children(process: subprocess.Popen) -> list[int]:
    return list(map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()))


def kill(process: subprocess.Popen, with_child: bool) -> None:
    own = children(process) if with_child else []
    process.kill()
    for pid in own:
        os.kill(pid, signal.SIGKILL)
    process.communicate()


@pytest.mark.skipif(
    not Path(f"/proc/self/task/{os.getpid()}/children").exists(), reason="needs Linux's /proc"
)
def test_stopped_and_killed_in_every_phase_it_gives_the_same_results_and_reads_test_once(smoke, tmp_path):
    shutil.copytree(smoke / "data", tmp_path / "data")
    one = Interrupted(tmp_path)
    stopped = one.start_until((one.run / "checkpoints/last.safetensors").exists)
    stopped.send_signal(signal.SIGTERM)
    _, complaint = stopped.communicate(timeout=300)
    assert stopped.returncode == 130 and complaint.startswith("interrupted"), complaint
    kill(one.start_until(lambda: one.said("run folder") == 2), with_child=True)
    # The script goes on without its reproduce.py, and the next one has to wait for it.
    kill(one.start_until(lambda: one.started("train.py") == 3), with_child=False)
    # After the metrics of a split, before the page that shows them.
    kill(one.start_until((one.run / "predictions/test.csv").exists), with_child=True)
    assert not (one.run / "plots/reliability_test.png").exists()
    last = start(tmp_path, "--cell", CELL.name)
    _, complaint = last.communicate(timeout=600)
    assert last.returncode == 0, complaint
    assert (one.started("train.py"), one.started("evaluate.py")) == (3, 2)
    assert (one.run / "plots/reliability_test.png").exists()
    assert (one.run / "test_readings.csv").read_text(encoding="utf-8").count("\n") == 2
    for file in ("metrics.json", "predictions/validation.csv", "predictions/test.csv", "evaluations.csv"):
        assert (one.run / file).read_bytes() == (smoke / "runs" / CELL.name / file).read_bytes()


BROKEN = SUITE.replace("model.dropout: 0.1", "optim.learning_rate: 1.0e+30").replace("seeds: 5", "seeds: 1")


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
    assert done.stderr.startswith("1 of 3 runs are broken, 0 were killed by a signal, the first other-small")
    assert done.stderr.count("\n") == 1
    assert trainings(output, "other-small-seed0") == 2
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "Failed runs" in page and "training loss is" in page


def test_it_is_tried_once_more_by_a_start_and_twice_where_it_is_asked_for_by_name(broken, command):
    file, output, _ = broken
    suite, store = read_suite(file), Store(output)
    cells = expand(suite, file.parent)
    Runner(store, Estimate(suite, store, cells), Path()).run(cells)
    assert trainings(output, "other-small-seed0") == 3
    done = command("reproduce.py", "--suite", file, "--output", output, "--cell", "other-small-seed0")
    assert done.returncode == 1 and trainings(output, "other-small-seed0") == 5


def test_a_script_that_was_asked_to_stop_is_no_failure_of_its_cell(tmp_path, monkeypatch):
    (tmp_path / "stop.py").write_text("import sys\nsys.exit(130)\n", encoding="utf-8")
    monkeypatch.setattr("tasks.reproduce.runner.SCRIPTS", tmp_path)
    with pytest.raises(KeyboardInterrupt, match="with stop.py"):
        call(["stop.py"], tmp_path / "log", tmp_path / "lock")


def test_boards_of_another_size_are_not_taken_for_the_suites(smoke):
    with pytest.raises(UserError, match="boards: drawn with .* asked for .*'size': 320"):
        draw_boards(Boards(number=40, size=320), Store(smoke))


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


def test_a_dry_run_prints_what_a_user_would_type(tmp_path, command):
    file, output = write_suite(tmp_path), tmp_path / "out"
    done = command("reproduce.py", "--suite", file, "--output", output, "--data-root", "d", "--dry-run")
    lines = [line for line in done.stdout.splitlines() if line.startswith("python scripts/")]
    run = output / "runs/baseline-small-seed0"
    assert lines[0].startswith("python scripts/train.py --config ")
    assert lines[0].endswith(f"--run-dir {run} --resume --data-root d")
    assert lines[1] == f"python scripts/evaluate.py --run {run} --split test --data-root d"
    assert len(lines) == 30 and not output.exists()


MISTAKES = {
    "no suite": (["--suite", "missing.yaml"], "missing.yaml: no such configuration file"),
    "a configuration": (
        ["--suite", str(ROOT / "configs/sentiment/baseline.yaml")],
        "baseline.yaml: found none of arms, sweeps, regimes",
    ),
    "no pack": (
        ["--report-only", "--unpack", str(ROOT / "README.md")],
        "README.md: is damaged or no .md archive",
    ),
    "no such cell": (
        ["--cell", "baselin-small-seed0"],
        "--cell: found 'baselin-small-seed0'; the nearest is",
    ),
    "an empty name": (["--cell", ""], "--cell: found ''; the nearest is"),
    "two ways": (["--list", "--dry-run"], "--dry-run: found beside --list, expected one of them"),
    "no seeds": (["--seeds", "0"], "--seeds: found 0, expected 1 or more"),
    "some seeds as reference": (
        ["--write-reference", "--seeds", "1"],
        "--write-reference: found beside --seeds",
    ),
    "a plan as reference": (["--write-reference", "--dry-run"], "--write-reference: found beside --dry-run"),
    "no reference": (["--check"], "reference/made.json: found no reference results of made"),
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

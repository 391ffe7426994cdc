"""The benchmark: what it refuses, which environment it gives, a round beside PaddleDetection.

A round beside Hugging Face's Trainer needs torch, which tests have not.
"""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import runs
from tasks.pcb import benchmark
from tasks.pcb.data import read_data
from tasks.pcb.synthetic_boards import write_boards

ROOT = Path(__file__).parents[1]
BENCHMARK = ROOT / "scripts/benchmark.py"
BOARDS = ["--config", str(ROOT / "configs/quickstart/pcb-baseline.yaml")]


def test_as_they_come_keeps_what_the_user_has_set_and_adds_nothing():
    code = (
        "import json, runpy, sys\n"
        f"script = runpy.run_path({str(BENCHMARK)!r})\n"
        "found = [script['environment_of'](mode, 'data') for mode in script['MODES']]\n"
        "names = ('OMP_NUM_THREADS', 'MKL_DEBUG_CPU_TYPE')\n"
        "json.dump([[variables.get(name) for name in names] for variables in found], sys.stdout)"
    )
    variables = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**variables, "MKL_DEBUG_CPU_TYPE": "4"},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    equal, as_they_come = json.loads(done.stdout)
    assert int(equal[0]) >= 1 and equal[1] == "4"
    assert as_they_come == [None, "4"]


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["--torch-python", "/no/such/python"], "--torch-python: found /no/such/python"),
        (["--torch-python", sys.executable], "expected a Python with torch, transformers and accelerate"),
        ([], "--torch-python"),
        (["--torch-python", "x", "--rounds", "0"], "--rounds: found 0, expected at least 1"),
        ([*BOARDS, "--torch-python", "x"], "--torch-python: is for another task than pcb"),
        ([*BOARDS, "--train.batch", "8"], "--train.batch: unknown flag; the nearest is --train.batch_size"),
        ([*BOARDS, "--data-root", "/no/such"], "/no/such/boards: no such"),
        ([*BOARDS, "--model.input", "pair"], "model.input: found pair, expected tested"),
        ([*BOARDS, "--optim.name", "adam"], "optim.name: found adam, expected momentum"),
    ],
)
def test_a_mistake_is_one_line(flags, expected):
    done = subprocess.run([sys.executable, str(BENCHMARK), *flags], capture_output=True, text=True)
    assert done.returncode == 2
    assert expected in done.stderr and done.stderr.count("\n") == 1


SMALL = ["--augment.crop", "128", "--augment.crops", "1", "--train.batch_size", "4"]
SMALL += ["--model.neck_width", "16"]


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_boards(folder / "boards", number=12, size=128)
    return folder


def test_a_round_trains_the_same_network_on_both_sides(boards, tmp_path, command):
    flags = ["--rounds", 1, "--mode", "as-they-come", "--output", tmp_path / "found.json"]
    done = command("benchmark.py", *BOARDS, *SMALL, "--data-root", boards, *flags, timeout=1200)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    (run,), (summary,) = found["runs"], found["summary"]
    assert run["mode"] == summary["mode"] == "as-they-come"
    assert run["ratio"] == pytest.approx(run["ours"] / run["PaddleDetection"])
    assert summary["ratio"] == summary["smallest"] == summary["largest"] == run["ratio"]
    assert "pictures a second, median of 1" in done.stdout


def test_the_other_side_trains_on_pictures_that_are_decoded_once(boards, tmp_path, monkeypatch, capsys):
    config = runs.load_config(Path(BOARDS[1]), flags=SMALL)
    parameters = benchmark.write_work(config, read_data(config, boards), tmp_path)
    worker = BENCHMARK.parent / "benchmarks" / benchmark.WORKER
    monkeypatch.setattr(sys, "argv", [str(worker), "--work", str(tmp_path), *benchmark.MODE_FLAGS["equal"]])
    runpy.run_path(str(worker), run_name="__main__")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["parameters"] == parameters and said["items_per_second"] > 0

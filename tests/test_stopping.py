"""Commands that are stopped by a signal, before and while they train."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT

SMALL = ["--config", "tests/sentiment/small.yaml", "--data.train_size", "160"]
SMALL += ["--model.layers", "1", "--model.hidden_size", "32"]


def start_training(run, *flags) -> subprocess.Popen:
    line = [
        sys.executable,
        ROOT / "scripts/train.py",
        *SMALL,
        "--train.epochs",
        "200",
        "--run-dir",
        run,
    ]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return subprocess.Popen([*map(str, line), *flags], cwd=ROOT, **pipes)


def wait_for_update(process: subprocess.Popen, run, update: int) -> None:
    history = run / "history.csv"
    while not history.exists() or pd.read_csv(history)["step"].max() < update:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_exits_with_130_and_resumes(tmp_path, number):
    run = tmp_path / "run"
    process = start_training(run)
    wait_for_update(process, run, 1)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert b"continue with --resume" in complaint and b"Traceback" not in complaint
    reached = pd.read_csv(run / "history.csv")["step"].max()
    process = start_training(run, "--resume")
    wait_for_update(process, run, reached + 1)
    process.kill()
    process.wait()


MOMENTS = {
    "Paddle is being imported": lambda process, run: "libpaddle" in maps(process),
    "the model is being built": lambda process, run: (run / "assets/labels.json").exists(),
}


def maps(process: subprocess.Popen) -> str:
    return Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8", errors="replace")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_command_that_is_stopped_before_the_first_update_says_so(tmp_path, moment):
    process = start_training(tmp_path / "run")
    while not MOMENTS[moment](process, tmp_path / "run"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert complaint.startswith(b"interrupted") and complaint.count(b"\n") == 1

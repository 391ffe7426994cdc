"""What the benchmark refuses; its figures need an environment with torch and are in the README."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "scripts/benchmark.py"


@pytest.mark.parametrize(
    "flags, expected",
    [
        (["--torch-python", "/no/such/python"], "--torch-python: found /no/such/python"),
        (["--torch-python", sys.executable], "expected a Python with torch, transformers and accelerate"),
        ([], "--torch-python"),
        (["--torch-python", "x", "--rounds", "0"], "--rounds: found 0, expected at least 1"),
    ],
)
def test_a_mistake_is_one_line(flags, expected):
    done = subprocess.run([sys.executable, str(BENCHMARK), *flags], capture_output=True, text=True)
    assert done.returncode == 2
    assert expected in done.stderr and done.stderr.count("\n") == 1

"""What the benchmark refuses and which environment it gives; its figures need torch, which tests have not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARK = ROOT / "scripts/benchmark.py"


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
    ],
)
def test_a_mistake_is_one_line(flags, expected):
    done = subprocess.run([sys.executable, str(BENCHMARK), *flags], capture_output=True, text=True)
    assert done.returncode == 2
    assert expected in done.stderr and done.stderr.count("\n") == 1

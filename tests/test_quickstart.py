"""The first command of the README, as a stranger runs it."""

import json
import os
import subprocess

import pytest

from tests.conftest import ROOT

FLOORS = {"sentiment": ("f1_macro", 0.65), "pcb": ("map_50", 0.30)}


@pytest.fixture(scope="module")
def quickstart():
    environment = {name: value for name, value in os.environ.items() if name != "DATA_ROOT"}
    done = subprocess.run(
        ["scripts/quickstart.sh"], cwd=ROOT, capture_output=True, text=True, timeout=900, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("task", FLOORS)
@pytest.mark.parametrize("recipe", ["baseline", "regularized"])
def test_every_run_is_well_above_chance(quickstart, task, recipe):
    run = ROOT / "runs" / "quickstart" / f"{task}-{recipe}"
    metric, floor = FLOORS[task]
    assert json.loads((run / "metrics.json").read_text())["test"][metric] >= floor


def test_it_installs_nothing_where_everything_is_installed(quickstart):
    assert "installing" not in quickstart.stdout


def test_it_ends_in_a_table_of_four_runs_that_calls_differences_noise(quickstart):
    for name in ("sentiment-baseline", "sentiment-regularized", "pcb-baseline", "pcb-regularized"):
        assert name in quickstart.stdout
    assert "f1_macro" in quickstart.stdout and "map_50" in quickstart.stdout
    assert "noise" in quickstart.stdout
    assert (ROOT / "runs/quickstart/report.html").stat().st_size > 20_000

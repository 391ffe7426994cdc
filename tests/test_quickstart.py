"""The first command of the README, as a stranger runs it."""

import json
import os
import subprocess

import pytest

from tests.conftest import ROOT

FLOORS = {"sentiment": ("f1_macro", 0.65), "pcb": ("map_50", 0.30)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("quickstart") / "runs"


@pytest.fixture(scope="module")
def quickstart(folder):
    environment = {**os.environ, "QUICKSTART_FOLDER": str(folder)}
    done = subprocess.run(
        ["scripts/quickstart.sh"], cwd=ROOT, capture_output=True, text=True, timeout=1500, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("task", FLOORS)
@pytest.mark.parametrize("recipe", ["baseline", "regularized"])
def test_every_run_is_well_above_chance(quickstart, folder, task, recipe):
    run = folder / f"{task}-{recipe}"
    metric, floor = FLOORS[task]
    assert json.loads((run / "metrics.json").read_text())["test"][metric] >= floor


def test_it_installs_nothing_where_everything_is_installed(quickstart):
    assert "installing" not in quickstart.stdout


def test_it_ends_in_a_table_of_four_runs_that_calls_differences_noise(quickstart, folder):
    for name in ("sentiment-baseline", "sentiment-regularized", "pcb-baseline", "pcb-regularized"):
        assert name in quickstart.stdout
    assert "f1_macro" in quickstart.stdout and "map_50" in quickstart.stdout
    assert "noise" in quickstart.stdout
    assert (folder / "report.html").stat().st_size > 20_000

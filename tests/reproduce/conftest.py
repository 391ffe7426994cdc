"""What tests of suites share."""

import pytest

from tasks.reproduce.analysis import Analysis
from tasks.reproduce.cells import expand
from tasks.reproduce.packing import pack
from tasks.reproduce.report import write_reports
from tasks.reproduce.results import Results
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import finish, write_suite
from tests.reproduce.packs import WRONG, finish_all


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A suite whose cells are all finished but one, which is broken."""
    folder = tmp_path_factory.mktemp("made")
    suite, store = read_suite(write_suite(folder)), Store(folder / "out")
    cells = expand(suite, folder)
    for cell in cells[:-1]:
        finish(store, cell, WRONG[cell.arm])
    store.write(cells[-1], Record(False, 5.0, ["error: loss is nan"] * 2, cells[-1].config_hash()))
    return Results(suite, cells, store), folder


@pytest.fixture(scope="session")
def summary(made):
    results, folder = made
    return write_reports(results, Analysis(results, folder), "made", [])


@pytest.fixture()
def few_replicates(monkeypatch):
    """For tests of files and flags, where the quality of intervals does not matter."""
    monkeypatch.setattr("tasks.sentiment.items.REPLICATES", 100)


@pytest.fixture
def plan(tmp_path):
    """The made suite, and its cells."""
    suite = read_suite(write_suite(tmp_path))
    return suite, expand(suite, tmp_path)


@pytest.fixture
def packed(plan, tmp_path):
    """Packs the first cells of the suite, all finished."""

    def make(number: int, file: str = "a.tar.xz"):
        store = Store(tmp_path / "packed")
        finish_all(store, plan[1][:number])
        pack(plan[1], store, tmp_path / file)
        return tmp_path / file

    return make

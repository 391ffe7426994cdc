"""What tests of suites share."""

import pytest

from tasks.reproduce.cells import expand
from tasks.reproduce.packing import pack
from tasks.reproduce.store import Store
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import write_suite
from tests.reproduce.packs import finish_all


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

"""What tests of suites share."""

import pytest


@pytest.fixture()
def few_replicates(monkeypatch):
    """For tests of files and flags, where the quality of intervals does not matter."""
    monkeypatch.setattr("tasks.sentiment.items.REPLICATES", 100)

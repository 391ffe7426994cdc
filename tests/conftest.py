"""Shared by all tests: the processor's settings, and where real data are."""

from common import runtime

runtime.prepare()

import os  # noqa: E402
import resource  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


def seconds_of_children() -> float:
    """Of the processor, in all processes that have been waited for: what else runs does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pytest_collection_modifyitems(items):
    """The quickstart first: it takes half of all time, and begun last it would be waited for."""
    items.sort(key=lambda item: item.path.name != "test_quickstart.py")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Folder of the real data sets; tests that need it are skipped where it is missing."""
    root = Path(os.environ.get("DATA_ROOT") or ROOT.parent / "shared" / "data")
    if not (root / "deeppcb").is_dir():
        pytest.skip(f"no real data in {root}")
    return root.resolve()


@pytest.fixture(scope="session")
def command():
    """Run a script as a user does, from the repository's root: ``command("train.py", "--config", ...)``."""

    def run(script: str, *arguments, timeout: float = 300, **variables) -> subprocess.CompletedProcess:
        line = [sys.executable, ROOT / "scripts" / script, *map(str, arguments)]
        environment = {**os.environ, **variables}
        return subprocess.run(
            line, cwd=ROOT, capture_output=True, text=True, timeout=timeout, env=environment
        )

    return run


@pytest.fixture(scope="session")
def categories_run(tmp_path_factory):
    """A run on a file of its own, GB18030 with three classes in Chinese; the file is gone since."""
    from tests.small_runs import categories_run

    return categories_run(tmp_path_factory.mktemp("categories"))


@pytest.fixture(scope="session")
def boards_run(tmp_path_factory):
    """A run on drawn boards, which stand in ``data`` beside it."""
    from tests.pcb.small_run import boards_run

    return boards_run(tmp_path_factory.mktemp("boards"))

"""Locks between processes."""

import subprocess
import sys

import pytest

from common.locking import is_held, lock_with_children, try_lock, wait_for_lock

HOLD = """
import sys
from pathlib import Path
from common.locking import wait_for_lock
with wait_for_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_until_its_process_is_killed(tmp_path):
    path = tmp_path / "locks/a.lock"
    assert not is_held(path) and not path.parent.exists()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], **pipes) as other:
        assert other.stdout.readline() == b"held\n"
        with try_lock(path) as free:
            assert not free and is_held(path)
        other.kill()
    assert not is_held(path)
    with wait_for_lock(path):
        assert is_held(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs flock")
def test_a_child_that_inherits_a_lock_holds_it_when_its_parent_does_no_longer(tmp_path):
    path = tmp_path / "a.lock"
    with lock_with_children(path) as descriptors:
        child = subprocess.Popen(["sleep", "60"], pass_fds=descriptors)
        other = subprocess.Popen(["sleep", "60"])
    assert is_held(path)
    child.kill()
    child.wait()
    assert not is_held(path)
    other.kill()
    other.wait()

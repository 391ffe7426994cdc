"""Lock files that the system lets go of when the processes that hold them die."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import filelock

try:
    import fcntl
except ImportError:
    # Windows, where a child holds no lock of its parent's.
    fcntl = None


@contextlib.contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Whether nobody else holds the lock; if so, it is held until the context ends. Never waits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path)
    try:
        lock.acquire(blocking=False)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Wait until nobody else holds the lock, then hold it until the context ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(path):
        yield


def is_held(path: Path) -> bool:
    """Whether a process holds the lock now; others that try it in this very moment find it held."""
    if not path.exists():
        return False
    with try_lock(path) as free:
        return not free


@contextlib.contextmanager
def lock_with_children(path: Path) -> Iterator[tuple[int, ...]]:
    """Wait for a lock that is held until this context and every child that inherits it have ended.

    A child that outlives a killed parent keeps it. Needs a system with ``flock``, and a file system on this
    machine; elsewhere a child has no part in it.

    Returns:
        What a child inherits it by: ``pass_fds`` of ``subprocess.Popen``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        if fcntl is None:
            yield ()
            return
        fcntl.flock(file, fcntl.LOCK_EX)
        yield (file.fileno(),)

"""Settings of the process that must stand before Paddle is imported.

This module imports nothing but the standard library, so that a script can call
:func:`prepare` first and pay milliseconds for it.
"""

import contextlib
import ctypes
import io
import os
import platform
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Optional

# Paddle complains that threads are more than one, which is what was chosen; the others tell
# of optional packages that nothing here uses.
HARMLESS = ("OMP_NUM_THREADS", "numba", "ccache")
HARMLESS_WARNINGS = ("Setuptools is replacing distutils", "When training, we now always track global mean")

# Of glibc's mallopt(3): no block is a mapping of its own, and free memory at the end of the heap stays.
MEMORY_KEPT = {-4: 0, -1: 2**31 - 1}


def processor_flags(cpuinfo: Optional[str] = None) -> tuple[str, frozenset[str]]:
    """Vendor and feature flags of the first processor.

    Args:
        cpuinfo: text in the form of ``/proc/cpuinfo``; by default that file, and an
            unknown processor where it does not exist.
    """
    if cpuinfo is None:
        path = Path("/proc/cpuinfo")
        cpuinfo = path.read_text(errors="replace") if path.exists() else ""
    vendor, flags = "", frozenset()
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "vendor_id":
            vendor = vendor or value.strip()
        elif name.strip() == "flags":
            flags = flags or frozenset(value.split())
    return vendor, flags


def choose_threads(processes: int = 1) -> int:
    """Threads for one of ``processes`` processes that share the usable processors."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (usable or 1) // max(1, processes))


def choose_matrix_library_path(vendor: str, flags: frozenset[str]) -> Optional[str]:
    """Value for ``MKL_DEBUG_CPU_TYPE``, or None where the default is best.

    Paddle's matrix library takes its slowest path on processors that are not Intel's.
    5 asks for AVX2, which is right for every AMD processor that has it, those with
    AVX-512 included: 6 and 7 crash without AVX-512 and were no faster with it.
    """
    return "5" if vendor == "AuthenticAMD" and "avx2" in flags else None


def keep_freed_memory() -> bool:
    """Let the C library keep the memory of freed tensors for the next ones.

    By default every tensor of some megabytes is mapped anew, and the kernel clears each of its pages in
    every update. The process holds on to the most that it ever used.

    Returns:
        Whether it does: not where the C library is another than glibc, or a variable ``MALLOC_...`` says
        what the user wants.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    library = ctypes.CDLL(None)
    return all(library.mallopt(number, value) == 1 for number, value in MEMORY_KEPT.items())


def process_number() -> int:
    """Number of this process among those of ``paddle.distributed.launch``, from 0."""
    return int(os.environ.get("PADDLE_TRAINER_ID", 0))


def prepare() -> str:
    """Choose threads, matrix-library path and what becomes of freed memory; say so in one line.

    A variable that the user has set is left alone. Call it before Paddle is imported:
    both libraries read the environment once, when they are loaded.

    Raises:
        RuntimeError: Paddle is already imported, so nothing could take effect.
    """
    if "paddle" in sys.modules:
        raise RuntimeError("common.runtime.prepare() must run before Paddle is imported")
    vendor, flags = processor_flags()
    processes = int(os.environ.get("PADDLE_LOCAL_SIZE") or os.environ.get("PADDLE_TRAINERS_NUM", 1))
    chosen = {
        "OMP_NUM_THREADS": str(choose_threads(processes)),
        "MKL_DEBUG_CPU_TYPE": choose_matrix_library_path(vendor, flags),
    }
    # Paddle's launcher sets one thread for its processes, which is nobody's choice.
    launched = "PADDLE_LOCAL_SIZE" in os.environ
    said = []
    for name, value in chosen.items():
        if launched and name == "OMP_NUM_THREADS" and os.environ.get(name) == "1":
            del os.environ[name]
        if name in os.environ:
            said.append(f"{name}={os.environ[name]} (yours)")
        elif value is not None:
            os.environ[name] = value
            said.append(f"{name}={value}")
    if keep_freed_memory():
        said.append("freed memory is kept")
    _avoid_import_crash()
    for message in HARMLESS_WARNINGS:
        warnings.filterwarnings("ignore", message=message)
    return f"cpu: {vendor or platform.machine()}, {', '.join(said)}"


@contextlib.contextmanager
def without_known_noise() -> Iterator[None]:
    """Hide the messages of :data:`HARMLESS` that Paddle and its packages print when imported.

    Everything else is shown when the context ends.
    """
    printed, complained = io.StringIO(), io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(printed):
            warnings.filterwarnings("ignore", message=".*ccache.*")
            with contextlib.redirect_stderr(complained):
                yield
    finally:
        for captured, stream in ((printed, sys.stdout), (complained, sys.stderr)):
            for line in captured.getvalue().splitlines():
                if not any(word in line for word in HARMLESS):
                    print(line, file=stream)


@contextlib.contextmanager
def importing_paddle() -> Iterator[None]:
    """Import without noise, and without losing a signal to stop.

    Paddle replaces the handler of SIGTERM when it is imported, and an exception that a handler raises
    while it is makes the import fail, so SIGINT and SIGTERM wait until the context ends.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        with without_known_noise():
            yield
        return
    asked = {signal.SIGINT, signal.SIGTERM}
    handlers = {number: signal.getsignal(number) for number in asked}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, asked)
    try:
        with without_known_noise():
            yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _avoid_import_crash() -> None:
    # On Paddle 2.6 importing paddlenlp after paddle crashes inside aiohttp (two copies of
    # zlib); loading aiohttp first avoids it.
    try:
        paddle_2 = version("paddlepaddle").startswith("2.")
    except PackageNotFoundError:
        paddle_2 = True
    if paddle_2:
        with contextlib.suppress(ImportError):
            import aiohttp  # noqa: F401

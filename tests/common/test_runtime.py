"""What is chosen for the processor, before Paddle is imported."""

import platform
import subprocess
import sys

import pytest

from common import runtime

CPUINFO = "processor\t: 0\nvendor_id\t: {vendor}\nflags\t\t: fpu sse {flags}\n\nprocessor\t: 1\n"


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("AuthenticAMD", "avx avx2", "5"),
        ("AuthenticAMD", "avx avx2 avx512f", "5"),
        ("AuthenticAMD", "avx", None),
        ("GenuineIntel", "avx avx2 avx512f", None),
        ("", "", None),
    ],
)
def test_matrix_library_path_is_for_amd_processors_with_avx2(vendor, flags, expected):
    found = runtime.processor_flags(CPUINFO.format(vendor=vendor, flags=flags))
    assert runtime.choose_matrix_library_path(*found) == expected


def test_processes_share_the_processors():
    alone = runtime.choose_threads(1)
    assert runtime.choose_threads(alone) == 1
    assert runtime.choose_threads(1000) == 1


def in_new_process(code: str, **variables) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PATH": "/usr/bin", **variables}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_the_user_set_is_kept_and_said():
    code = "import os; from common import runtime; print(runtime.prepare()); print(dict(os.environ))"
    output = in_new_process(code, OMP_NUM_THREADS="7", MKL_DEBUG_CPU_TYPE="")
    assert "OMP_NUM_THREADS=7 (yours)" in output
    assert "'OMP_NUM_THREADS': '7'" in output
    assert "'MKL_DEBUG_CPU_TYPE': ''" in output


def test_the_choice_is_made_without_importing_paddle_and_refused_after():
    code = (
        "import sys; from common import runtime; line = runtime.prepare()\n"
        "assert 'paddle' not in sys.modules\n"
        "print(line.count(chr(10)), 'OMP_NUM_THREADS=' in line)\n"
        "sys.modules['paddle'] = sys\n"
        "try: runtime.prepare()\nexcept RuntimeError as error: print(error)"
    )
    assert in_new_process(code).splitlines() == [
        "0 True",
        "common.runtime.prepare() must run before Paddle is imported",
    ]


FAULTS = """
import resource, sys
import numpy as np
from common import runtime
kept = runtime.keep_freed_memory()
def fill(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.empty(10_000_000, np.float32).fill(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
fill(1)
print(kept, fill(20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_memory_of_a_freed_tensor_is_used_again_unless_the_user_wants_it_otherwise():
    kept, faults = in_new_process(FAULTS).split()
    # Mapped anew, one array has 9,766 pages of 4 KiB, or 19 of 2 MiB.
    assert (kept, int(faults) < 19) == ("True", True)
    kept, faults = in_new_process(FAULTS, MALLOC_TRIM_THRESHOLD_="131072").split()
    assert (kept, int(faults) >= 19) == ("False", True)


def test_known_noise_is_hidden_and_everything_else_shown(capsys):
    with runtime.without_known_noise():
        print("please install numba")
        print("something else")
        print("OMP_NUM_THREADS set to 2", file=sys.stderr)
        print("a complaint", file=sys.stderr)
    captured = capsys.readouterr()
    assert captured.out == "something else\n"
    assert captured.err == "a complaint\n"


def test_a_signal_waits_until_paddle_is_imported_and_is_answered_by_its_handler():
    code = (
        "import os, signal; from common import runtime; print(runtime.prepare())\n"
        "def handler(number, frame): raise KeyboardInterrupt\n"
        "signal.signal(signal.SIGTERM, handler)\n"
        "try:\n"
        "    with runtime.importing_paddle():\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        import paddle\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    print('not answered')\n"
        "except KeyboardInterrupt: print('answered', bool(paddle.__version__))\n"
        "try: os.kill(os.getpid(), signal.SIGTERM)\n"
        "except KeyboardInterrupt: print('and again')\n"
    )
    assert in_new_process(code).splitlines()[1:] == ["answered True", "and again"]


def test_the_single_thread_of_paddles_launcher_is_not_taken_for_the_users_choice():
    code = "from common import runtime; runtime.choose_threads = lambda processes: 16 // processes\n"
    launched = {"PADDLE_LOCAL_SIZE": "2", "OMP_NUM_THREADS": "1"}
    assert "OMP_NUM_THREADS=8," in in_new_process(code + "print(runtime.prepare() + ',')", **launched) + ","

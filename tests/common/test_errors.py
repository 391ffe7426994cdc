"""How commands end when what they are told, or who reads them, goes away."""

import subprocess
import sys

import pytest

from common.errors import UserError
from tasks import runs
from tests.conftest import ROOT

PLAIN = ROOT / "tests/sentiment/small.yaml"
PRINTING = """
from common.errors import run_command
run_command(lambda: [print("line", flush=True) for _ in range(100_000)])
"""

WRITING = """
import resource, sys
from pathlib import Path
import numpy as np
from common.errors import run_command
from common.tensor_file import write_tensors
from common.training.run_folder import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
place = Path(sys.argv[1])
run_command(lambda: CALL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
@pytest.mark.parametrize(
    "call", ["write_tensors(place, {'a': np.zeros(9999)}, {})", "write_text(place, 'a' * 9999)"]
)
def test_a_disk_that_takes_no_more_is_one_line_and_what_was_there_stays(call, tmp_path):
    place = tmp_path / "file"
    place.write_text("old", encoding="utf-8")
    code = WRITING.replace("CALL", call)
    done = subprocess.run([sys.executable, "-c", code, place], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, f"error: {place}: cannot be written: File too large\n")
    assert [file.read_text(encoding="utf-8") for file in tmp_path.iterdir()] == ["old"]


def test_a_reader_that_has_seen_enough_is_no_error():
    line = f"{sys.executable} -c '{PRINTING}' | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "line\n", "")


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--loss.r_drop", "-1"], "command line: loss.r_drop: found -1"),
        (
            ["--loss.class_weights", "balance"],
            "command line: loss.class_weights: found \"balance\", expected a list or 'balanced'",
        ),
        (["--loss.class_weights", "[1, -1]"], "command line: loss.class_weights"),
        (["--loss.r_drop", "1", "--model.encoder_dropout", "0"], "loss.r_drop: found 1 without any dropout"),
    ],
)
def test_a_wrong_flag_does_not_blame_the_file(flags, message):
    with pytest.raises(UserError) as caught:
        runs.load_config(PLAIN, flags=flags)
    assert message in str(caught.value) and PLAIN.name not in str(caught.value)


def test_a_wrong_file_is_named_whatever_the_flags(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("task: sentiment\nmodel: {dropout: 2}\n")
    with pytest.raises(UserError, match=r"a\.yaml: model\.dropout"):
        runs.load_config(file, flags=["--train.epochs", "3"])

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

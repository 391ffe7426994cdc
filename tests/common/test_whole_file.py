"""Files that cannot be written to their end: one line, the file before, and nothing beside it."""

import subprocess
import sys

import numpy as np
import pytest

from common.errors import UserError
from common.tensor_file import read_tensors, write_tensors
from common.training.run_folder import write_text
from tests.conftest import ROOT
from tests.disk import room_for


def test_a_text_without_room_leaves_the_old_one_alone(tmp_path):
    write_text(tmp_path / "a.json", "old")
    with room_for(10_000), pytest.raises(UserError, match="a.json: cannot be written: File too large$"):
        write_text(tmp_path / "a.json", "new" * 10_000)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "old")]


def test_tensors_without_room_leave_the_old_ones_alone(tmp_path):
    file = tmp_path / "a.safetensors"
    write_tensors(file, {"a": np.ones(3, np.float32)}, {})
    with room_for(10_000), pytest.raises(UserError, match="safetensors: cannot be written: File too large"):
        write_tensors(file, {"a": np.zeros(10_000, np.float32)}, {})
    assert list(tmp_path.iterdir()) == [file]
    assert read_tensors(file, ["a"])["a"].tolist() == [1, 1, 1]


def test_a_place_that_cannot_be_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/a\.json: cannot be written: "):
        write_text(tmp_path / "file/a.json", "{}")


def test_a_full_disk_ends_a_command_with_one_line_and_2():
    code = """from common.errors import run_command
run_command(lambda: open("/dev/full", "wb", 0).write(b"a"))"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "error: No space left on device\n")

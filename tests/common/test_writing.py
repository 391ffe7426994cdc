"""What libraries print while a model is written, and writing where there is no room."""

import os

import paddle
import pytest

from common.errors import UserError
from common.inference.new_folder import new_folder
from common.inference.writing import save_paddle, shown_where_it_fails
from tests.disk import room_for


def test_what_libraries_print_is_held_back(capfd):
    print("before")
    with shown_where_it_fails():
        os.write(1, b"[Paddle2ONNX] chatter\n")
        os.write(2, b"W1128 of C++\n")
    print("after")
    assert capfd.readouterr() == ("before\nafter\n", "")


def test_what_libraries_print_is_shown_where_they_fail(capfd):
    with pytest.raises(SystemExit), shown_where_it_fails():
        os.write(1, b"the reason\n")
        os.write(2, b"more of it\n")
        raise SystemExit
    shown = capfd.readouterr()
    assert (shown.out, sorted(shown.err.splitlines())) == ("", ["more of it", "the reason"])


def test_a_model_without_room_is_one_line_and_no_folder(tmp_path, capfd):
    specification = paddle.static.InputSpec([None, 2], "float32", "x")
    with (
        room_for(2000),
        pytest.raises(UserError, match="cannot be written: "),
        new_folder(tmp_path / "x") as new,
    ):
        save_paddle(paddle.nn.Linear(2, 2), new, specification)
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")

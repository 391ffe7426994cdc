"""predict.py and export.py as a user runs them."""

import contextlib
import fcntl
import importlib.util
import io
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from tests.conftest import ROOT, seconds_of_children


def predicting(*arguments, **options) -> subprocess.CompletedProcess:
    line = [sys.executable, ROOT / "scripts/predict.py", *arguments]
    return subprocess.run([*map(str, line)], cwd=ROOT, timeout=120, **options)


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_lines_on_standard_input_become_a_table_on_standard_output(categories_run, encoding):
    lines = ["手机很卡", "", "苹果, 很甜", "苹果很甜"]
    done = predicting(
        *["--run", categories_run.path, "--input", "-"],
        input="\n".join(lines).encode(encoding),
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(io.BytesIO(done.stdout), keep_default_na=False, dtype=str)
    assert list(found) == ["text", "label", "p_其他", "p_手机", "p_水果"]
    assert list(found["text"]) == lines
    assert list(found["label"] == "") == [False, True, False, False]
    assert done.stdout.endswith(b"\n") and b"4 rows" in done.stderr


def test_progress_is_shown_on_a_terminal(categories_run, tmp_path):
    (tmp_path / "a.txt").write_text("手机很卡\n" * 3000, encoding="utf-8")
    flags = ["--run", categories_run.path, "--input", tmp_path / "a.txt", "--output", tmp_path / "out"]
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with ThreadPoolExecutor() as pool:
        shown = pool.submit(everything_shown, controller)
        done = predicting(*flags, stdout=subprocess.PIPE, stderr=terminal)
        os.close(terminal)
        assert done.returncode == 0, shown.result()
        assert "3000/3000" in shown.result()
    os.close(controller)
    assert "predictions.csv: 3,000 rows" in done.stdout.decode()


def everything_shown(controller: int) -> str:
    """What a terminal shows until nobody writes to it any more."""
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(controller, 4096):
            shown += piece
    return shown.decode()


def test_an_export_is_made_and_predicts(categories_run, tmp_path, command):
    name = "onnx" if importlib.util.find_spec("onnxruntime") else "paddle"
    done = command(
        "export.py", "--run", categories_run.path, "--format", name, "--output", tmp_path / "model"
    )
    assert done.returncode == 0, done.stderr
    assert f"{name} " in done.stdout and "largest difference of a probability on 101 texts" in done.stdout
    found = []
    for run in (categories_run.path, tmp_path / "model"):
        done = predicting("--run", run, "--input", "-", input="手机很卡\n".encode(), capture_output=True)
        assert done.returncode == 0, done.stderr
        found.append(pd.read_csv(io.BytesIO(done.stdout)))
    pd.testing.assert_frame_equal(*found, rtol=0, atol=1e-5)


def test_boxes_are_predicted_by_a_run_and_its_export(boards_run, tmp_path, command):
    name = "onnx" if importlib.util.find_spec("onnxruntime") else "paddle"
    data = boards_run.path.parent / "data"
    exporting = ["--run", boards_run.path, "--format", name, "--output", tmp_path / "model"]
    done = command("export.py", *exporting, "--data-root", data)
    assert done.returncode == 0, done.stderr
    assert f"{name}: largest differences on" in done.stdout
    (tmp_path / "in").mkdir()
    shutil.copy(next(data.glob("boards/*/*/*_test.jpg")), tmp_path / "in/板.jpg")
    (tmp_path / "in/cut.jpg").write_bytes((tmp_path / "in/板.jpg").read_bytes()[:900])
    for number, run in enumerate((boards_run.path, tmp_path / "model")):
        output = tmp_path / f"out{number}"
        done = command("predict.py", "--run", run, "--input", tmp_path / "in", "--output", output)
        assert done.returncode == 2
        passed_over, error = done.stderr.splitlines()
        assert passed_over.startswith("passed over: ") and "1 of 2 pictures cannot be read" in error
        assert "1 pictures, " in done.stdout and "1 passed over" in done.stdout
        assert (output / "pictures/板.jpg").is_file()
    done = command(
        "predict.py", "--run", run, "--input", tmp_path / "in/cut.jpg", "--output", tmp_path / "out"
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "cut.jpg: found 900 bytes that are no whole picture" in done.stderr


def mistakes(run, folder) -> dict[str, tuple[str, list, str]]:
    """Script, arguments, and what must be said."""
    (folder / "bad.csv").write_text("评论\n好\n差,2\n", encoding="utf-8")
    there = ["--run", run, "--output", folder / "out"]
    return {
        "no run": ("predict.py", ["--input", "-"], "required: --run"),
        "empty folder": (
            "predict.py",
            ["--run", folder, "--input", "-"],
            "found neither config.yaml nor export.json, expected a folder that train.py or export.py",
        ),
        "threshold": (
            "predict.py",
            [*there, "--input", "-", "--threshold", "0.5"],
            "--threshold: is for another task than sentiment, the run's",
        ),
        "export's data": (
            "export.py",
            [*there, "--format", "onnx", "--data-root", folder],
            "--data-root: is for another task than sentiment, the run's",
        ),
        "no file": ("predict.py", [*there, "--input", "no.csv"], "--input: no.csv: no such file"),
        "bad row": ("predict.py", [*there, "--input", folder / "bad.csv"], "bad.csv: line 3: found 2 fields"),
        "nothing on standard input": (
            "predict.py",
            [*there, "--input", "-"],
            "standard input: found nothing",
        ),
        "batch size": (
            "predict.py",
            [*there, "--input", "-", "--batch-size", "x"],
            "--batch-size: invalid int value",
        ),
        "unknown format": ("export.py", [*there, "--format", "tflite"], "invalid choice: 'tflite'"),
        "no format": ("export.py", there, "required: --format"),
    }


MISTAKES = [
    "no run",
    "empty folder",
    "threshold",
    "export's data",
    "no file",
    "bad row",
    "nothing on standard input",
    "batch size",
    "unknown format",
    "no format",
]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2_within_two_seconds(name, categories_run, tmp_path):
    script, arguments, expected = mistakes(categories_run.path, tmp_path)[name]
    line = [sys.executable, ROOT / "scripts" / script, *arguments]
    used = seconds_of_children()
    done = subprocess.run(
        [*map(str, line)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert seconds_of_children() - used < 2
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()

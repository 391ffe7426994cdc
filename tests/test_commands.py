"""The commands as a user runs them."""

import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file

from tests.conftest import ROOT, seconds_of_children

BASE = ["--config", "tests/sentiment/small.yaml"]
TINY = ["--train.epochs", "2", "--model.layers", "1", "--model.hidden_size", "32", "--data.train_size", "160"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, command):
    folder = tmp_path_factory.mktemp("runs") / "x"
    done = command("train.py", *BASE, *TINY, "--run-dir", folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\n2 epochs, \d+\.\d minutes of training without evaluation\n", done.stdout)
    return folder


@pytest.fixture(scope="module")
def boards(tmp_path_factory, command):
    root = tmp_path_factory.mktemp("data")
    done = command("make_boards.py", "--output", root / "boards", "--number", 12, "--size", 128)
    assert done.returncode == 0, done.stderr
    return root


def test_a_run_folder_holds_what_the_readme_says(trained):
    expected = {
        "config.yaml",
        "environment.json",
        "parameters.csv",
        "history.csv",
        "metrics.json",
        "report.html",
    }
    assert expected <= {file.name for file in trained.iterdir()}
    assert (trained / "predictions/validation.csv").exists()
    assert (trained / "plots/learning_curves.png").exists()
    assert {file.name for file in (trained / "checkpoints").iterdir()} == {
        "last.safetensors",
        "best.safetensors",
    }
    environment = json.loads((trained / "environment.json").read_text())
    assert {"paddlepaddle", "processor", "git_commit", "config_sha256", "data_sha256"} <= set(environment)
    parameters = pd.read_csv(trained / "parameters.csv")
    assert list(parameters) == ["name", "shape", "layer", "lr_scale", "weight_decay", "rule"]
    assert not list(trained.rglob("*.partial"))


def test_the_predictions_are_what_the_metrics_were_computed_from(trained):
    metrics = json.loads((trained / "metrics.json").read_text())["validation"]
    rows = pd.read_csv(trained / "predictions/validation.csv")
    assert (rows["label"] == rows["predicted"]).mean() == pytest.approx(metrics["accuracy"])


def test_the_written_configuration_repeats_the_run_exactly(trained, tmp_path, command):
    again = tmp_path / "y"
    done = command("train.py", "--config", trained / "config.yaml", "--run-dir", again)
    assert done.returncode == 0, done.stderr
    first, second = (
        pd.read_csv(f / "history.csv").drop(columns=["seconds", "items/s"]) for f in (trained, again)
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    one, two = (load_file(str(f / "checkpoints/last.safetensors")) for f in (trained, again))
    assert all((one[name] == two[name]).all() for name in one)


def test_every_reading_of_the_test_split_is_written_down(trained, command):
    for count in (1, 2):
        done = command("evaluate.py", "--run", trained, "--split", "test")
        assert done.returncode == 0, done.stderr
        assert len(pd.read_csv(trained / "test_readings.csv")) == count
    assert {"validation", "test"} == set(json.loads((trained / "metrics.json").read_text()))


def test_runs_of_both_tasks_are_compared_on_one_page(trained, boards, tmp_path, command):
    flags = ["--data.root", "boards", "--train.steps", 2, "--train.batch_size", 2, "--augment.crop", 64]
    run = tmp_path / "pcb"
    done = command(
        "train.py",
        "--config",
        "configs/pcb/regularized.yaml",
        "--data-root",
        boards,
        "--run-dir",
        run,
        *flags,
    )
    assert done.returncode == 0, done.stderr
    page = tmp_path / "page" / "report.html"
    done = command(
        "compare.py", "--runs", trained, run, "--split", "validation", "--output", page, "--note", "noise"
    )
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert "f1_macro" in text and "map_50" in text and "noise" in text
    assert "http" not in text.replace("http-equiv", "") and "data_sha256" not in text


def test_runs_on_other_data_are_compared_with_a_warning(trained, tmp_path, command):
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    environment = json.loads((other / "environment.json").read_text(encoding="utf-8"))
    (other / "environment.json").write_text(json.dumps({**environment, "data_sha256": "0" * 64}))
    page = tmp_path / "report.html"
    done = command("compare.py", "--runs", trained, other, "--split", "validation", "--output", page)
    assert done.returncode == 0, done.stderr
    for text in (done.stdout, page.read_text(encoding="utf-8")):
        assert f"Warning: other had other data than {trained.name}" in text


def test_an_own_gb18030_file_with_three_classes_named_in_chinese(tmp_path, command):
    words = {"好": "很满意 物流快", "中": "一般般 还行吧", "差": "太差了 要退货"}
    rows = [f"{text}{number},{label}" for number in range(60) for label, text in words.items()]
    (tmp_path / "my.csv").write_text("评论,情感\n" + "\n".join(rows), encoding="gb18030")
    flags = ["--data.train", tmp_path / "my.csv", "--data.text_column", "评论", "--data.label_column", "情感"]
    run = tmp_path / "run"
    config = ["--config", "configs/sentiment/regularized.yaml", "--train.epochs", 3]
    done = command("train.py", *config, *flags, "--run-dir", run)
    assert done.returncode == 0, done.stderr
    assert "好: " in done.stdout and "中: " in done.stdout and "差: " in done.stdout
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["validation"]
    assert {"recall_好", "recall_中", "recall_差"} <= set(metrics) and "f1_positive" not in metrics
    # Each class has words of its own; chance is one third.
    assert metrics["accuracy"] > 0.9


def write(path, text: str, encoding: str = "utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


def mistakes(tmp_path, boards) -> dict[str, tuple[list, str]]:
    """Arguments of train.py, and what must be said."""
    broken = tmp_path / "data" / "boards"
    write(broken / "trainval.txt", "group1/1/7.jpg group1/1_not/7.txt\n")
    write(broken / "classes.txt", "\n".join("abcdef") + "\n")
    (broken / "group1/1").mkdir(parents=True)
    Image.new("L", (64, 64)).save(broken / "group1/1/7_test.jpg")
    write(broken / "group1/1_not/7.txt", "1 2 30 40 1\n1 2 30 40 9\n")
    (tmp_path / "existing").mkdir()
    write(tmp_path / "existing/config.yaml", "task: sentiment\n")
    pcb = ["--config", "configs/pcb/baseline.yaml", "--data.root", "boards", "--data-root", tmp_path / "data"]
    return {
        "unknown field": ([*BASE, "--optim.weight_decy", "1"], "the nearest is --optim.weight_decay"),
        "unknown flag": ([*BASE, "--run-dri", "x"], "--run-dri: unknown flag; the nearest is --run-dir"),
        "class out of range": (pcb, "line 2: found class 9, expected 1 to 6"),
        "existing run folder": ([*BASE, "--run-dir", tmp_path / "existing"], "run folder exists"),
        "resuming another run": (
            [*BASE, "--run-dir", tmp_path / "existing", "--resume"],
            "a run is resumed with the configuration it was started with",
        ),
        "no configuration": ([], "--config: missing"),
        "precision that a processor ignores": (
            [*BASE, "--train.amp", "bf16", "--train.device", "cpu"],
            "train.amp: found bf16 on a CPU, where Paddle ignores it; expected off",
        ),
        "device that is not there": (
            [*BASE, "--train.device", "gpu"],
            "train.device: found gpu, but this Paddle sees no GPU; expected cpu",
        ),
        "unknown flag form": ([*BASE, "weight_decay=1"], "expected a flag"),
    }


MISTAKES = [
    "unknown field",
    "unknown flag",
    "class out of range",
    "existing run folder",
    "resuming another run",
    "no configuration",
    "precision that a processor ignores",
    "device that is not there",
    "unknown flag form",
]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2_within_two_seconds(name, tmp_path, boards, command):
    arguments, expected = mistakes(tmp_path, boards)[name]
    if "--run-dir" not in arguments:
        arguments = [*arguments, "--run-dir", tmp_path / "run"]
    used = seconds_of_children()
    done = command("train.py", *arguments)
    seconds = seconds_of_children() - used
    assert done.returncode == 2
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert seconds < 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "script",
    [
        "train.py",
        "evaluate.py",
        "predict.py",
        "export.py",
        "compare.py",
        "make_boards.py",
        "inspect_model.py",
        "check_data.py",
        "convert_weights.py",
        "convert_boxes.py",
        "download_data.py",
        "pretrain.py",
        "linear_baseline.py",
        "reproduce.py",
    ],
)
def test_help_answers_from_any_folder(script, tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert done.returncode == 0, done.stderr
    assert "--" in done.stdout
    if script == "train.py":
        assert "--optim.weight_decay_layer_decay" in done.stdout and "--augment.mixup.alpha" in done.stdout


def test_boards_are_not_written_over(boards, command):
    done = command("make_boards.py", "--output", boards / "boards")
    assert done.returncode == 2
    assert "is not empty" in done.stderr


def test_comparing_runs_that_were_not_evaluated_says_what_to_run(trained, tmp_path, command):
    (tmp_path / "run").mkdir()
    for name in ("config.yaml", "history.csv", "environment.json"):
        (tmp_path / "run" / name).write_bytes((trained / name).read_bytes())
    done = command("compare.py", "--runs", tmp_path / "run", "--output", tmp_path / "a.html")
    assert done.returncode == 2
    assert "found no test metrics; run evaluate.py --split test on it first" in done.stderr
    done = command("compare.py", "--runs", tmp_path, "--output", tmp_path / "a.html")
    assert done.returncode == 2 and "found no config.yaml" in done.stderr


def test_a_picture_that_is_cut_off_is_found_before_there_is_a_run_folder(boards, tmp_path, command):
    shutil.copytree(boards, tmp_path / "data")
    picture = next((tmp_path / "data/boards").glob("group10000/10000/*_test.jpg"))
    picture.write_bytes(picture.read_bytes()[:-400])
    flags = ["--data.root", "boards", "--data-root", tmp_path / "data", "--run-dir", tmp_path / "run"]
    done = command("train.py", "--config", "configs/pcb/baseline.yaml", *flags)
    assert done.returncode == 2, done.stderr
    assert f"{picture}: found" in done.stderr and "no whole picture" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_evaluating_on_other_data_than_the_run_was_trained_on_is_refused(trained, tmp_path, command):
    copy = tmp_path / "run"
    shutil.copytree(trained, copy)
    text = (copy / "config.yaml").read_text(encoding="utf-8")
    (copy / "config.yaml").write_text(text.replace("test_size: 200", "test_size: 201"), encoding="utf-8")
    done = command("evaluate.py", "--run", copy, "--split", "test")
    assert done.returncode == 2
    assert "data_sha256: found data with" in done.stderr


def test_a_place_that_cannot_hold_a_run_is_one_line(tmp_path, command):
    (tmp_path / "file").write_text("x")
    done = command("train.py", *BASE, *TINY, "--run-dir", tmp_path / "file" / "run")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].endswith("Not a directory")
    assert "Traceback" not in done.stderr

"""linear_baseline.py as a user runs it."""

import pandas as pd
import pytest

from common.config import build
from tasks.sentiment.config import Config
from tasks.sentiment.data import read_data

FLAGS = [
    "--config",
    "configs/quickstart/sentiment-baseline.yaml",
    "--train-size",
    "40",
    "--seeds",
    "0",
    "1",
    "0",
]


@pytest.fixture(scope="module")
def splits():
    values = {"task": "sentiment", "data": {"train": "embedded", "train_size": "all"}}
    return read_data(build(Config, values, "test"), "").splits


def test_a_row_a_fit_is_kept_and_unlabelled_texts_give_no_evaluation_text_away(splits, tmp_path, command):
    train, test, validation = ([r.text for r in splits[s]] for s in ("train", "test", "validation"))
    (tmp_path / "own.txt").write_text("\n".join([*train[:300], *test[:7], validation[0]]), encoding="utf-8")
    output = ["--output", tmp_path / "fits.csv", "--data-root", tmp_path]
    done = command("linear_baseline.py", *FLAGS, "--unlabelled", "own.txt", *output)
    assert done.returncode == 0, done.stderr
    left_out = int(done.stdout.split("left out ")[1].split()[0])
    assert left_out >= 8 and f"{308 - left_out} unlabelled texts" in done.stdout
    assert pd.read_csv(tmp_path / "fits.csv")[["labels", "seed"]].to_numpy().tolist() == [[40, 0], [40, 1]]
    assert "validation, 2 seeds" in done.stdout


def test_unlabelled_texts_that_all_give_evaluation_texts_away_are_refused(splits, tmp_path, command):
    (tmp_path / "own.txt").write_text(splits["test"][0].text, encoding="utf-8")
    done = command("linear_baseline.py", *FLAGS, "--unlabelled", "own.txt", "--data-root", tmp_path)
    assert done.returncode == 2
    assert "--unlabelled: found no text in own.txt but evaluation texts" in done.stderr

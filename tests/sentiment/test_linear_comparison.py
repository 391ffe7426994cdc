"""Runs beside a linear model of the same texts, and features of texts without labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.config import build, to_yaml
from common.errors import UserError
from common.training.run_folder import RunFolder, write_text
from tasks.sentiment.config import Config
from tasks.sentiment.data import DataReader, read_data
from tasks.sentiment.linear_baseline import evaluate, features_of, fit_linear_baseline
from tasks.sentiment.linear_comparison import compare_with_linear_baseline


def config(seed: int, labels: int = 100) -> Config:
    values = {"data": {"train": "embedded", "train_size": labels, "seed": seed}, "train": {"seed": seed}}
    return build(Config, {"task": "sentiment", **values}, "test")


def made_run(folder: Path, settings: Config, wrong: int) -> RunFolder:
    """A run's folder whose predictions miss so many validation labels."""
    data, run = read_data(settings, Path()), RunFolder(folder)
    reviews = data.splits["validation"]
    labels = np.array([review.label for review in reviews])
    predicted = np.where(np.arange(len(reviews)) < wrong, 1 - labels, labels)
    names = np.array(data.classes)
    rows = pd.DataFrame({"text": [r.text for r in reviews], "label": names[labels]})
    rows["predicted"] = names[predicted]
    for index, name in enumerate(data.classes):
        rows[f"p_{name}"] = (predicted == index).astype(float)
    run.predictions("validation").parent.mkdir(parents=True)
    rows.to_csv(run.predictions("validation"), index=False)
    return run


def test_the_gain_is_that_over_models_fitted_on_the_same_texts(tmp_path):
    runs = [(made_run(tmp_path / str(s), config(s), wrong=6 + s), config(s)) for s in range(3)]
    (row,) = compare_with_linear_baseline(runs, "validation", DataReader(Path()))
    expected = []
    for seed in range(3):
        data = read_data(config(seed), Path())
        expected.append(evaluate(fit_linear_baseline(data)[0], data, "validation")["accuracy"])
    assert (row["labels"], row["seeds"]) == (100, 3)
    assert row["TF-IDF"] == pytest.approx(np.mean(expected))
    assert row["runs"] == pytest.approx(1 - 7 / 120)
    assert row["gain"] == pytest.approx(row["runs"] - row["TF-IDF"])
    assert row["low"] < row["gain"] < row["high"]


def test_runs_need_no_weights_as_unpacked_ones_have_none(tmp_path, command):
    runs = [made_run(tmp_path / str(seed), config(seed), wrong=9) for seed in range(2)]
    for seed, run in enumerate(runs):
        write_text(run.path / "config.yaml", to_yaml(config(seed)))
    flags = ["--config", "configs/quickstart/sentiment-baseline.yaml", "--output", tmp_path / "gain.csv"]
    done = command("linear_baseline.py", *flags, "--against", *(run.path for run in runs))
    assert done.returncode == 0, done.stderr
    assert pd.read_csv(tmp_path / "gain.csv")[["labels", "seeds"]].to_numpy().tolist() == [[100, 2]]


def test_numbers_of_labels_are_rows_and_a_seed_counts_once(tmp_path):
    runs = [(made_run(tmp_path / str(n), config(0, n), wrong=9), config(0, n)) for n in (200, 50)]
    rows = compare_with_linear_baseline(runs, "validation", DataReader(Path()))
    assert [row["labels"] for row in rows] == [50, 200]
    with pytest.raises(UserError, match="second run of seed 0 with 200 labels"):
        compare_with_linear_baseline([*runs, runs[0]], "validation", DataReader(Path()))
    with pytest.raises(UserError, match="found no predictions of test"):
        compare_with_linear_baseline(runs, "test", DataReader(Path()))


def test_runs_of_two_recipes_are_no_arm(tmp_path):
    runs = [(made_run(tmp_path / str(s), config(s), wrong=9), config(s)) for s in range(2)]
    runs[1][1].model.dropout = 0.4
    with pytest.raises(UserError, match="1: model.dropout: found 0.4, expected 0.0, as in .*0: runs of one"):
        compare_with_linear_baseline(runs, "validation", DataReader(Path()))


def test_a_run_on_other_data_is_refused(tmp_path):
    run = made_run(tmp_path / "run", config(0), wrong=9)
    (run.path / "environment.json").write_text('{"data_sha256": "0123456789abcdef"}')
    with pytest.raises(UserError, match="expected 0123456789ab, what the run was trained on"):
        compare_with_linear_baseline([(run, config(0))], "validation", DataReader(Path()))


def test_given_features_have_the_vocabulary_of_their_texts_alone():
    data = read_data(config(0), Path())
    features = features_of(["好", "不好"])
    pipeline, _ = fit_linear_baseline(data, features=features)
    assert set(pipeline[0].vocabulary_) == {"好", "不", "不好"}
    others = [review.text for review in data.splits["train"][:50]]
    pipeline, _ = fit_linear_baseline(data, features=features_of(others))
    assert evaluate(pipeline, data, "validation")["accuracy"] > 0.6

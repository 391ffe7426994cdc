"""inspect_model.py as a user runs it."""

import json
from pathlib import Path

import pandas as pd

SENTIMENT = ["--config", "configs/quickstart/sentiment-regularized.yaml"]


def test_the_table_shows_groups_and_warns_that_the_articles_decay_does_nothing(command):
    done = command("inspect_model.py", *SENTIMENT)
    assert done.returncode == 0, done.stderr
    assert "adamw, decoupled" in done.stdout
    assert all(word in done.stdout for word in ("embedding", "normalisation", "bias", "shrinkage"))
    assert done.stdout.count("does nothing") == 1


def test_verbose_has_a_row_a_parameter_and_the_layers(command):
    done = command("inspect_model.py", *SENTIMENT, "--verbose")
    assert done.returncode == 0, done.stderr
    assert "encoder.embeddings.word_embeddings.weight" in done.stdout
    assert "Total params" in done.stdout


def test_json_lists_every_parameter_and_planted_dropout_is_found(command):
    # The first token of mini-bert-zh has no pooler, which is noted.
    flags = [
        "--format",
        "json",
        "--optim.weight_decay",
        "0.1",
        "--model.dropout",
        "0.8",
        "--model.pooling",
        "cls",
    ]
    done = command("inspect_model.py", *SENTIMENT, *flags)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "has no pooler" in done.stderr
    assert found["warnings"] == []
    assert [finding["reason"] for finding in found["placement"]] == ["rate 0.8 is above 0.7"]
    parameters = pd.DataFrame(found["parameters"])
    assert list(parameters) == ["name", "shape", "layer", "lr_scale", "weight_decay", "rule"]
    groups = pd.DataFrame(found["groups"])
    assert groups["tensors"].sum() == len(parameters)
    assert (groups[groups["weight_decay"] > 0]["shrinkage"] > 1e-4).all()


def test_one_training_sample_is_enough_to_look(command):
    done = command("inspect_model.py", *SENTIMENT, "--data.train_size", "1")
    assert done.returncode == 0, done.stderr


def test_a_rule_without_a_match_is_one_line(command):
    done = command("inspect_model.py", *SENTIMENT, "--optim.rules", "[{pattern: nothing}]")
    assert done.returncode == 2
    assert done.stderr.startswith("error: optim.rules: pattern 'nothing' matches no whole parameter name")
    assert done.stderr.count("\n") == 1


def test_training_prints_the_short_form_once(command, tmp_path: Path):
    flags = ["--train.steps", "2", "--data.train_size", "64"]
    done = command("train.py", *SENTIMENT, *flags, "--run-dir", tmp_path / "x")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("decayed") == 2 and done.stdout.count("does nothing") == 1

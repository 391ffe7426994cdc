"""pretrain.py as a user runs it."""

import json
import time

import pandas as pd
import pytest

BASE = ["--config", "configs/sentiment/pretrain.yaml"]
TINY = [
    *["--data.stages", "[{corpora: [embedded], passes: 2}]", "--data.decontaminate", "[embedded]"],
    *["--data.vocabulary_size", "600", "--data.tokens_per_batch", "1024", "--train.updates_per_epoch", "20"],
    *["--model.layers", "1", "--model.hidden_size", "32", "--model.heads", "2"],
    *["--optim.learning_rate", "5e-3"],
]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, command):
    folder = tmp_path_factory.mktemp("pretraining")
    flags = ["--data.cache", folder / "cache", "--run-dir", folder / "run"]
    done = command("pretrain.py", *BASE, *TINY, *flags)
    assert done.returncode == 0, done.stderr
    return folder / "run", done.stdout


def test_a_run_folder_holds_what_any_run_has_and_the_encoder(pretrained):
    run, printed = pretrained
    names = {
        "config.yaml",
        "environment.json",
        "parameters.csv",
        "history.csv",
        "metrics.json",
        "report.html",
    }
    assert names <= {file.name for file in run.iterdir()}
    assert {file.name for file in (run / "assets").iterdir()} == {
        "corpus.json",
        "removed_texts.csv",
        "vocab.txt",
    }
    history = pd.read_csv(run / "history.csv")
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0]
    assert "tokens/s" in printed and "min left" in printed and "texts held out" in printed
    assert "Held-out texts by corpus" in (run / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((run / "metrics.json").read_text())["validation"]
    assert set(metrics) == {"masked_accuracy", "loss", "perplexity"}


def test_going_on_starts_where_the_given_encoder_stood_and_says_so(pretrained, tmp_path, command):
    """On the same held-out texts; the encoder is kept in half precision."""
    run, _ = pretrained
    weights = ["--model.weights", run / "encoder", "--train.steps", "2"]
    data = [*TINY[:4], "--data.tokens_per_batch", "1024", "--data.cache", run.parent / "cache"]
    done = command("pretrain.py", *BASE, *data, *weights, "--run-dir", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    before = json.loads((run / "metrics.json").read_text())["validation"]
    first = pd.read_csv(tmp_path / "run/evaluations.csv").iloc[0]
    assert first["step"] == 0
    assert first["validation_loss"] == pytest.approx(before["loss"], rel=1e-3)
    assert (
        f"before the first update  validation_masked_accuracy {before['masked_accuracy']:.2f}" in done.stdout
    )


def test_its_encoder_is_fine_tuned_by_train_and_inspected_and_evaluated_like_any(
    pretrained, tmp_path, command
):
    run, _ = pretrained
    weights = ["--model.weights", run / "encoder", "--data.max_length", "64"]
    flags = ["--train.epochs", "1", "--data.train_size", "60", "--run-dir", tmp_path / "run"]
    config = ["--config", "configs/quickstart/sentiment-baseline.yaml"]
    done = command("train.py", *config, *weights, *flags)
    assert done.returncode == 0, done.stderr
    done = command("evaluate.py", "--run", run)
    assert done.returncode == 0, done.stderr
    assert "masked_accuracy" in done.stdout
    done = command("inspect_model.py", "--config", run / "config.yaml")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "script, flags", [("export.py", ["--format", "onnx"]), ("predict.py", ["--input", "README.md"])]
)
def test_what_needs_a_classifier_refuses_a_pretraining_run(pretrained, script, flags, tmp_path, command):
    run, _ = pretrained
    done = command(script, "--run", run, *flags, "--output", tmp_path / "output")
    assert done.returncode == 2
    assert "found sentiment_pretraining, for which" in done.stderr and "Traceback" not in done.stderr


def test_resuming_a_finished_run_changes_nothing(pretrained, command):
    run, _ = pretrained
    before = (run / "history.csv").read_bytes()
    done = command("pretrain.py", "--run-dir", run, "--resume")
    assert done.returncode == 0, done.stderr
    assert (run / "history.csv").read_bytes() == before


def mistakes(folder):
    (folder / "empty.txt").write_text("\n", encoding="utf-8")
    stages = ["--data.stages", "[{corpora: [empty.txt]}]"]
    return {
        "no corpora": (["--data.stages", "[]"], "data.stages: found []"),
        "empty corpus": (stages, "empty.txt: found no text"),
        "missing corpus": (["--data.stages", "[{corpora: [a.txt]}]"], "a.txt: no such file"),
        "unknown key in a stage": (["--data.stages", "[{corpora: [a], times: 2}]"], "times"),
        "rate": (["--masking.rate", "1.5"], "masking.rate: found 1.5"),
        "shares": (["--masking.masked", "0.95"], "expected a sum of at most 1"),
        "heads": (["--model.heads", "3"], "model.heads: found 3, expected a divisor of 256"),
        "objective": (["--objective", "gpt"], 'objective: found "gpt"'),
        "weights": (["--model.weights", folder / "none"], "no such folder"),
    }


MISTAKES = [
    "no corpora",
    "empty corpus",
    "missing corpus",
    "unknown key in a stage",
    "rate",
    "shares",
    "heads",
    "objective",
    "weights",
]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(name, tmp_path, command):
    flags, expected = mistakes(tmp_path)[name]
    flags = ["--data-root", tmp_path, "--data.decontaminate", "[]", *flags, "--run-dir", tmp_path / "run"]
    started = time.perf_counter()
    done = command("pretrain.py", *BASE, *flags)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr and not (tmp_path / "run").exists()
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "script, config, expected",
    [
        ("train.py", "pretrain", "found sentiment_pretraining, expected sentiment or pcb"),
        ("pretrain.py", "baseline", "found sentiment, expected sentiment_pretraining"),
    ],
)
def test_each_command_trains_its_own_tasks(script, config, expected, tmp_path, command):
    done = command(script, "--config", f"configs/sentiment/{config}.yaml", "--run-dir", tmp_path / "run")
    assert done.returncode == 2
    assert expected in done.stderr and not (tmp_path / "run").exists()

"""Predictions: equal to evaluation, in order, in bounded memory, and never half-written."""

import io
import re
import shutil
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import Interrupted, UserError
from tasks.sentiment.classifier import Classifier
from tasks.sentiment.labels import Labels
from tasks.sentiment.predict import output_columns, predict, predicted_rows, write_predictions
from tasks.sentiment.prediction_file import PredictionFile
from tasks.sentiment.source import Source
from tasks.sentiment.texts import texts_of_file

CLASSES = ("其他", "手机", "水果")
P = [f"p_{name}" for name in CLASSES]
LABELS = Labels(("0", "1"), "评论", "情感")


def table(file) -> pd.DataFrame:
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def validation(run) -> pd.DataFrame:
    return table(run.predictions("validation"))


class Characters:
    """A tokenizer that numbers characters."""

    pad_token_id = 0

    def __call__(self, texts, max_length, truncation):
        return {"input_ids": [[ord(c) for c in text[:max_length]] for text in texts]}


def mean_of_characters(token_ids: np.ndarray) -> np.ndarray:
    number = (token_ids > 0).sum(axis=1).clip(1)
    p = token_ids.sum(axis=1) / number / sys.maxunicode
    return np.stack([p, 1 - p], axis=1)


CHEAP = Classifier(Characters(), 20, mean_of_characters)


def test_probabilities_are_those_of_evaluation_without_the_data(categories_run, tmp_path):
    rows = validation(categories_run)
    rows[["text", "group"]].to_csv(tmp_path / "评论.csv", index=False)
    predict(categories_run.path, str(tmp_path / "评论.csv"), tmp_path / "out", text_column="text")
    found = table(tmp_path / "out/predictions.csv")
    assert list(found) == ["text", "group", "label", *P]
    assert list(found["text"]) == list(rows["text"])
    assert list(found["label"]) == list(rows["predicted"])
    expected = rows[P].astype(float).to_numpy()
    assert np.abs(found[P].astype(float).to_numpy() - expected).max() < 1e-6
    assert len(set(found["label"])) > 1 and expected.std() > 0.05


def write_as(file, texts: list[str]) -> None:
    rows = pd.DataFrame({"id": range(len(texts)), "评论": texts})
    if file.suffix == ".jsonl":
        rows.to_json(file, orient="records", lines=True)
    elif file.suffix == ".txt":
        file.write_text("\n".join(texts) + "\n", encoding="gb18030")
    else:
        rows.to_csv(file, index=False, sep="\t" if file.suffix == ".tsv" else ",", encoding="gb18030")


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".txt"])
def test_every_format_gives_the_same_with_batches_and_parts_of_any_size(categories_run, tmp_path, suffix):
    rows = validation(categories_run)
    texts = [text for text in rows["text"] if "\n" not in text]
    write_as(tmp_path / f"a{suffix}", texts)
    predict(categories_run.path, str(tmp_path / f"a{suffix}"), tmp_path / "out", batch_size=1)
    found = table(tmp_path / "out/predictions.csv")
    assert list(found["text" if suffix == ".txt" else "评论"]) == texts
    if suffix != ".txt":
        assert list(found["id"]) == [str(i) for i in range(len(texts))]
    expected = rows[rows["text"].isin(texts)][P].astype(float).to_numpy()
    assert np.abs(found[P].astype(float).to_numpy() - expected).max() < 1e-5


@given(st.lists(st.text(st.characters(min_codepoint=1)), max_size=40), st.integers(1, 7), st.integers(1, 50))
def test_order_is_that_of_the_input_whatever_the_lengths(texts, batch_size, together):
    rows = iter([([text], text) for text in texts])

    def classify(part, done):
        return CHEAP.probabilities(CHEAP.encode(part), batch_size, done)

    finished = []
    parts = list(predicted_rows(rows, classify, ("a", "b"), together, finished.append))
    found = [row for part in parts for row in part]
    assert [row[0] for row in found] == texts
    assert all(len(part) == together for part in parts[:-1]) and sum(finished) == len(texts)
    for text, label, *probabilities in found:
        if not text:
            assert [label, *probabilities] == ["", "", ""]
        else:
            alone = mean_of_characters(np.array(CHEAP.encode([text])))[0]
            assert np.abs(np.array(probabilities, float) - alone).max() < 1e-6
            assert label == "ab"[alone.argmax()]


def peak_of(folder, number: int, suffix: str) -> int:
    """Bytes that reading, predicting and writing so many lines take at their peak."""
    file = folder / f"{number}{suffix}"
    file.write_text("评论\n" + "".join(f"手机{i}\n" for i in range(number)), encoding="utf-8")
    tracemalloc.start()
    texts = texts_of_file(file, "评论")
    with PredictionFile(folder / f"out{number}", output_columns(texts.columns, LABELS)) as output:
        write_predictions(output, Source(LABELS, lambda: CHEAP), texts, 16)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table(folder / f"out{number}/predictions.csv")) == number + (suffix == ".txt")
    return peak


@pytest.mark.parametrize("suffix", [".tsv", ".txt"])
def test_fifty_thousand_lines_take_no_more_memory_than_a_thousand(tmp_path, suffix):
    peak_of(tmp_path, 10, suffix)
    assert peak_of(tmp_path, 50_000, suffix) < 1.2 * peak_of(tmp_path, 1_000, suffix)


def test_columns_called_as_new_ones_are_kept_under_another_name():
    assert output_columns(["label", "评论", "p_1"], LABELS) == [
        *["input_label", "评论", "input_p_1"],
        *["label", "p_0", "p_1"],
    ]
    with pytest.raises(UserError, match="found columns 'label' and 'input_label', expected one of them"):
        output_columns(["label", "input_label"], LABELS)


def test_a_file_from_before_is_replaced_only_when_asked(categories_run, tmp_path):
    (tmp_path / "a.txt").write_text("好\n", encoding="utf-8")
    (tmp_path / "predictions.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="predictions.csv exists, expected another folder, or --overwrite"):
        predict(categories_run.path, str(tmp_path / "a.txt"), tmp_path)
    assert (tmp_path / "predictions.csv").read_text(encoding="utf-8") == "mine"
    predict(categories_run.path, str(tmp_path / "a.txt"), tmp_path, overwrite=True)
    assert list(table(tmp_path / "predictions.csv")["text"]) == ["好"]


def test_a_fault_late_in_a_stream_costs_no_finished_row(categories_run, tmp_path, monkeypatch):
    content = "很好\n".encode() * 12_000 + b"\xff\xff\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(UserError, match="line 12001: found bytes that are not UTF-8") as caught:
        predict(categories_run.path, "-", tmp_path / "out")
    (kept,) = (tmp_path / "out").iterdir()
    number = int(re.search(r"([\d,]+) finished rows are in", str(caught.value))[1].replace(",", ""))
    assert kept.suffix == ".partial" and str(kept) in str(caught.value)
    assert number == len(table(kept)) > 4000


def test_an_interrupted_prediction_keeps_its_rows_under_another_name(tmp_path):
    with pytest.raises(Interrupted, match="2 finished rows are in"), PredictionFile(tmp_path, ["a"]) as file:
        file.write([["1"], ["2"]])
        raise KeyboardInterrupt
    (kept,) = tmp_path.iterdir()
    assert kept.name != "predictions.csv" and kept.read_text() == "a\n1\n2\n"


def test_nothing_stays_where_no_row_was_finished(tmp_path):
    with pytest.raises(ValueError), PredictionFile(tmp_path, ["a"]):
        raise ValueError
    assert not list(tmp_path.iterdir())


def without(file: str):
    def make(run):
        (run / file).unlink()

    return make


def with_text(file: str, text: str):
    def make(run):
        (run / file).write_text(text, encoding="utf-8")

    return make


RUNS = {
    "no configuration": (without("config.yaml"), "found no config.yaml"),
    "no weights": (without("checkpoints/best.safetensors"), "found no best.safetensors, expected"),
    "no vocabulary": (without("assets/vocab.txt"), "found no vocab.txt, expected what train.py has written"),
    "no labels": (without("assets/labels.json"), "labels.json: no such file"),
    "broken labels": (with_text("assets/labels.json", "{"), "labels.json: is not JSON"),
    "list of labels": (with_text("assets/labels.json", "[]"), "labels.json: found list, expected an object"),
    "one class": (with_text("assets/labels.json", '{"classes": ["a"]}'), "expected two labels or more"),
    "numbers": (with_text("assets/labels.json", '{"classes": [0, 1]}'), "found something else than text"),
    "other classes": (
        with_text("assets/labels.json", '{"classes": ["a", "b"], "text_column": "t", "label_column": "l"}'),
        "weight head.classifier.weight: found shape",
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_run_folder_that_is_not_whole_is_one_line(categories_run, tmp_path, name):
    make, message = RUNS[name]
    shutil.copytree(categories_run.path, tmp_path / "run")
    make(tmp_path / "run")
    (tmp_path / "a.txt").write_text("好\n", encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)):
        predict(tmp_path / "run", str(tmp_path / "a.txt"), tmp_path / "out")
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_flags_out_of_range_are_refused(categories_run, tmp_path):
    with pytest.raises(UserError, match="--batch-size: found 0, expected at least 1"):
        predict(categories_run.path, "-", tmp_path, batch_size=0)
    with pytest.raises(UserError, match="--output: missing, expected a folder"):
        predict(categories_run.path, "a.csv")
    (tmp_path / "a.txt").write_text("好\n", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be written"):
        predict(categories_run.path, str(tmp_path / "a.txt"), tmp_path / "a.txt" / "out")

"""The report's tables, and the linear model that stands beside the run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.config import build
from common.training.run_folder import RunFolder
from tasks.sentiment.config import Config
from tasks.sentiment.data import read_data
from tasks.sentiment.linear_baseline import (
    STRENGTHS,
    describe_choice,
    fit_linear_baseline,
    linear_baseline_metrics,
)
from tasks.sentiment.report import confusion_table, group_table, mistakes_table, seen_sections
from tests.small_runs import small_trainer

CLASSES = ("差", "好")
ROWS = pd.DataFrame(
    {
        "label": ["差", "差", "好", "好", "好"],
        "predicted": ["差", "好", "好", "好", "差"],
        "p_差": ["0.9", "0.2", "0.1", "0.4", "0.99"],
        "p_好": ["0.1", "0.8", "0.9", "0.6", "0.01"],
        "group": ["a", "a", "b", "b", "b"],
        "text": ["甲", "乙", "丙", "NA", "<b>"],
    }
)


def test_confusion_has_counts_precision_and_recall():
    table = confusion_table(ROWS, CLASSES)
    assert table.rows == [["差", "1", "1", "0.5000", "0.5000"], ["好", "1", "2", "0.6667", "0.6667"]]


def test_groups_come_worst_first():
    probabilities = ROWS[["p_差", "p_好"]].to_numpy(float)
    table = group_table(ROWS, np.array([0, 0, 1, 1, 1]), probabilities, "类")
    assert table.columns[0] == "类"
    assert [row[:3] for row in table.rows] == [["a", "2", "0.5000"], ["b", "3", "0.6667"]]


def test_mistakes_come_most_confident_first():
    assert mistakes_table(ROWS, CLASSES).rows == [
        ["<b>", "好", "差", "0.9900"],
        ["乙", "差", "好", "0.8000"],
    ]


def test_a_leak_is_counted_with_the_scores_on_both_sides_of_it(tmp_path):
    run = RunFolder(tmp_path)
    run.add_metrics("test", {"accuracy": 0.6, "accuracy_unseen_texts": 0.5, "f1_macro": 0.58})
    (section,) = seen_sections(run, "test", ROWS.assign(seen=["True", "False", "False", "True", "False"]))
    assert section.text.startswith("2 of 5 texts also stand in training")
    assert section.tables[0].columns == ["metric", "all 5", "the 3 unseen"]
    assert section.tables[0].rows == [["accuracy", "0.6000", "0.5000"]]
    assert seen_sections(run, "test", ROWS.assign(seen="False")) == []


@pytest.fixture(scope="module")
def embedded():
    return read_data(build(Config, {"task": "sentiment", "data": {"train": "embedded"}}, "test"), Path())


def test_the_linear_model_learns_the_embedded_reviews(tmp_path, embedded):
    pipeline, strength = fit_linear_baseline(embedded)
    assert strength in STRENGTHS
    metrics = linear_baseline_metrics(RunFolder(tmp_path), embedded, ["validation", "test"])
    assert metrics["C"] == strength
    # 200 reviews: two standard errors are 0.06; chance is 0.5.
    assert metrics["test"]["accuracy"] > 0.75
    kept = linear_baseline_metrics(RunFolder(tmp_path), embedded, ["test"])
    assert kept == metrics


def test_strengths_are_compared_on_some_texts_and_the_chosen_one_is_fitted_on_all(embedded):
    few, _ = fit_linear_baseline(
        replace(embedded, splits={**embedded.splits, "train": embedded.splits["train"][:100]})
    )
    pipeline, strength = fit_linear_baseline(embedded, searched=100)
    assert strength == few[-1].C == pipeline[-1].C
    assert len(pipeline[0].vocabulary_) > len(few[0].vocabulary_)


def test_the_report_says_where_the_choice_of_the_strength_is_weak():
    assert describe_choice(3.0, 800) == "C = 3 chosen on validation."
    assert "fitted on 20,000 of the 38,702 texts for that" in describe_choice(3.0, 38_702)
    assert all("the edge of what was tried" in describe_choice(c, 800) for c in (0.3, 100.0))


def test_a_draw_of_one_class_costs_no_finished_run(tmp_path, embedded):
    label = embedded.splits["train"][0].label
    one_class = [review for review in embedded.splits["train"] if review.label == label]
    data = replace(embedded, splits={**embedded.splits, "train": one_class[:20]})
    found = linear_baseline_metrics(RunFolder(tmp_path), data, ["validation"])["validation"]
    share = np.mean([review.label == label for review in data.splits["validation"]])
    assert found["accuracy"] == pytest.approx(share)


def test_a_run_of_which_training_alone_was_evaluated_has_a_report(tmp_path):
    trainer = small_trainer(tmp_path, {"train": {"epochs": 1}})
    trainer.run()
    trainer.task.model.eval()
    metrics, rows = trainer.task.evaluate_split("train")
    trainer.run_folder.add_metrics("train", metrics)
    trainer.run_folder.write_predictions("train", rows)
    assert trainer.task.report_sections(trainer.run_folder) == []


def test_a_lone_carriage_return_in_a_text_breaks_no_report(tmp_path):
    rows = [{**row, "text": "好\r差"} for row in ROWS.to_dict("records")]
    run = RunFolder(tmp_path)
    run.write_predictions("validation", rows)
    found = pd.read_csv(run.predictions("validation"), dtype=str, keep_default_na=False)
    assert found["text"].tolist() == ["好\r差"] * 5

"""Finished cells that nobody trained: their files as train.py and evaluate.py write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from common.evaluation.classification import class_metrics, classification_metrics
from common.training.run_folder import write_csv, write_text
from tasks.reproduce.cells import Cell
from tasks.reproduce.store import Record, Store
from tests.conftest import ROOT

CLASSES = ("0", "1")
REVIEWS = 200
PYTHON = "3.11"
QUICKSTART = ROOT / "configs/quickstart"
SUITE = f"""
title: Made by a test
seconds_per_run: 10
arms:
  baseline: {{config: {QUICKSTART}/sentiment-baseline.yaml}}
  regularized: {{config: {QUICKSTART}/sentiment-regularized.yaml}}
  other: {{config: {QUICKSTART}/sentiment-baseline.yaml, overrides: {{model.dropout: 0.1}}}}
baselines: [baseline]
regimes:
  small: {{steps: 100, seconds_per_step: 0.5, overrides: {{data.train_size: 160, train.evaluate_every: 5}}}}
groups:
  - {{arms: [baseline, regularized, other], regime: small, seeds: 5, splits: [validation, test]}}
claims:
  - {{text: Accuracy rises, metric: accuracy, split: validation, regime: small, figure: 0.032}}
  - {{text: F1 varies less, kind: spread_over_seeds, metric: f1_macro, split: validation, regime: small}}
  - {{text: F1 is steadier, kind: spread_within_run, metric: f1_macro, split: validation, regime: small}}
"""


def write_suite(folder: Path, text: str = SUITE) -> Path:
    """A suite's file."""
    file = folder / "made.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def finish(store: Store, cell: Cell, wrong: float, seconds: float = 60.0) -> None:
    """Make a cell look finished, with about a share ``wrong`` of its reviews wrong."""
    run, random = store.run(cell), np.random.default_rng([cell.seed, int(1000 * wrong)])
    run.start(cell.resolved())
    history = [_epoch(epoch, wrong) for epoch in (1, 2, 3)]
    run.write_history(history)
    steps = range(5, cell.steps + 1, 5)
    noise = random.normal(0, wrong / 10, len(steps))
    rows = [
        {"step": s, "validation_f1_macro": 0.8 + n, "validation_accuracy": 0.8} for s, n in zip(steps, noise)
    ]
    write_csv(run.evaluations, rows)
    for split in dict.fromkeys(("validation", *cell.splits)):
        metrics, predictions = _predicted(random, split, wrong)
        run.add_metrics(split, metrics)
        run.write_predictions(split, predictions)
    environment = {"python": PYTHON, "processor": "made x 2", "device": "cpu", "git_commit": "0" * 40}
    write_text(run.path / "environment.json", json.dumps(environment))
    write_text(run.path / "report.html", "<p>a run</p>")
    store.write(cell, Record(True, seconds, [], cell.config_hash()))


def _epoch(epoch: int, wrong: float) -> dict[str, Any]:
    row = {"epoch": epoch, "step": 33 * epoch, "train_loss": 0.6 / epoch, "validation_loss": 0.5 + wrong}
    return {**row, "train_f1_macro": 0.9, "validation_f1_macro": 0.7 + 0.01 * epoch, "seconds": 3.0}


def _predicted(random: np.random.Generator, split: str, wrong: float) -> tuple[dict, list[dict[str, Any]]]:
    labels = np.arange(REVIEWS) % 2
    right = random.random(REVIEWS) >= wrong
    sure = np.where(labels == 1, 0.9, 0.1)
    positive = np.where(right, sure, 1 - sure)
    probabilities = np.stack([1 - positive, positive], axis=1)
    metrics = classification_metrics(labels, probabilities) | class_metrics(labels, probabilities, CLASSES)
    rows = [
        {
            "label": CLASSES[label],
            "predicted": CLASSES[int(p > 0.5)],
            "p_0": 1 - p,
            "p_1": p,
            "group": "",
            "seen": False,
            "text": f"{split} review {number}",
        }
        for number, (label, p) in enumerate(zip(labels, positive))
    ]
    return metrics, rows

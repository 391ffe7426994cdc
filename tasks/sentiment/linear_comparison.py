"""Runs beside TF-IDF with logistic regression on the same labelled texts, by number of labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from common.errors import UserError
from common.evaluation.comparison import Arm, compare
from common.evaluation.resampled_metrics import ConfusionMetric
from common.evaluation.resampling import Draws
from common.training.run_folder import RunFolder
from tasks.sentiment.config import Config
from tasks.sentiment.data import labels_of, read_data
from tasks.sentiment.items import REPLICATES, Items
from tasks.sentiment.linear_baseline import fit_linear_baseline, probabilities_of

METRIC = "accuracy"


def compare_with_linear_baseline(
    runs: Sequence[tuple[RunFolder, Config]],
    split: str,
    data_root: Path,
    features: Optional[TfidfVectorizer] = None,
) -> list[dict[str, Any]]:
    """A row a number of labels: both means, and the runs' gain in accuracy with its 95 % interval.

    The runs are one arm, with a seed each; a linear model is fitted on the labelled texts of each.

    Args:
        features: as of :func:`tasks.sentiment.linear_baseline.fit_linear_baseline`.

    Raises:
        UserError: a run has no predictions of the split or was trained on other data, or two have the same
            number of labels and seed.
    """
    items, arms = Items(data_root), {}
    for run, config in runs:
        seed, labels = config.train.seed, config.data.train_size
        if not run.predictions(split).is_file():
            raise UserError(f"{run.path}: found no predictions of {split}, expected what evaluate.py writes")
        linear, other = arms.setdefault(labels, ({}, {}))
        if seed in other:
            raise UserError(f"{run.path}: found a second run of seed {seed} with {labels} labels")
        other[seed] = items.metric(run, split, METRIC)
        linear[seed] = _linear_metric(run, config, split, data_root, features)
    return [_row(labels, *arms[labels]) for labels in sorted(arms, key=_all_last)]


def _all_last(labels: Any) -> tuple[bool, Any]:
    return isinstance(labels, str), labels


def _linear_metric(
    run: RunFolder, config: Config, split: str, data_root: Path, features: Optional[TfidfVectorizer]
) -> ConfusionMetric:
    data = read_data(config, data_root)
    run.check_data(data.hash())
    pipeline, _ = fit_linear_baseline(data, features=features)
    reviews = data.splits[split]
    predicted = probabilities_of(pipeline, reviews, len(data.classes)).argmax(axis=1)
    texts = tuple(review.text for review in reviews)
    return ConfusionMetric(METRIC, texts, np.array(labels_of(reviews)), predicted, len(data.classes))


def _row(
    labels: Any, linear: dict[int, ConfusionMetric], other: dict[int, ConfusionMetric]
) -> dict[str, Any]:
    arms = []
    for name, metrics in (("TF-IDF", linear), ("runs", other)):
        values = {seed: float(metric(np.ones((1, len(metric.items))))[0]) for seed, metric in metrics.items()}
        arms.append(Arm(name, values, metrics))
    found = compare(*arms, Draws(next(iter(linear.values())).items, REPLICATES))
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return {
        "labels": labels,
        "seeds": len(found.seeds),
        "TF-IDF": found.baseline.mean,
        "runs": found.other.mean,
        "gain": found.estimate,
        "low": low,
        "high": high,
    }

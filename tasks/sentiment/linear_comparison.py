"""Runs beside TF-IDF with logistic regression on the same labelled texts, by number of labels."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Optional

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from common.errors import UserError
from common.evaluation.comparison import Arm, compare
from common.evaluation.resampled_metrics import ConfusionMetric
from common.evaluation.resampling import Draws
from common.training.run_folder import RunFolder
from tasks.sentiment.config import Config
from tasks.sentiment.data import DataReader, labels_of
from tasks.sentiment.items import REPLICATES, Items, text_hash
from tasks.sentiment.linear_baseline import fit_linear_baseline, probabilities_of

METRIC = "accuracy"
# What may differ in runs of one recipe.
NO_RECIPE = ("data.seed", *(f"train.{name}" for name in ("seed", "device", "workers", "visualdl")))


def compare_with_linear_baseline(
    runs: Sequence[tuple[RunFolder, Config]],
    split: str,
    reader: DataReader,
    features: Optional[TfidfVectorizer] = None,
) -> list[dict[str, Any]]:
    """A row a number of labels: both means, and the runs' gain in accuracy with its 95 % interval.

    The runs are one arm, with a seed each; a linear model is fitted on the labelled texts of each. Those
    with the same number of labels are of one recipe.

    Args:
        reader: of the data of the runs.
        features: as of :func:`tasks.sentiment.linear_baseline.fit_linear_baseline`.

    Raises:
        UserError: a run has no predictions of the split or was trained on other data, or two with the same
            number of labels have the same seed or differ in more than that.
    """
    items, arms, first = Items(reader.data_root), {}, {}
    for run, config in runs:
        seed, labels = config.train.seed, config.data.train_size
        if not run.predictions(split).is_file():
            raise UserError(f"{run.path}: found no predictions of {split}, expected what evaluate.py writes")
        linear, other = arms.setdefault(labels, ({}, {}))
        if seed in other:
            raise UserError(f"{run.path}: found a second run of seed {seed} with {labels} labels")
        _require_one_recipe(run, config, *first.setdefault(labels, (run, config)))
        other[seed] = items.metric(run, split, METRIC)
        linear[seed] = _linear_metric(run, config, split, reader, features)
    return [_row(labels, *arms[labels]) for labels in sorted(arms, key=_all_last)]


def _require_one_recipe(run: RunFolder, config: Config, other_run: RunFolder, other: Config) -> None:
    found, expected = (_recipe(settings) for settings in (config, other))
    for name, value in found.items():
        if value != expected[name]:
            raise UserError(
                f"{run.path}: {name}: found {value!r}, expected {expected[name]!r}, as in {other_run.path}: "
                "runs of one recipe"
            )


def _recipe(config: Config) -> dict[str, Any]:
    """Every field but seeds and what says where and how a run is computed, by its dotted name."""
    sections = {name: value for name, value in asdict(config).items() if isinstance(value, dict)}
    fields = {f"{s}.{name}": value for s, values in sections.items() for name, value in values.items()}
    return {name: value for name, value in fields.items() if name not in NO_RECIPE}


def _all_last(labels: Any) -> tuple[bool, Any]:
    return isinstance(labels, str), labels


def _linear_metric(
    run: RunFolder, config: Config, split: str, reader: DataReader, features: Optional[TfidfVectorizer]
) -> ConfusionMetric:
    data = reader.read(config)
    run.check_data(data.hash())
    pipeline, _ = fit_linear_baseline(data, features=features)
    reviews = data.splits[split]
    predicted = probabilities_of(pipeline, reviews, len(data.classes)).argmax(axis=1)
    hashes = tuple(text_hash(review.text) for review in reviews)
    return ConfusionMetric(METRIC, hashes, np.array(labels_of(reviews)), predicted, len(data.classes))


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

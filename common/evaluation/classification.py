"""Classification metrics."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support


def classification_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """``accuracy``, ``f1_macro``, ``precision_macro``, ``recall_macro``, ``ece``, ``loss``.

    With two classes also ``f1_positive``, class 1 being the positive one. ``loss`` is the mean
    negative log-likelihood. The macro means are over the classes that stand in labels or predictions, so
    where both have one class only, as in a small group, they can be 1 and say little.

    Args:
        labels: int [n], n >= 1.
        probabilities: float [n, classes], rows that sum to 1.
    """
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, average="macro", zero_division=0
    )
    likelihood = probabilities[np.arange(len(labels)), labels]
    metrics = {
        "accuracy": float((predicted == labels).mean()),
        "f1_macro": float(f1),
        "precision_macro": float(precision),
        "recall_macro": float(recall),
        "ece": expected_calibration_error(labels, probabilities),
        "loss": float(-np.log(np.maximum(likelihood, 1e-12)).mean()),
    }
    if probabilities.shape[1] == 2:
        metrics["f1_positive"] = float(f1_score(labels, predicted, zero_division=0))
    return metrics


def class_metrics(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """``precision_NAME``, ``recall_NAME`` and ``f1_NAME`` of every class, 0 where undefined."""
    scores = precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=range(len(classes)), zero_division=0
    )
    return {
        f"{metric}_{name}": float(value)
        for index, name in enumerate(classes)
        for metric, value in zip(("precision", "recall", "f1"), (values[index] for values in scores[:3]))
    }


@dataclass(frozen=True)
class CalibrationBins:
    """Equal-width bins of the top probability; a mean is NaN where a bin is empty.

    Attributes:
        edges: float [bins + 1], from 0 to 1; bins are half-open at the left.
        counts: int [bins], items.
        confidence, accuracy: float [bins], means over the items of a bin.
    """

    edges: np.ndarray
    counts: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> CalibrationBins:
    """Confidence against accuracy (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    counts = np.bincount(number, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(number, values, bins) / counts for values in (confidence, right)]
    return CalibrationBins(np.linspace(0, 1, bins + 1), counts, *means)


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over the bins, each with the weight of its items."""
    found = calibration_bins(labels, probabilities, bins)
    filled = found.counts > 0
    gaps = np.abs(found.confidence - found.accuracy)[filled]
    return float((gaps * found.counts[filled]).sum() / len(labels))

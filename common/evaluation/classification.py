"""Classification metrics."""

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support


def classification_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """``accuracy``, ``f1_macro``, ``precision_macro``, ``recall_macro``, ``ece``, ``loss``.

    With two classes also ``f1_positive``, class 1 being the positive one. ``loss`` is the mean
    negative log-likelihood.

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


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of the top probability.

    Guo et al. 2017, "On Calibration of Modern Neural Networks"; bins are half-open at the left.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(number, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))

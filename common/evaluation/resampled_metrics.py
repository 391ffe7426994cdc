"""Metrics of a run as functions of how often each test item counts, for the bootstrap over items."""

from dataclasses import dataclass, field

import numpy as np

CONFUSION_METRICS = ("accuracy", "f1_macro", "f1_positive", "precision_macro", "recall_macro")


@dataclass(frozen=True)
class ConfusionMetric:
    """One of :data:`CONFUSION_METRICS`, as ``classification_metrics`` defines it, from weighted counts.

    A replicate needs no more than its confusion matrix, a product of weights and one-hot cells.

    Attributes:
        name: the metric.
        items: what each review is known by, such as a hash of its text.
        labels, predicted: int [items], 0 to ``classes`` - 1.
        classes: how many.
    """

    name: str
    items: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray
    classes: int
    _cells: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        if self.name not in CONFUSION_METRICS or (self.name == "f1_positive" and self.classes != 2):
            raise ValueError(f"{self.name} of {self.classes} classes: expected one of {CONFUSION_METRICS}")
        if not len(self.items) == len(self.labels) == len(self.predicted):
            raise ValueError("items, labels and predictions differ in number")
        cells = np.eye(self.classes**2)[np.asarray(self.labels) * self.classes + self.predicted]
        object.__setattr__(self, "_cells", cells)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Float [replicates] from weights, float [replicates, items]."""
        counts = (weights @ self._cells).reshape(-1, self.classes, self.classes)
        return confusion_metric(self.name, counts)


def confusion_metric(name: str, counts: np.ndarray) -> np.ndarray:
    """One of :data:`CONFUSION_METRICS`, float [n], of n confusion matrices, [n, label, predicted].

    What is divided by zero is 0, and a macro mean is over the classes that stand in labels or
    predictions, both as scikit-learn has it.
    """
    right = np.diagonal(counts, axis1=1, axis2=2)
    labelled, predicted = counts.sum(axis=2), counts.sum(axis=1)
    if name == "accuracy":
        return right.sum(axis=1) / labelled.sum(axis=1)
    below = {"precision_macro": predicted, "recall_macro": labelled}.get(name, (labelled + predicted) / 2)
    scores = quotient(right, below)
    if name == "f1_positive":
        return scores[:, 1]
    return scores.sum(axis=1) / (labelled + predicted > 0).sum(axis=1)


@dataclass(frozen=True)
class RatioMetric:
    """A quotient of two sums over items: mean loss, miss rate, false alarms an image, micro-averaged F1.

    Attributes:
        items: what the items are.
        numerator, denominator: float [items]; 0 where the sum below is 0.
    """

    items: tuple[str, ...]
    numerator: np.ndarray
    denominator: np.ndarray

    def __post_init__(self):
        if not len(self.items) == len(self.numerator) == len(self.denominator):
            raise ValueError("items, numerators and denominators differ in number")

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Float [replicates] from weights, float [replicates, items]."""
        return quotient(weights @ self.numerator, weights @ self.denominator)


def quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Above / below, 0 where below is 0."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)

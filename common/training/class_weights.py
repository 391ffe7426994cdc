"""Factors on the loss of each class."""

from collections.abc import Sequence
from typing import Union

import numpy as np


def class_weights(asked: Union[str, Sequence[float], None], labels: np.ndarray, classes: int) -> np.ndarray:
    """Weights [classes]: as asked, all 1 for None, or 1 / (classes·share) for ``balanced``.

    Balanced weights average to 1 over the training labels, so that the loss keeps its size; hence
    a class without any, as after a small draw, is not counted.
    """
    if asked is None:
        return np.ones(classes)
    if asked == "balanced":
        counts = np.bincount(labels, minlength=classes)
        return len(labels) / (np.count_nonzero(counts) * counts.clip(1))
    return np.array(asked, float)

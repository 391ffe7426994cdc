"""Metrics of a run as functions of its reviews, from its predictions; for comparisons over seeds."""

from functools import lru_cache
from pathlib import Path
from typing import Optional

import numpy as np
import pandas as pd

from common.evaluation.resampled_metrics import CONFUSION_METRICS, ConfusionMetric
from common.evaluation.resampling import ItemMetric
from common.training.run_folder import RunFolder

REPLICATES = 10_000
UNIT = "reviews"


class Items:
    """Reviews of runs.

    Args:
        data_root: not needed; predictions have the labels.
    """

    def __init__(self, data_root: Path):
        self._read = lru_cache(maxsize=128)(read_reviews)

    def metric(self, run: RunFolder, split: str, name: str) -> Optional[ItemMetric]:
        """A metric by review; None of one that is no function of counts."""
        texts, classes, labels, predicted = self._read(run.predictions(split))
        if name not in CONFUSION_METRICS or (name == "f1_positive" and len(classes) != 2):
            return None
        return ConfusionMetric(name, texts, labels, predicted, len(classes))

    def groups(self, run: RunFolder, split: str) -> None:
        """Reviews are drawn one by one."""

    def confusion(self, run: RunFolder, split: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the classes and counts, int [label, predicted]."""
        _, classes, labels, predicted = self._read(run.predictions(split))
        counts = np.bincount(labels * len(classes) + predicted, minlength=len(classes) ** 2)
        return classes, counts.reshape(len(classes), len(classes))


def read_reviews(file: Path) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray, np.ndarray]:
    """Texts, classes, and int [n] labels and predictions of a predictions file."""
    # Texts such as "NA" are texts, not gaps.
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    classes = tuple(name[2:] for name in rows.columns if name.startswith("p_"))
    labels, predicted = (rows[name].map(classes.index).to_numpy(int) for name in ("label", "predicted"))
    return tuple(rows["text"]), classes, labels, predicted

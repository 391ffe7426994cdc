"""Metrics of a run as functions of its reviews, from its predictions; for comparisons over seeds."""

import hashlib
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
# Of 64 bits, so that a million reviews have no two alike but by a chance of one in 40 million.
HASH_DIGITS = 16


class Items:
    """Reviews of runs.

    Args:
        data_root: not needed; predictions have the labels.
    """

    def __init__(self, data_root: Path):
        self._read = lru_cache(maxsize=128)(read_reviews)

    def metric(self, run: RunFolder, split: str, name: str) -> Optional[ItemMetric]:
        """A metric by review; None of one that is no function of counts."""
        hashes, classes, labels, predicted = self._read(run.predictions(split))
        if name not in CONFUSION_METRICS or (name == "f1_positive" and len(classes) != 2):
            return None
        return ConfusionMetric(name, hashes, labels, predicted, len(classes))

    def groups(self, run: RunFolder, split: str) -> None:
        """Reviews are drawn one by one."""

    def confusion(self, run: RunFolder, split: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the classes and counts, int [label, predicted]."""
        _, classes, labels, predicted = self._read(run.predictions(split))
        counts = np.bincount(labels * len(classes) + predicted, minlength=len(classes) ** 2)
        return classes, counts.reshape(len(classes), len(classes))


def read_reviews(file: Path) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray, np.ndarray]:
    """Of a predictions file, published or not: hashes of texts, classes, int [n] labels and predictions."""
    rows = _with_hashes(file)
    classes = tuple(name[2:] for name in rows.columns if name.startswith("p_"))
    labels, predicted = (rows[name].map(classes.index).to_numpy(int) for name in ("label", "predicted"))
    return tuple(rows["text_sha256"]), classes, labels, predicted


def published_predictions(file: Path) -> str:
    """A predictions file as anyone may have it: a hash in the place of each review's text."""
    return _with_hashes(file).to_csv(index=False, lineterminator="\n")


def _with_hashes(file: Path) -> pd.DataFrame:
    # Texts such as "NA" are texts, not gaps.
    rows = pd.read_csv(file, dtype=str, keep_default_na=False)
    if "text_sha256" in rows:
        return rows
    hashes = [hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS] for text in rows["text"]]
    return rows.drop(columns="text").assign(text_sha256=hashes)

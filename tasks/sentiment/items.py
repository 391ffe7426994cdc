"""Metrics of a run as functions of its reviews, from its predictions; for comparisons over seeds."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Optional

import numpy as np
import pandas as pd

from common.errors import UserError
from common.evaluation.resampled_metrics import CONFUSION_METRICS, ConfusionMetric
from common.evaluation.resampling import ItemMetric
from common.table_file import read_table
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
    """Of a predictions file, published or not: hashes of texts, classes, int [n] labels and predictions.

    Raises:
        UserError: the file is damaged.
    """
    rows = _with_hashes(file)
    classes = tuple(name[2:] for name in rows.columns if name.startswith("p_"))
    labels, predicted = (_numbers(file, rows[name], classes) for name in ("label", "predicted"))
    return tuple(rows["text_sha256"]), classes, labels, predicted


def _numbers(file: Path, names: pd.Series, classes: tuple[str, ...]) -> np.ndarray:
    unknown = ~names.isin(classes)
    if unknown.any():
        # Texts may have line breaks, so that only the row is known.
        row, found = unknown.argmax() + 1, names[unknown.idxmax()]
        raise UserError(
            f"{file}: row {row}: {names.name}: found {found!r:.60}, expected one of {', '.join(classes):.100}"
        )
    return names.map(classes.index).to_numpy(int)


def text_hash(text: str) -> str:
    """What a review is known by where its text is not."""
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_DIGITS]


def published_predictions(file: Path) -> str:
    """A predictions file as anyone may have it: a hash in the place of each review's text."""
    return _with_hashes(file).to_csv(index=False, lineterminator="\n")


def _with_hashes(file: Path) -> pd.DataFrame:
    rows = read_table(file, ("label", "predicted"), text=True)
    if "text_sha256" in rows:
        return rows
    if "text" not in rows:
        raise UserError(f"{file}: found no column 'text', expected it, or 'text_sha256' of a packed run")
    return rows.drop(columns="text").assign(text_sha256=list(map(text_hash, rows["text"])))

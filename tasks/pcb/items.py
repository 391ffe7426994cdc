"""Metrics of a run as functions of its pictures, from annotations and predictions; for comparisons."""

import dataclasses
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional

import numpy as np

from common.evaluation.detection_errors import confusion_matrix, size_edges
from common.evaluation.detection_resampling import MeanAveragePrecision, rate_at_threshold
from common.evaluation.resampling import ItemMetric
from common.training.run_folder import RunFolder
from tasks import runs
from tasks.pcb.data import Data
from tasks.pcb.predictions import picture_names
from tasks.pcb.report import Evaluated, read_evaluated

REPLICATES = 1_000
UNIT = "pictures"
RATES = (
    "precision",
    "recall",
    "f1",
    "miss_rate",
    "false_alarms_per_image",
    "miss_rate_small",
    "miss_rate_medium",
    "miss_rate_large",
)


class Items:
    """Pictures of runs.

    Args:
        data_root: where the annotations stand.
    """

    def __init__(self, data_root: Path):
        self.data_root = data_root
        self._data: dict[str, Data] = {}
        self._evaluated = lru_cache(maxsize=128)(self._read)

    def metric(self, run: RunFolder, split: str, name: str) -> Optional[ItemMetric]:
        """A metric by picture; None of one that is not known so."""
        if name != "map_50" and name not in RATES:
            return None
        found, data = self._evaluated(run.path, split)
        names = tuple(picture_names([picture.path for picture in found.pictures]))
        if name == "map_50":
            return MeanAveragePrecision(names, found.truths, found.found, data.classes)
        edges = size_edges(np.concatenate([picture.boxes for picture in data.splits["train"]]))
        return rate_at_threshold(name, names, found.truths, found.found, found.threshold, edges)

    def groups(self, run: RunFolder, split: str) -> tuple[str, ...]:
        """The board group of each picture."""
        found, _ = self._evaluated(run.path, split)
        return tuple(str(picture.group) for picture in found.pictures)

    def confusion(self, run: RunFolder, split: str) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of the classes and background, and counts, int [annotated, found]."""
        found, data = self._evaluated(run.path, split)
        counts = confusion_matrix(found.truths, found.found, found.threshold, len(data.classes))
        return (*data.classes, "background"), counts

    def _read(self, folder: Path, split: str) -> tuple[Evaluated, Data]:
        run = RunFolder(folder)
        data = self._load(runs.load_config(folder / "config.yaml"))
        run.check_data(data.hash())
        return read_evaluated(run, data, split, run.metrics()[split]), data

    def _load(self, config: Any) -> Data:
        # Both arms of a seed have the same data.
        key = repr(dataclasses.asdict(config.data))
        if key not in self._data:
            self._data[key] = runs.load_data(config, self.data_root)
        return self._data[key]


def published_predictions(file: Path) -> str:
    """A predictions file as anyone may have it: it names pictures and shows none."""
    return file.read_text(encoding="utf-8")

"""What can predict: a run's folder or an exported model's, each enough by itself."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.training.run_folder import RunFolder
from tasks import runs
from tasks.sentiment.classifier import Classifier
from tasks.sentiment.config import Config, Loss
from tasks.sentiment.data import Data
from tasks.sentiment.exported import find_exported
from tasks.sentiment.labels import Labels, read_labels


@dataclass(frozen=True)
class Source:
    """The label map, and what loads the model; only that needs Paddle."""

    labels: Labels
    load: Callable[[], Classifier]


def find_source(folder: Path) -> Source:
    """The run or the exported model in a folder, checked as far as that goes without Paddle.

    Raises:
        UserError: something is missing or does not fit.
    """
    if (folder / runs.EXPORT).is_file():
        exported = find_exported(folder)
        return Source(exported.labels, exported.load)
    run = TrainedRun.find(folder)
    return Source(run.labels, lambda: run.load().classifier)


@dataclass(frozen=True)
class TrainedRun:
    """A run that is used without the data that it was trained on."""

    run: RunFolder
    config: Config
    labels: Labels

    @classmethod
    def find(cls, folder: Path) -> "TrainedRun":
        """The run in a folder.

        Raises:
            UserError: no such run, no epoch of it is finished, or a file is missing.
        """
        run = RunFolder(folder)
        config = runs.trained_config(run)
        needed = "vocab.txt" if config.model.weights is None else "config.json"
        if not (run.assets / needed).is_file():
            raise UserError(f"{run.assets}: found no {needed}, expected what train.py has written there")
        return cls(run, config, read_labels(run.assets))

    def load(self, device: str = "auto") -> Any:
        """The sentiment task with the weights of the best epoch, in evaluation mode, without reviews."""
        # Balanced class weights would be counted on the reviews.
        config = dataclasses.replace(self.config, loss=Loss())
        data = Data(self.labels.classes, {"train": [], "validation": [], "test": []})
        return runs.trained_task(self.run, config, data, device)

"""What can predict: a run's folder or an exported model's, each enough by itself."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from common.errors import UserError
from common.json_file import read_object
from common.training.run_folder import RunFolder, write_text
from tasks import runs
from tasks.pcb.config import Config
from tasks.pcb.data import Data
from tasks.pcb.detect import Detector
from tasks.pcb.exported import find_exported, require_classes

CLASSES_FILE, ANCHORS_FILE = "classes.json", "anchors.json"


@dataclass(frozen=True)
class Source:
    """What is known of a detector before it is loaded; only that needs Paddle.

    Attributes:
        threshold: score with the greatest F1 on validation; None where that was never measured.
        load: the detector.
        pairs: whether it is shown each picture with its template.
        bits: that the camera uses of a picture of 16.
    """

    classes: tuple[str, ...]
    threshold: Optional[float]
    load: Callable[[], Detector]
    pairs: bool = False
    bits: int = 16


def find_source(folder: Path) -> Source:
    """The run or the exported model in a folder, checked as far as that goes without Paddle.

    Raises:
        UserError: something is missing or does not fit.
    """
    if (folder / runs.EXPORT).is_file():
        exported = find_exported(folder)
        return Source(exported.classes, exported.threshold, exported.load, exported.pairs, exported.bits)
    trained = TrainedRun.find(folder)
    return Source(
        trained.classes,
        trained.threshold,
        lambda: trained.load().detector,
        trained.pairs,
        trained.config.data.bits,
    )


def write_classes(assets: Path, classes: tuple[str, ...]) -> None:
    """Keep the names of the classes with a run, which is used without its data later."""
    if not (assets / CLASSES_FILE).exists():
        write_text(assets / CLASSES_FILE, json.dumps({"classes": classes}, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class TrainedRun:
    """A run that is used without the data that it was trained on."""

    run: RunFolder
    config: Config
    classes: tuple[str, ...]
    threshold: Optional[float]

    @classmethod
    def find(cls, folder: Path) -> "TrainedRun":
        """The run in a folder.

        Raises:
            UserError: no such run, no epoch of it is finished, or a file is missing.
        """
        run = RunFolder(folder)
        config = runs.trained_config(run)
        if not (run.assets / ANCHORS_FILE).is_file():
            raise UserError(
                f"{run.assets}: found no {ANCHORS_FILE}, expected what train.py has written there"
            )
        file = run.assets / CLASSES_FILE
        classes = require_classes(file, read_object(file).get("classes"))
        return cls(run, config, classes, run.metrics().get("validation", {}).get("threshold"))

    @property
    def pairs(self) -> bool:
        """Whether the model is shown each picture with its template."""
        return self.config.model.input != "tested"

    def load(self, device: str = "auto") -> Any:
        """The PCB task with the weights of the best epoch, in evaluation mode, without pictures."""
        data = Data(self.classes, {"train": [], "validation": [], "test": []})
        return runs.trained_task(self.run, self.config, data, device)

"""What PaddleDetection's own training needs to train the network of a configuration on the same pictures."""

import dataclasses
import json
from pathlib import Path

from common.errors import UserError
from common.training.run_folder import write_text
from tasks.pcb.anchors import MASKS
from tasks.pcb.config import Config
from tasks.pcb.data import Data, Picture

OTHER, UNIT, WORKER = "PaddleDetection", "pictures", "paddle_detection_trainer.py"
MODE_FLAGS = {"equal": [], "as-they-come": ["--as-it-comes"]}
# Enough for fifty updates of eight views an epoch.
PICTURES = 100


def require_comparable(config: Config) -> None:
    """Refuse, before anything is read, what the other side cannot train likewise."""
    model_input, optimizer = config.model.input, config.optim.name
    if model_input != "tested":
        raise UserError(
            f"model.input: found {model_input}, expected tested: PaddleDetection's reader knows no templates"
        )
    if optimizer != "momentum":
        raise UserError(f"optim.name: found {optimizer}, expected momentum, which PaddleDetection is given")


def our_flags(config: Config, data: Data) -> list[str]:
    """Flags of ``train.py``: few pictures, varied in the counted epoch as in most of a long run."""
    number = str(len(_pictures(data)))
    off = ["--augment.mosaic.until", "1", "--augment.mixup.until", "1"]
    return ["--data.train_size", number, *off]


def write_work(config: Config, data: Data, folder: Path) -> int:
    """Pictures, boxes and settings as ``work.json``; returns the number of our parameters."""
    # Here, since what is refused should be before Paddle is imported.
    from tasks.pcb.task import Task

    task = Task(config, data, folder / "assets")
    model = {**dataclasses.asdict(config.model), "weights": None}
    work = {
        "pictures": [
            {"file": str(p.path), "boxes": p.boxes.tolist(), "labels": p.labels.tolist()}
            for p in _pictures(data)
        ],
        "repeat": config.augment.crops,
        "classes": len(data.classes),
        "anchors": task.anchors,
        "anchor_masks": MASKS,
        "strides": task.strides,
        "side": config.augment.crop,
        "batch_size": config.train.batch_size,
        "model": model,
        "optim": {
            "learning_rate": config.optim.learning_rate,
            "momentum": config.optim.momentum,
            "clip_norm": config.optim.clip_norm,
            "weight_decay": config.optim.weight_decay,
        },
    }
    write_text(folder / "work.json", json.dumps(work))
    return sum(parameter.size for parameter in task.model.parameters())


def _pictures(data: Data) -> list[Picture]:
    return data.splits["train"][:PICTURES]

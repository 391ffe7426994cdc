"""Small real trainings on the embedded reviews, for tests of the loop."""

from pathlib import Path
from typing import Any

import pandas as pd

from common import config as configuration
from common.regularization.parameter_groups import configured_settings
from common.training.checkpoint import load_checkpoint
from common.training.device import select_device
from common.training.loop import Trainer
from common.training.run_folder import RunFolder
from tasks.sentiment.config import Config
from tasks.sentiment.data import EMBEDDED, read_data
from tasks.sentiment.encoder_config import SIZES
from tasks.sentiment.task import Task

SMALL = {
    "task": "sentiment",
    "optim": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01, "warmup": 0.1, "clip_norm": 1.0},
    "train": {"epochs": 3, "batch_size": 16},
    "data": {"train": "embedded", "test_size": 50, "validation_size": 50, "train_size": 70, "max_length": 32},
    "model": {"layers": 1, "hidden_size": 32, "heads": 2, "dropout": 0.3},
}


def small_config(overrides: Any = None) -> Config:
    """The small configuration, refined; given weights have sizes of their own."""
    values = configuration.merge(SMALL, overrides or {})
    if values["model"].get("weights"):
        values["model"] = {name: value for name, value in values["model"].items() if name not in SIZES}
    return configuration.build(Config, values, "test")


def small_trainer(folder: Path, overrides: Any = None, task_class: type = Task) -> Trainer:
    """A trainer of the small configuration that writes to ``folder``."""
    config = small_config(overrides)
    run = RunFolder(folder)
    run.start(config)
    task = task_class(config, read_data(config, Path()), run.assets)
    optim = config.optim
    settings = configured_settings(task.model, optim, task.depth_of)
    return Trainer(task, optim, config.train, settings, run, select_device(config.train))


def finished_run(folder: Path, overrides: Any = None) -> RunFolder:
    """A small run, trained to its end and evaluated on validation."""
    trainer = small_trainer(folder, overrides)
    trainer.run(resume=False)
    load_checkpoint(trainer.run_folder.best, trainer.task.model)
    trainer.task.model.eval()
    _, rows = trainer.task.evaluate_split("validation")
    trainer.run_folder.write_predictions("validation", rows)
    return trainer.run_folder


def categories_run(folder: Path, overrides: Any = None) -> RunFolder:
    """A small run that tells phones, fruit and the rest apart; its data are removed at the end."""
    reviews = pd.read_csv(EMBEDDED, dtype=str)
    kinds = reviews["cat"].where(reviews["cat"].isin(["手机", "水果"]), "其他")
    file = folder / "reviews.csv"
    pd.DataFrame({"评论": reviews["review"], "类别": kinds}).to_csv(file, index=False, encoding="gb18030")
    data = {"train": str(file), "text_column": "评论", "label_column": "类别", "train_size": 400}
    chosen = {
        "data": data,
        "train": {"epochs": 6},
        "optim": {"learning_rate": 5e-3},
        "model": {"pooling": "mean"},
        "loss": {"class_weights": "balanced"},
    }
    run = finished_run(folder / "run", configuration.merge(chosen, overrides or {}))
    file.unlink()
    return run

"""Small real trainings on the embedded reviews, for tests of the loop."""

from pathlib import Path
from typing import Any

from common import config as configuration
from common.regularization.parameter_groups import configured_settings
from common.training.device import select_device
from common.training.loop import Trainer
from common.training.run_folder import RunFolder
from tasks.sentiment.config import Config
from tasks.sentiment.data import read_data
from tasks.sentiment.task import Task

SMALL = {
    "task": "sentiment",
    "optim": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.01, "warmup": 0.1, "clip_norm": 1.0},
    "train": {"epochs": 3, "batch_size": 16},
    "data": {"train": "embedded", "test_size": 50, "validation_size": 50, "train_size": 70, "max_length": 32},
    "model": {"layers": 1, "hidden_size": 32, "heads": 2, "dropout": 0.3},
}


def small_config(overrides: Any = None) -> Config:
    """The small configuration, refined."""
    return configuration.build(Config, configuration.merge(SMALL, overrides or {}), "test")


def small_trainer(folder: Path, overrides: Any = None, task_class: type = Task) -> Trainer:
    """A trainer of the small configuration that writes to ``folder``."""
    config = small_config(overrides)
    run = RunFolder(folder)
    run.start(config)
    task = task_class(config, read_data(config, Path()), run.assets)
    optim = config.optim
    settings = configured_settings(task.model, optim, task.depth_of)
    return Trainer(task, optim, config.train, settings, run, select_device(config.train))

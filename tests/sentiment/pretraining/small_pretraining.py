"""Small real pretraining runs on the embedded reviews."""

from pathlib import Path
from typing import Any

from common import config as configuration
from common.regularization.parameter_groups import configured_settings
from common.training.device import select_device
from common.training.loop import Trainer
from common.training.run_folder import RunFolder
from tasks.sentiment.encoder_config import SIZES
from tasks.sentiment.pretraining.config import Config
from tasks.sentiment.pretraining.data import read_data
from tasks.sentiment.pretraining.task import Task

SMALL = {
    "task": "sentiment_pretraining",
    "optim": {"name": "adamw", "learning_rate": 5e-3, "weight_decay": 0.01, "warmup": 0.1, "clip_norm": 1.0},
    "train": {"updates_per_epoch": 5},
    "data": {
        "stages": [{"corpora": ["embedded"], "passes": 1.5}],
        "decontaminate": ["embedded"],
        "vocabulary_size": 600,
        "max_length": 32,
        "tokens_per_batch": 2048,
    },
    "model": {"layers": 1, "hidden_size": 32, "heads": 2, "dropout": 0.1},
}


def small_config(cache: Path, overrides: Any = None) -> Config:
    """The small configuration, refined; prepared corpora are kept in ``cache``.

    Given weights have sizes of their own.
    """
    values = configuration.merge(SMALL, {"data": {"cache": str(cache)}})
    values = configuration.merge(values, overrides or {})
    if values["model"].get("weights"):
        values["model"] = {name: value for name, value in values["model"].items() if name not in SIZES}
    return configuration.build(Config, values, "test")


def small_trainer(folder: Path, cache: Path, overrides: Any = None, task_class: type = Task) -> Trainer:
    """A trainer of the small configuration that writes to ``folder``."""
    config = small_config(cache, overrides)
    run = RunFolder(folder)
    run.start(config)
    task = task_class(config, read_data(config, Path()), run.assets)
    settings = configured_settings(task.model, config.optim, task.depth_of)
    return Trainer(task, config.optim, config.train, settings, run, select_device(config.train))

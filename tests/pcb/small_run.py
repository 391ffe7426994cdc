"""A small real training on drawn boards, for tests of what uses a run."""

from pathlib import Path

from common import config as configuration
from common.regularization.parameter_groups import configured_settings
from common.training.checkpoint import load_checkpoint
from common.training.device import select_device
from common.training.loop import Trainer
from common.training.run_folder import RunFolder
from tasks.pcb.config import Config
from tasks.pcb.data import read_data
from tasks.pcb.synthetic_boards import write_boards
from tasks.pcb.task import Task

SMALL = {
    "task": "pcb",
    "optim": {"name": "momentum", "learning_rate": 0.02, "clip_norm": 20.0, "warmup": 0.1},
    "train": {"epochs": 4, "batch_size": 4, "train_samples_evaluated": 0},
    "data": {"root": "boards"},
    "model": {"neck_width": 32, "assign_iou": 0.4, "neighbour_cells": True},
    "augment": {"crop": 128, "crops": 4},
}


def untrained_task(root: Path, assets: Path, **sections) -> Task:
    """A task on the boards of ``root/boards``; ``sections`` change its settings."""
    plain = {"task": "pcb", "data": {"root": "boards"}, "augment": {"crop": 128, "crops": 2}}
    config = configuration.build(Config, configuration.merge(plain, sections), "test")
    return Task(config, read_data(config, root), assets)


def boards_run(folder: Path, **sections) -> RunFolder:
    """A run on boards in ``folder/data``, evaluated on validation; ``sections`` change its settings."""
    write_boards(folder / "data/boards", number=16, size=160)
    config = configuration.build(Config, configuration.merge(SMALL, sections), "test")
    run = RunFolder(folder / "run")
    run.start(config)
    data = read_data(config, folder / "data")
    task = Task(config, data, run.assets)
    settings = configured_settings(task.model, config.optim, task.depth_of)
    run.write_environment("cpu", data.hash())
    Trainer(task, config.optim, config.train, settings, run, select_device(config.train)).run(resume=False)
    load_checkpoint(run.best, task.model)
    task.model.eval()
    metrics, rows = task.evaluate_split("validation")
    run.add_metrics("validation", metrics)
    run.write_predictions("validation", rows)
    return run

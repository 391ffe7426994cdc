"""From files and flags to a configuration, and from a run folder back to its trained task."""

import dataclasses
import os
from pathlib import Path
from typing import Any, Optional

import tasks
from common import config as configuration
from common import runtime
from common.errors import UserError
from common.training.run_folder import RunFolder


def data_root(flag: Optional[Path]) -> Path:
    """``--data-root``, else the environment variable ``DATA_ROOT``, else ``data``."""
    return Path(flag or os.environ.get("DATA_ROOT") or "data")


def load_config(file: Path, seed: Optional[int] = None, flags: Optional[list[str]] = None) -> Any:
    """The configuration of a YAML file, refined by ``seed`` and then by dotted flags.

    Raises:
        UserError: the file, a key or a value is wrong.
    """
    values = configuration.read_yaml(file)
    if seed is not None:
        values = configuration.merge(values, {"data": {"seed": seed}, "train": {"seed": seed}})
    config_class = tasks.load(values.get("task"), "config").Config
    values = configuration.merge(values, configuration.parse_flags(flags or [], config_class))
    return configuration.build(config_class, values, str(file))


def load_data(config: Any, root: Path) -> Any:
    """The data that a configuration names; Paddle is not needed."""
    return tasks.load(config.task, "data").read_data(config, root)


def load_trained(run: RunFolder, root: Path) -> Any:
    """The task of a run with the weights of its best epoch, in evaluation mode.

    Raises:
        UserError: no such run, none of its epochs is finished, or its data are not there.
    """
    if not (run.path / "config.yaml").is_file():
        raise UserError(f"{run.path}: found no config.yaml, expected a folder that train.py has written")
    if not run.best.is_file():
        raise UserError(f"{run.path}: no epoch is finished yet, expected {run.best.name}")
    config = load_config(run.path / "config.yaml")
    data = load_data(config, root)
    run.check_data(data.hash())

    with runtime.without_known_noise():
        from common.training.checkpoint import load_checkpoint
        from common.training.device import select_device

    # Neither mixed precision nor the GPU of the training is needed to evaluate.
    select_device(dataclasses.replace(config.train, amp="off", device="auto"))
    task = tasks.load(config.task, "task").Task(config, data, run.assets, trained=True)
    load_checkpoint(run.best, task.model)
    task.model.eval()
    return task

"""From files and flags to a configuration, and from a run folder back to its trained task."""

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import tasks
from common import config as configuration
from common import runtime
from common.errors import ArgumentParser, UserError
from common.json_file import read_object
from common.training.run_folder import RunFolder

# In the folder of an exported model: which task and format it is, and what was compared.
EXPORT = "export.json"


def data_root(flag: Optional[Path]) -> Path:
    """``--data-root``, else the environment variable ``DATA_ROOT``, else ``data``."""
    return Path(flag or os.environ.get("DATA_ROOT") or "data")


def parse_arguments(parser: ArgumentParser) -> tuple[argparse.Namespace, Any]:
    """The flags of a command that looks at a configuration, and the configuration that they name.

    Args:
        parser: gets ``--config`` and ``--data-root`` in addition to what it has.

    Raises:
        UserError: as :func:`config_of`.
    """
    parser.usage = f"python scripts/{parser.prog} --config FILE [flags] [--section.field VALUE ...]"
    parser.add_argument("--config", type=Path, help="YAML file; runs/x/config.yaml is that of run x")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    arguments, flags = parser.parse_known_args()
    return arguments, config_of(arguments.config, flags, parser)


def config_of(
    file: Optional[Path], flags: list[str], parser: ArgumentParser, seed: Optional[int] = None
) -> Any:
    """The configuration that ``--config`` names, refined by the flags that ``parser`` does not know.

    Raises:
        UserError: no file is named, or as :func:`load_config`.
    """
    if file is None:
        raise UserError("--config: missing, expected a file such as configs/sentiment/regularized.yaml")
    return load_config(file, seed, flags, parser.flags())


def load_config(
    file: Path, seed: Optional[int] = None, flags: Sequence[str] = (), command_flags: Sequence[str] = ()
) -> Any:
    """The configuration of a YAML file, refined by ``seed`` and then by dotted flags.

    Args:
        command_flags: those of the command itself, one of which a misspelt flag may be meant to be.

    Raises:
        UserError: the file, a key or a value is wrong.
    """
    values = configuration.read_yaml(file)
    if values.get("task") not in tasks.PACKAGES:
        found = repr(values["task"]) if "task" in values else "nothing"
        raise UserError(f"{file}: task: found {found}, expected one of {', '.join(tasks.PACKAGES)}")
    config_class = tasks.load(values["task"], "config").Config
    if seed is not None:
        for name in sorted({"data.seed", "train.seed"} & set(configuration.field_names(config_class))):
            section, field = name.split(".")
            values = configuration.merge(values, {section: {field: seed}})
    overrides = configuration.parse_flags(flags, config_class, command_flags)
    merged = configuration.merge(values, overrides)
    try:
        return configuration.build(config_class, merged, str(file))
    except UserError:
        if not overrides:
            raise
    # The file is not to blame for what is right without the flags.
    configuration.build(config_class, values, str(file))
    return configuration.build(config_class, merged, "command line")


def load_data(config: Any, root: Path) -> Any:
    """The data that a configuration names; Paddle is not needed."""
    return tasks.load(config.task, "data").read_data(config, root)


def task_of(folder: Path) -> Any:
    """The name of the task of a run's folder, or of an exported model's.

    Raises:
        UserError: the folder is neither.
    """
    if (folder / "config.yaml").is_file():
        return configuration.read_yaml(folder / "config.yaml").get("task")
    if (folder / EXPORT).is_file():
        return read_object(folder / EXPORT).get("task")
    raise UserError(
        f"{folder}: found neither config.yaml nor {EXPORT}, "
        "expected a folder that train.py or export.py has written"
    )


def config_of_run(run: RunFolder) -> Any:
    """The configuration of a run; Paddle is not needed.

    Raises:
        UserError: no such run.
    """
    if not (run.path / "config.yaml").is_file():
        raise UserError(f"{run.path}: found no config.yaml, expected a folder that train.py has written")
    return load_config(run.path / "config.yaml")


def trained_config(run: RunFolder) -> Any:
    """The configuration of a run that has weights; Paddle is not needed.

    Raises:
        UserError: no such run, none of its epochs is finished, or it was unpacked.
    """
    config = config_of_run(run)
    if not run.best.is_file():
        raise UserError(
            f"{run.path}: found no {run.best.name}, expected a run with a finished epoch and its weights"
        )
    return config


def load_trained(run: RunFolder, root: Path) -> Any:
    """The task of a run with its data and the weights of its best epoch, in evaluation mode.

    Raises:
        UserError: no such run, none of its epochs is finished, or its data are not there.
    """
    config = trained_config(run)
    data = load_data(config, root)
    run.check_data(data.hash())
    return trained_task(run, config, data)


def trained_task(run: RunFolder, config: Any, data: Any, device: str = "auto") -> Any:
    """The task of a run on any data, with the weights of its best epoch, in evaluation mode.

    Raises:
        UserError: the weights do not fit the configuration, or there is no such device.
    """
    with runtime.importing_paddle():
        from common.training.checkpoint import load_checkpoint
        from common.training.device import select_device

    # Neither mixed precision nor the GPU of the training is needed to evaluate.
    select_device(dataclasses.replace(config.train, amp="off", device=device))
    task = tasks.load(config.task, "task").Task(config, data, run.assets, trained=True)
    load_checkpoint(run.best, task.model)
    task.model.eval()
    return task

"""What train.py and pretrain.py share: from flags to a trained run in its folder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import tasks
from common import config as configuration
from common import runtime
from common.errors import ArgumentParser, UserError
from common.training.run_folder import RunFolder
from tasks import runs


def train_by_flags(description: str, script: str, example: str, names: Sequence[str], processor: str) -> None:
    """Parse, check, and only then import Paddle and train.

    Args:
        script: name of the command, for its help.
        example: a configuration to name where none is given.
        names: of the tasks that the command trains.
        processor: what :func:`common.runtime.prepare` said.

    Raises:
        UserError: a flag, a file or a field is wrong.
    """
    arguments, flags = _parse_arguments(description, script, example, names)
    config = runs.load_config(arguments.config, arguments.seed, flags)
    if config.task not in names:
        raise UserError(f"task: found {config.task} in {arguments.config}, expected {' or '.join(names)}")
    run = RunFolder(arguments.run_dir or _default_run_dir(arguments.config, arguments.seed))
    if runtime.process_number() == 0:
        run.check(config, arguments.resume)
    config.check_files()
    data = runs.load_data(config, runs.data_root(arguments.data_root))
    run.check_data(data.hash())
    _train(config, data, run, arguments.resume, processor)


def _parse_arguments(
    description: str, script: str, example: str, names: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """Named flags, and the dotted ones that override the configuration."""
    parser = ArgumentParser(
        description=description,
        add_help=False,
        usage=f"python scripts/{script} --config FILE [flags] [--section.field VALUE ...]",
    )
    parser.add_argument("--config", type=Path, help="YAML file; runs/x/config.yaml repeats run x")
    parser.add_argument("--run-dir", type=Path, help="folder of the run [runs/TASK-CONFIG]")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    parser.add_argument("--seed", type=int, help="sets data.seed and train.seed")
    parser.add_argument("--resume", action="store_true", help="continue the run in --run-dir if there is one")
    parser.add_argument("-h", "--help", action="store_true", help="this text; with --config, its fields only")
    arguments, flags = parser.parse_known_args()
    if arguments.help:
        _print_help(parser, arguments.config, names)
        sys.exit(0)
    if arguments.config is None and arguments.resume and arguments.run_dir:
        arguments.config = arguments.run_dir / "config.yaml"
    if arguments.config is None:
        raise UserError(f"--config: missing, expected a file such as {example}")
    return arguments, flags


def _print_help(parser: argparse.ArgumentParser, config: Optional[Path], names: Sequence[str]) -> None:
    """The flags, and every field of the configuration with its type, default and meaning."""
    print(parser.format_help())
    for name in [configuration.read_yaml(config).get("task")] if config else names:
        fields = configuration.describe(tasks.load(name, "config").Config)
        print(f"fields of a {name} configuration, each a flag:\n{fields}\n")


def _default_run_dir(config: Path, seed: Optional[int]) -> Path:
    """runs/sentiment-regularized for configs/sentiment/regularized.yaml."""
    suffix = "" if seed is None else f"-seed{seed}"
    return Path("runs") / f"{config.resolve().parent.name}-{config.stem}{suffix}"


def _train(config: Any, data: Any, run: RunFolder, resume: bool, processor: str) -> None:
    """Train to the end; evaluate the best epoch on validation; write the report."""
    with runtime.without_known_noise():
        from common.training.device import rank, select_device
    device = select_device(config.train)
    task = tasks.load(config.task, "task").Task(config, data, run.assets)

    from common.regularization.parameter_groups import configured_settings
    from common.training.loop import Trainer

    optim = config.optim
    settings = configured_settings(task.model, optim, task.depth_of)
    if rank() == 0:
        run.start(config)
        print(f"{processor}\n{data.summary()}\nrun folder {run.path}, device {device}", flush=True)
        if not (run.path / "environment.json").exists():
            run.write_environment(device, data.hash())
        run.write_parameters(settings)
    trainer = Trainer(task, optim, config.train, settings, run, device)
    if rank() == 0:
        print(_short_policy(settings, optim, trainer.total), flush=True)
    trainer.run(resume)
    if rank() == 0:
        _finish(task, run)


def _short_policy(settings: list[Any], optim: Any, updates: int) -> str:
    """What is decayed and how, and which decay does nothing; inspect_model.py says more."""
    from common.regularization import policy_report
    from common.training.optimizer import describe_decay
    from common.training.schedule import learning_rates

    rows = policy_report.group_rows(settings, optim, learning_rates(updates, optim))
    lines = [describe_decay(optim, settings), policy_report.summary(rows), *policy_report.warnings(rows)]
    return "\n".join(lines)


def _finish(task: Any, run: RunFolder) -> None:
    """Metrics, predictions and report of the best epoch, on validation."""
    from common.reporting.run_report import write_run_report
    from common.reporting.tables import metrics_table
    from common.training.checkpoint import load_checkpoint

    load_checkpoint(run.best, task.model)
    task.model.eval()
    metrics, rows = task.evaluate_split("validation")
    run.add_metrics("validation", metrics)
    run.write_predictions("validation", rows)
    write_run_report(run, task.selection_metric, task.report_sections(run))
    print(metrics_table({"validation": metrics}))
    print(f"report: {run.path / 'report.html'}")

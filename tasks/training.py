"""From the flags of a command that trains to a finished run folder; Paddle is imported last."""

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import tasks
from common import config as configuration
from common import runtime
from common.errors import ArgumentParser, UserError
from common.training.device_check import check_device
from common.training.run_folder import RunFolder
from tasks import runs


def train_command(
    description: str, script: str, runtime_line: str, names: Sequence[str]
) -> tuple[Any, RunFolder]:
    """Parse the flags of ``script``, check, train, evaluate and report.

    Args:
        runtime_line: what :func:`common.runtime.prepare` said.
        names: of the tasks that the command trains.

    Returns:
        The task with the weights of its best epoch, and its run; in the first process.
    """
    arguments, config = _parse(description, script, names)
    check_device(config.train)
    run = RunFolder(arguments.run_dir or default_run_dir(arguments.config, arguments.seed))
    first = runtime.process_number() == 0
    if first:
        run.check(config, arguments.resume)
    resumed = arguments.resume and run.last.exists()
    if not resumed:
        config.check_files()
    data = runs.load_data(config, runs.data_root(arguments.data_root))
    run.check_data(data.hash())
    with run.locked() if first else contextlib.nullcontext():
        return _train(config, data, run, resumed, runtime_line), run


def _parse(description: str, script: str, names: Sequence[str]) -> tuple[argparse.Namespace, Any]:
    """The flags, and the configuration that they name and override."""
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
    config = runs.config_of(arguments.config, flags, parser, arguments.seed)
    if config.task not in names:
        raise UserError(f"{arguments.config}: task: found {config.task}, expected {' or '.join(names)}")
    return arguments, config


def _print_help(parser: argparse.ArgumentParser, config: Optional[Path], names: Sequence[str]) -> None:
    """The flags, and every field of the configuration with type, value or default, and meaning."""
    print(parser.format_help())
    loaded = runs.load_config(config) if config else None
    values = f"its value in {config}" if config else "its default"
    for name in [loaded.task] if config else names:
        fields = configuration.describe(tasks.load(name, "config").Config, loaded)
        print(f"fields of a {name} configuration, each a flag, with {values}:\n{fields}\n")


def default_run_dir(config: Path, seed: Optional[int]) -> Path:
    """runs/sentiment-regularized for configs/sentiment/regularized.yaml."""
    suffix = "" if seed is None else f"-seed{seed}"
    return Path("runs") / f"{config.resolve().parent.name}-{config.stem}{suffix}"


def _train(config: Any, data: Any, run: RunFolder, resumed: bool, runtime_line: str) -> Any:
    with runtime.importing_paddle():
        from common.training.device import rank, select_device
    device = select_device(config.train)
    task = tasks.load(config.task, "task").Task(config, data, run.assets, trained=resumed)

    from common.regularization.parameter_groups import configured_settings
    from common.training.loop import Trainer

    optim = config.optim
    settings = configured_settings(task.model, optim, task.depth_of)
    if rank() == 0:
        run.start(config)
        print(f"{runtime_line}\n{data.summary()}\nrun folder {run.path}, device {device}", flush=True)
        if not (run.path / "environment.json").exists():
            run.write_environment(device, data.hash())
        run.write_parameters(settings)
    trainer = Trainer(task, optim, config.train, settings, run, device)
    if rank() == 0:
        print(_short_policy(settings, optim, trainer.total), flush=True)
    trainer.run(resumed)
    if rank() == 0:
        _finish(task, run)
    return task


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
    from common.reporting.run_report import training_time, write_run_report
    from common.reporting.tables import metrics_table
    from common.training.checkpoint import load_checkpoint

    load_checkpoint(run.best, task.model)
    task.model.eval()
    metrics, rows = task.evaluate_split("validation")
    run.add_metrics("validation", metrics)
    run.write_predictions("validation", rows)
    write_run_report(run, task.selection_metric, task.report_sections(run))
    print(metrics_table({"validation": metrics}))
    print(f"{training_time(run)}\nreport: {run.path / 'report.html'}")

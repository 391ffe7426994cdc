"""What a configuration does to each parameter, and where its dropout stands; nothing is trained."""

from common import runtime

RUNTIME = runtime.prepare()

import argparse  # noqa: E402
import contextlib  # noqa: E402
import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, run_command  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Build the model of a configuration, inspect it, and print."""
    arguments, config = parse_arguments()
    config.check_files()
    data = runs.load_data(config, runs.data_root(arguments.data_root))
    if arguments.format == "table":
        print(RUNTIME)
    with runtime.without_known_noise(), tempfile.TemporaryDirectory() as assets:
        # What is noted on the way, such as which weights are not loaded, is no part of the JSON.
        notes = sys.stderr if arguments.format == "json" else sys.stdout
        with contextlib.redirect_stdout(notes):
            task = tasks.load(config.task, "task").Task(config, data, Path(assets))
            inspected = inspect(task, config)
        if arguments.format == "json":
            print(json.dumps(inspected, indent=2, ensure_ascii=False))
        else:
            print_tables(task, config, inspected, arguments.verbose)


def parse_arguments() -> tuple[argparse.Namespace, Any]:
    """The flags and the configuration that they name."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    parser.add_argument("--verbose", action="store_true", help="a row a parameter, and the layers")
    return runs.parse_arguments(parser)


def inspect(task: Any, config: Any) -> dict[str, Any]:
    """The policy by group and by parameter, its warnings, and the placement findings."""
    from common.regularization import policy_report
    from common.regularization.parameter_groups import configured_settings
    from common.regularization.placement import check_placement
    from common.training.optimizer import describe_decay
    from common.training.schedule import learning_rates

    settings = configured_settings(task.model, config.optim, task.depth_of)
    updates = task.updates or config.train.steps or config.train.epochs * len(task.plan(0))
    rows = policy_report.group_rows(settings, config.optim, learning_rates(updates, config.optim))
    return {
        "decay": describe_decay(config.optim, settings),
        "updates": updates,
        "groups": rows,
        "warnings": policy_report.warnings(rows),
        "parameters": [setting.row() for setting in settings],
        "placement": [dataclasses.asdict(f) for f in check_placement(task.model, example(task))],
    }


def example(task: Any) -> Any:
    """The model's input for two training samples of an update, the same twice where there is only one."""
    import paddle

    dataset = task.dataset(0)
    chosen = [*task.plan(0)[0], *task.plan(0)[0]][:2]
    return paddle.to_tensor(task.collate([dataset[int(index)] for index in chosen])[0])


def print_tables(task: Any, config: Any, inspected: dict[str, Any], verbose: bool) -> None:
    """For people: groups, warnings and findings; with ``verbose`` layers and parameters too."""
    from common.reporting.tables import rows_table

    print(f"{inspected['decay']}\n")
    if verbose:
        import paddle

        task.model.eval()
        paddle.summary(task.model, input=example(task))
        print(rows_table(inspected["parameters"], "parameters"))
    print(rows_table(inspected["groups"], f"groups, {inspected['updates']} updates"))
    print("\n".join(inspected["warnings"]))
    if inspected["placement"]:
        print(rows_table(inspected["placement"], "dropout"))
    else:
        print("dropout: nothing to find fault with")


if __name__ == "__main__":
    run_command(main)

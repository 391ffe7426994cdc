"""Metrics of a run's best epoch on one split."""

from common import runtime

runtime.prepare()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402

from common.errors import run_command  # noqa: E402
from common.training.run_folder import RunFolder  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Evaluate, write metrics and predictions, and note every reading of the test split."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--run", type=Path, required=True, help="folder that train.py has written")
    parser.add_argument("--split", choices=("train", "validation", "test"), default="validation")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    arguments = parser.parse_args()
    run = RunFolder(arguments.run)
    task = runs.load_trained(run, runs.data_root(arguments.data_root))

    from common.reporting.run_report import write_run_report
    from common.reporting.tables import metrics_table

    metrics, rows = task.evaluate_split(arguments.split)
    run.add_metrics(arguments.split, metrics)
    run.write_predictions(arguments.split, rows)
    if arguments.split == "test":
        print(f"the test split of this run has now been read {run.count_test_reading(metrics)} time(s)")
    write_run_report(run, task.selection_metric)
    print(metrics_table({arguments.split: metrics}))


if __name__ == "__main__":
    run_command(main)

"""Metrics of the best epoch of one run or several, on one split."""

from common import runtime

RUNTIME = runtime.prepare()

from pathlib import Path  # noqa: E402

from common.errors import ArgumentParser, run_command  # noqa: E402
from common.training.run_folder import RunFolder  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Evaluate each run and print its metrics."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", type=Path, nargs="+", required=True, help="folders that train.py has written"
    )
    parser.add_argument("--split", choices=("train", "validation", "test"), default="validation")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    arguments = parser.parse_args()
    print(RUNTIME)
    found = [RunFolder(folder) for folder in arguments.run]
    for run in found:
        # A reading of the test split counts, so none is made before every run is known to be one.
        runs.trained_config(run)
    for run in found:
        evaluate(run, arguments.split, runs.data_root(arguments.data_root))


def evaluate(run: RunFolder, split: str, root: Path) -> None:
    """Write metrics, predictions and report; note every reading of the test split."""
    task = runs.load_trained(run, root)

    from common.reporting.run_report import write_run_report
    from common.reporting.tables import metrics_table

    metrics, rows = task.evaluate_split(split)
    if split == "test":
        print(f"the test split of {run.path} has now been read {run.count_test_reading(metrics)} time(s)")
    run.add_metrics(split, metrics)
    run.write_predictions(split, rows)
    write_run_report(run, task.selection_metric, task.report_sections(run))
    print(f"{run.path}\n{metrics_table({split: metrics})}")


if __name__ == "__main__":
    run_command(main)

"""One table and one page from several runs of either task."""

from common import runtime

runtime.prepare()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402

import tasks  # noqa: E402
from common import config as configuration  # noqa: E402
from common.errors import UserError, run_command  # noqa: E402
from common.training.run_folder import RunFolder  # noqa: E402

NOISE = (
    "One seed a run: treat differences of this size as noise. The seed and the choice of test items "
    "alone move a metric by points, and in a short run a regularized model is merely further behind."
)


def main() -> None:
    """Group the runs by task, print a table for each, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of runs")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--output", type=Path, required=True, help="the HTML page")
    arguments = parser.parse_args()

    from common.reporting.page import write_page
    from common.reporting.run_report import comparison_section, comparison_table, environment_section
    from common.reporting.tables import text_table

    sections = []
    for name, runs in by_task(arguments.runs).items():
        task = tasks.load(name, "config")
        table = comparison_table(runs, arguments.split, task.HEADLINE_METRICS)
        plot = arguments.output.parent / "plots" / f"{name}.png"
        title = f"{name}, {arguments.split} split"
        sections.append(comparison_section(title, runs, table, task.SELECTION_METRIC, plot))
        print(text_table(table.columns, table.rows, title))
    sections.append(environment_section(RunFolder(arguments.runs[0])))
    write_page(arguments.output, "Comparison of runs", sections, note=NOISE)
    print(f"{NOISE}\nreport: {arguments.output}")


def by_task(folders: list[Path]) -> dict[str, list[RunFolder]]:
    """The runs of each task, in the order given."""
    grouped: dict[str, list[RunFolder]] = {}
    for folder in folders:
        file = folder / "config.yaml"
        if not file.is_file():
            raise UserError(f"{folder}: found no config.yaml, expected a folder that train.py has written")
        grouped.setdefault(configuration.read_yaml(file).get("task"), []).append(RunFolder(folder))
    return grouped


if __name__ == "__main__":
    run_command(main)

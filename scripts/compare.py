"""One table and one page from several runs of either task."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

import tasks  # noqa: E402
from common import config as configuration  # noqa: E402
from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from common.json_file import read_object  # noqa: E402
from common.training.run_folder import RunFolder  # noqa: E402

NOTE = "One seed a run: repeat over seeds before believing a difference."


def main() -> None:
    """Print the table and write the page."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, nargs="+", required=True, help="folders of runs")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--output", type=Path, required=True, help="the HTML page")
    parser.add_argument("--note", default=NOTE, help="what a reader must know, above and below the table")
    arguments = parser.parse_args()
    grouped = by_task(arguments.runs)

    from common.reporting.page import Section, write_page
    from common.reporting.run_report import comparison_table, curves_section, environment_section
    from common.reporting.tables import text_table

    settings = {name: tasks.load(name, "config") for name in grouped}
    metrics = dict.fromkeys(metric for task in settings.values() for metric in task.HEADLINE_METRICS)
    runs = [run for several in grouped.values() for run in several]
    table = comparison_table(runs, arguments.split, tuple(metrics))
    sections = [Section(f"Metrics on the {arguments.split} split", tables=[table])]
    for name, several in grouped.items():
        plot = arguments.output.parent / "plots" / f"{name}.png"
        sections.append(curves_section(name, several, settings[name].SELECTION_METRIC, plot))
    sections.append(environment_section(runs[0]))
    notes = [arguments.note, *(other_data(several) for several in grouped.values())]
    note = " ".join(filter(None, notes))
    write_page(arguments.output, "Comparison of runs", sections, note=note)
    print(text_table(table.columns, table.rows, f"{arguments.split} split"))
    print(f"{note}\nreport: {arguments.output}")


def other_data(runs: list[RunFolder]) -> str:
    """A warning where runs of a task had other data, which their splits or their training may differ by."""
    hashes = [read_object(run.path / "environment.json").get("data_sha256") for run in runs]
    others = [run.path.name for run, found in zip(runs, hashes) if found != hashes[0]]
    if not others:
        return ""
    return (
        f"Warning: {', '.join(others)} had other data than {runs[0].path.name} (data_sha256 of "
        "environment.json): other pictures or texts to train on, templates, or another split."
    )


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

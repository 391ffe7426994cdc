"""What is wrong with a data set, before hours of training; nothing is changed."""

from common import runtime

runtime.prepare()

import argparse  # noqa: E402
import importlib.util  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Check, print, and write a page and a table of every place if asked to."""
    arguments, config = parse_arguments()
    if importlib.util.find_spec(f"tasks.{config.task}.check") is None:
        raise UserError(f"task: there are no checks of {config.task} data yet, expected a sentiment task")
    if arguments.output is not None:
        make_folder(arguments.output)
    sections, findings = tasks.load(config.task, "check").check_data(
        config, runs.data_root(arguments.data_root)
    )

    from common.reporting.findings import findings_rows, findings_sections, findings_text
    from common.reporting.page import write_page
    from common.reporting.tables import text_table
    from common.training.run_folder import write_csv

    for section in sections:
        for table in section.tables:
            print(f"{text_table(table.columns, table.rows, section.title)}\n{section.text}".strip() + "\n")
    print(findings_text(findings))
    if arguments.output is not None:
        title = f"Data of {arguments.config}"
        write_csv(arguments.output / "findings.csv", findings_rows(findings))
        write_page(arguments.output / "report.html", title, [*findings_sections(findings), *sections])
        print(f"report: {arguments.output / 'report.html'}")


def parse_arguments() -> tuple[argparse.Namespace, Any]:
    """The flags and the configuration that they name."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="folder for report.html and findings.csv")
    return runs.parse_arguments(parser)


def make_folder(path: Path) -> None:
    """The folder for the report, before the time is spent on it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output: {path}: no folder can be made there: {error.strerror}") from None


if __name__ == "__main__":
    run_command(main)

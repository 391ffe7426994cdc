"""What is wrong with a data set, before hours of training; nothing is changed."""

from common import runtime

runtime.prepare()

import argparse  # noqa: E402
import importlib.util  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Optional  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from tasks import runs  # noqa: E402

# The module of a task that draws what training sees.
VIEWS = "training_views"


def main() -> None:
    """Check, print, and write a page, plots and a table of every place if asked to."""
    arguments, config = parse_arguments()
    if arguments.augmented:
        require_views(config.task, arguments.output)
    check, root, plots = tasks.load(config.task, "check"), runs.data_root(arguments.data_root), None
    if arguments.output is not None:
        make_folder(arguments.output)
        plots = arguments.output / "plots"
    sections, findings = check.check_data(config, root, plots)
    if arguments.augmented:
        seen, found = tasks.load(config.task, VIEWS).check_views(config, root, plots)
        sections, findings = [*sections, *seen], [*findings, *found]

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
        for image in (image for section in sections for image in section.images):
            print(f"{image.path}: {image.description}")
        print(f"report: {arguments.output / 'report.html'}")


def parse_arguments() -> tuple[argparse.Namespace, Any]:
    """The flags and the configuration that they name."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="folder for report.html, findings.csv and plots")
    parser.add_argument(
        "--augmented",
        action="store_true",
        help="boards: also draw training views, with boxes read back from their targets",
    )
    return runs.parse_arguments(parser)


def require_views(task: str, output: Optional[Path]) -> None:
    """Refuse ``--augmented`` where nothing can be drawn, before the time is spent."""
    if importlib.util.find_spec(f"{tasks.PACKAGES[task]}.{VIEWS}") is None:
        raise UserError(f"--augmented: found a {task} configuration, expected a pcb one, of boards")
    if output is None:
        raise UserError("--augmented: found no --output, expected a folder to draw into")


def make_folder(path: Path) -> None:
    """The folder for the report, before the time is spent on it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output: {path}: no folder can be made there: {error.strerror}") from None


if __name__ == "__main__":
    run_command(main)

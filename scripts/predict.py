"""Label and probabilities for a file of texts or for lines on standard input."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, run_command  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Let the task of the run predict."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--run", type=Path, required=True, help="folder that train.py or export.py has written"
    )
    parser.add_argument(
        "--input", required=True, help="CSV, TSV or JSONL file, .txt file of lines, or - for standard input"
    )
    parser.add_argument(
        "--output", type=Path, help="folder for predictions.csv; with --input - standard output if missing"
    )
    parser.add_argument("--text-column", help="column with the text [as in training]")
    parser.add_argument("--batch-size", type=int, default=64, help="items computed at once [64]")
    parser.add_argument("--overwrite", action="store_true", help="replace predictions.csv if it is there")
    arguments = parser.parse_args()
    tasks.load(runs.task_of(arguments.run), "predict").predict(**vars(arguments))


if __name__ == "__main__":
    run_command(main)

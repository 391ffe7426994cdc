"""Labels for texts, or boxes for pictures, by a run or by an exported model."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, run_command  # noqa: E402
from tasks import runs  # noqa: E402

EXIT_CODES = (
    "exit codes: 0 all of the input was read; 2 something was not, which a line names: a picture is passed "
    "over and the boxes of all others are written, a table of texts is refused before anything is predicted, "
    "and of a stream what came before is kept; 130 interrupted. An empty text was read, and has no label."
)


def main() -> None:
    """Let the task of the run predict."""
    parser = ArgumentParser(description=__doc__, epilog=EXIT_CODES)
    parser.add_argument(
        "--run", type=Path, required=True, help="folder that train.py or export.py has written"
    )
    parser.add_argument(
        "--input",
        required=True,
        help="texts: CSV, TSV or JSONL file, .txt file of lines, or - for standard input; "
        "pictures: one, a folder of them, or a .txt file with one name a line",
    )
    parser.add_argument(
        "--output", type=Path, help="folder for what is predicted; of --input - standard output if missing"
    )
    parser.add_argument("--text-column", help="column with the text [as in training]")
    parser.add_argument("--threshold", type=float, help="smallest score of a box [best F1 on validation]")
    parser.add_argument(
        "--templates",
        help="for a model of pairs: a folder of pictures with the same names, one picture for all, or a name "
        "with * for the tested picture's, such as *_temp [a_temp.jpg beside a_test.jpg]",
    )
    parser.add_argument(
        "--no-drawing", action="store_const", const=True, help="do not draw boxes into copies of the pictures"
    )
    parser.add_argument("--batch-size", type=int, help="items computed at once [64 texts, 4 pictures]")
    parser.add_argument("--overwrite", action="store_true", help="replace predictions that are there")
    arguments = parser.parse_args()
    name = runs.task_of(arguments.run)
    tasks.call(tasks.load(name, "predict").predict, name, arguments)


if __name__ == "__main__":
    run_command(main)

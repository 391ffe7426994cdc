"""A trained model for other programs: Paddle's inference format or ONNX, proved to give equal outputs."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, run_command  # noqa: E402
from tasks import runs  # noqa: E402


def main() -> None:
    """Let the task of the run export it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, help="folder that train.py has written")
    parser.add_argument("--format", choices=("paddle", "onnx"), required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    parser.add_argument(
        "--data-root", type=Path, help="of pictures: where those to compare on are [$DATA_ROOT or data]"
    )
    arguments = parser.parse_args()
    name = runs.task_of(arguments.run)
    tasks.call(tasks.load(name, "export").export, name, arguments)


if __name__ == "__main__":
    run_command(main)

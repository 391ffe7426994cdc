"""Train one configuration into one run folder."""

from common import runtime

RUNTIME = runtime.prepare()

from common.errors import run_command  # noqa: E402
from tasks.training import train_command  # noqa: E402

TASKS = ("sentiment", "pcb")


def main() -> None:
    """Parse, check, and only then import Paddle and train."""
    train_command(__doc__, "train.py", RUNTIME, TASKS)


if __name__ == "__main__":
    run_command(main)

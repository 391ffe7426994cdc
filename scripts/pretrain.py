"""Pretrain a small Chinese BERT on unlabelled texts, or go on with a given one on texts of one's own."""

from common import runtime

RUNTIME = runtime.prepare()

from common.errors import run_command  # noqa: E402
from tasks.training import train_command  # noqa: E402

TASKS = ("sentiment_pretraining",)


def main() -> None:
    """Parse, check, and only then import Paddle and train."""
    train_command(__doc__, "pretrain.py", RUNTIME, TASKS)


if __name__ == "__main__":
    run_command(main)

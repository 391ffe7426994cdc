"""Pretrain a small Chinese BERT on unlabelled texts, or go on with a given one on texts of one's own."""

from common import runtime

RUNTIME = runtime.prepare()

from common.errors import run_command  # noqa: E402
from tasks.training import train_by_flags  # noqa: E402

EXAMPLE = "configs/sentiment/pretrain.yaml"


def main() -> None:
    """Pretrain what the flags name."""
    train_by_flags(__doc__, "pretrain.py", EXAMPLE, ("sentiment_pretraining",), RUNTIME)


if __name__ == "__main__":
    run_command(main)

"""Train one configuration into one run folder."""

from common import runtime

RUNTIME = runtime.prepare()

from common.errors import run_command  # noqa: E402
from tasks.training import train_by_flags  # noqa: E402

EXAMPLE = "configs/sentiment/regularized.yaml"


def main() -> None:
    """Train what the flags name."""
    train_by_flags(__doc__, "train.py", EXAMPLE, ("sentiment", "pcb"), RUNTIME)


if __name__ == "__main__":
    run_command(main)

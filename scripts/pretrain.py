"""Pretrain a small BERT on unlabelled texts, or go on from given weights (--model.weights FOLDER)."""

from common import runtime

RUNTIME = runtime.prepare()

from common.errors import UserError, run_command  # noqa: E402
from tasks.training import train_command  # noqa: E402


def main() -> None:
    """Parse, check, pretrain, and write the encoder of the best epoch."""
    task, run = train_command(__doc__, "pretrain.py", RUNTIME)
    if not hasattr(task, "write_encoder"):
        raise UserError("--config: found a configuration for train.py, expected task: sentiment_pretraining")
    if runtime.process_number() == 0:
        task.write_encoder(run.path / "encoder")
        print(f"encoder: {run.path / 'encoder'}, for train.py --model.weights")


if __name__ == "__main__":
    run_command(main)

"""What Hugging Face's Trainer needs to train the model of a configuration on the same token ids."""

import json
from pathlib import Path

from common.errors import UserError
from common.training.run_folder import write_text
from tasks.sentiment.config import Config
from tasks.sentiment.data import Data
from tasks.sentiment.task import Task

OTHER, UNIT, WORKER = "Trainer", "reviews", "hugging_face_trainer.py"
# Of the other side, in each mode.
MODE_FLAGS = {"equal": ["--group-by-length"], "as-they-come": []}


def our_flags(config: Config, data: Data) -> list[str]:
    """Flags of ``train.py`` beside those of every benchmark."""
    return []


def write_work(config: Config, data: Data, folder: Path) -> int:
    """Token ids, labels and settings as ``work.json``; returns the number of our parameters.

    Raises:
        UserError: the model does not start from scratch.
    """
    if config.model.weights is not None:
        raise UserError(
            f"model.weights: found {config.model.weights}, expected null: both sides start from scratch"
        )
    task = Task(config, data, folder / "assets")
    reviews = data.splits["train"]
    work = {
        "token_ids": [ids.tolist() for ids in task.classifier.encode([review.text for review in reviews])],
        "labels": [review.label for review in reviews],
        "vocabulary_size": task.model.encoder.config.vocab_size,
        "model": {
            "type_vocab_size": task.model.encoder.config.type_vocab_size,
            "hidden_size": config.model.hidden_size,
            "num_hidden_layers": config.model.layers,
            "num_attention_heads": config.model.heads,
            "intermediate_size": 4 * config.model.hidden_size,
            "classifier_dropout": config.model.dropout,
        },
        "training": {
            "per_device_train_batch_size": config.train.batch_size,
            "learning_rate": config.optim.learning_rate,
            "weight_decay": config.optim.weight_decay,
            "max_grad_norm": config.optim.clip_norm,
            "warmup_ratio": config.optim.warmup,
        },
    }
    write_text(folder / "work.json", json.dumps(work))
    return sum(parameter.size for parameter in task.model.parameters())

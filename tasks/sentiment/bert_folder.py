"""What can be said of a BERT folder without loading it."""

import json
from pathlib import Path

from common.errors import UserError

FILES = ("config.json", "vocab.txt", "model.safetensors")


def check_bert_folder(folder: Path, max_length: int) -> None:
    """Refuse a folder that cannot start a run.

    Args:
        max_length: tokens of the longest text that the run will encode.

    Raises:
        UserError: a file is missing, the configuration is not JSON, the vocabulary is larger
            than the embedding, or ``max_length`` exceeds the positions.
    """
    for name in FILES:
        if not (folder / name).is_file():
            raise UserError(f"model.weights: {folder} has no {name}; expected a BERT folder with safetensors")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokens = len((folder / "vocab.txt").read_text(encoding="utf-8").splitlines())
    except ValueError as error:
        raise UserError(
            f"model.weights: {folder}: config.json or vocab.txt cannot be read: {error}"
        ) from None
    positions = config.get("max_position_embeddings", 512)
    if max_length > positions:
        raise UserError(f"data.max_length: found {max_length}, expected at most {positions}, as in {folder}")
    if tokens > config.get("vocab_size", tokens):
        size = config["vocab_size"]
        raise UserError(
            f"model.weights: {folder / 'vocab.txt'}: found {tokens} tokens, expected at most {size}"
        )

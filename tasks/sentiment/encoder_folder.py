"""What can be said of an encoder's folder without loading it, and what a run keeps of it."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from common.errors import UserError
from common.json_file import read_object
from common.tensor_file import tensor_shapes
from common.training.run_folder import write_text
from common.weights_conversion import WEIGHTS
from tasks.sentiment.tokenizer_files import FIELD, TokenizerFiles, read_tokenizer_files

CONFIGS = ("config.json", "model_config.json")
FAMILIES = {"bert": "Bert", "roberta": "Roberta", "ernie": "Ernie"}
PICKLES = (".pdparams", ".bin", ".pt", ".pth")
# A name, or an owner and a name, as hubs have them.
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

# Encoders that the repository carries.
CARRIED = {name: Path(__file__).with_name(name) for name in ("mini-bert-zh", "mini-bert-zh-causal")}

# What makes the architecture; the rest of a config.json tells of the task and the software that it came from.
SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "task_type_vocab_size",
)
NUMBERS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
    "layer_norm_eps",
    "pad_token_id",
    "task_id",
)
ARCHITECTURE = (*SIZES, *NUMBERS, "hidden_act", "pool_act", "use_task_id")


@dataclass
class EncoderFolder:
    """An encoder whose configuration and vocabulary fit each other.

    Attributes:
        file: the configuration as it was found.
        config: contents of a ``config.json`` that PaddleNLP's auto classes understand.
    """

    file: Path
    config: dict[str, Any]
    tokenizer: TokenizerFiles

    def copy_description(self, assets: Path) -> None:
        """Write everything but the weights to ``assets``."""
        write_text(assets / "config.json", json.dumps(self.config, indent=2) + "\n")
        text = json.dumps(self.tokenizer.settings, indent=2, ensure_ascii=False) + "\n"
        write_text(assets / "tokenizer_config.json", text)
        for name in self.tokenizer.names:
            write_text(assets / name, (self.file.parent / name).read_text(encoding="utf-8"))


def local_folder(weights: str) -> Optional[Path]:
    """The folder that ``model.weights`` means: one on disk, else one of :data:`CARRIED`; None for a hub's."""
    return Path(weights) if Path(weights).is_dir() else CARRIED.get(weights)


def check_weights(weights: str, max_length: int) -> None:
    """Refuse ``model.weights`` that cannot start a run; a hub name is looked up only when it is loaded.

    Raises:
        UserError: it is neither a folder nor looks like a hub name, or as :func:`read_encoder_folder`.
    """
    folder = local_folder(weights)
    if folder is not None:
        read_encoder_folder(folder, max_length)
    elif Path(weights).exists():
        raise UserError(f"model.weights: {weights} is a file, expected the folder with {WEIGHTS}")
    elif not HUB_NAME.fullmatch(weights):
        raise UserError(f"model.weights: {weights}: no such folder, and not the name of a hub's model")


def read_encoder_folder(folder: Path, max_length: int) -> EncoderFolder:
    """The encoder in a PaddleNLP or Hugging Face folder.

    Args:
        max_length: tokens of the longest text that the run will encode.

    Raises:
        UserError: a file is missing or cannot be read, the family is none of :data:`FAMILIES`, the
            weights are pickles or damaged, the vocabulary does not fit the configuration, or ``max_length``
            exceeds the positions.
    """
    file = next((folder / name for name in CONFIGS if (folder / name).is_file()), None)
    if file is None:
        raise UserError(f"model.weights: {folder} has no config.json; expected an encoder's folder")
    described = read_object(file, FIELD)
    # Until version 2.5 PaddleNLP wrote the arguments of its constructors.
    for arguments in _list(described.get("init_args")):
        described = {**arguments, **described} if isinstance(arguments, dict) else described
    family = _family(file, described)
    config = _architecture(file, described)
    _require_safetensors(folder)
    tokenizer = read_tokenizer_files(folder, family)
    _check_vocabulary(file, config, tokenizer)
    config.update(model_type=family, architectures=[f"{FAMILIES[family]}Model"], dtype="float32")
    positions = usable_positions(config)
    if max_length > positions:
        raise UserError(f"data.max_length: found {max_length}, expected at most {positions}, as in {folder}")
    return EncoderFolder(file, config, tokenizer)


def usable_positions(config: dict[str, Any]) -> int:
    """Tokens of the longest text; RoBERTa counts positions from behind its pad token's number."""
    unused = config["pad_token_id"] + 1 if config["model_type"] == "roberta" else 0
    return config.get("max_position_embeddings", 512) - unused


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _family(file: Path, config: dict[str, Any]) -> str:
    model_type = config.get("model_type")
    named = (
        [config.get("init_class"), *_list(config.get("architectures"))]
        if model_type is None
        else [model_type]
    )
    for name in named:
        if str(name) in FAMILIES:
            return name
        match = re.fullmatch(r"(Bert|Roberta|Ernie)(Model|For\w+|LMHeadModel)", str(name))
        if match:
            return match.group(1).lower()
    found = next((name for name in named if name is not None), "neither model_type nor architectures")
    raise UserError(f"model.weights: {file}: found {found}, expected one of {', '.join(FAMILIES)}")


def _architecture(file: Path, described: dict[str, Any]) -> dict[str, Any]:
    config = {name: described[name] for name in ARCHITECTURE if described.get(name) is not None}
    for name, value in config.items():
        if name in SIZES and (type(value) is not int or value < 1):
            raise UserError(f"model.weights: {file}: {name}: found {value!r}, expected a whole number from 1")
        if name in NUMBERS and (type(value) not in (int, float) or value < 0):
            raise UserError(f"model.weights: {file}: {name}: found {value!r}, expected a number from 0")
    return config


def _require_safetensors(folder: Path) -> None:
    if (folder / WEIGHTS).is_file():
        tensor_shapes(folder / WEIGHTS)
        return
    pickles = sorted((f for f in folder.iterdir() if f.suffix in PICKLES), key=lambda f: -f.stat().st_size)
    if pickles:
        raise UserError(
            f"model.weights: {folder} has no {WEIGHTS} but {pickles[0].name}, a pickle, which is not opened; "
            f"expected: python scripts/convert_weights.py {pickles[0]} --output FOLDER"
        )
    raise UserError(f"model.weights: {folder} has no {WEIGHTS}; expected an encoder's folder")


def _check_vocabulary(file: Path, config: dict[str, Any], tokenizer: TokenizerFiles) -> None:
    size = max(tokenizer.tokens.values(), default=-1) + 1
    if size > config.get("vocab_size", size):
        expected = f"expected at most {config['vocab_size']}, as in {file}"
        raise UserError(f"model.weights: {tokenizer.file}: found {size} tokens, {expected}")
    pad_token = tokenizer.settings["pad_token"]
    pad = tokenizer.tokens[pad_token]
    if config.setdefault("pad_token_id", pad) != pad:
        raise UserError(
            f"model.weights: {file}: pad_token_id: found {config['pad_token_id']}, "
            f"expected {pad}, the number of {pad_token} in {tokenizer.file}"
        )

"""The files of an encoder's tokenizer, as far as they matter and without loading it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.json_file import read_object

# Of the configuration, which names the folder.
FIELD = "model.weights"
CLASSES = {"bert": "BertTokenizer", "roberta": "RobertaChineseTokenizer", "ernie": "ErnieTokenizer"}
WORD_PIECES = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
BYTE_PAIRS = {
    "unk_token": "<unk>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
    "mask_token": "<mask>",
}
REQUIRED = ("unk_token", "sep_token", "pad_token", "cls_token")
# What else changes tokens; paths and limits of the machine that a tokenizer comes from do not belong here.
SETTINGS = ("do_lower_case", "strip_accents", "tokenize_chinese_chars", "add_prefix_space")


@dataclass
class TokenizerFiles:
    """A tokenizer.

    Attributes:
        file: the vocabulary.
        names: of all its files, the vocabulary first.
        settings: contents of a ``tokenizer_config.json`` that PaddleNLP's AutoTokenizer understands.
        tokens: the number of each token.
    """

    file: Path
    names: tuple[str, ...]
    settings: dict[str, Any]
    tokens: dict[str, int]


def read_tokenizer_files(folder: Path, family: str) -> TokenizerFiles:
    """Word pieces in ``vocab.txt``; or, of RoBERTa, byte pairs in ``vocab.json`` and ``merges.txt``.

    Raises:
        UserError: a file is missing or cannot be read, or a special token is not in the vocabulary.
    """
    word_pieces = (folder / "vocab.txt").is_file()
    names = ("vocab.txt",) if word_pieces or family != "roberta" else ("vocab.json", "merges.txt")
    for name in names:
        if not (folder / name).is_file():
            also = "" if name == "vocab.txt" else ", nor a vocab.txt"
            raise UserError(f"model.weights: {folder} has no {name}{also}; expected an encoder's folder")
    file = folder / names[0]
    tokens = _word_pieces(file) if names == ("vocab.txt",) else _byte_pairs(file, folder / names[1])
    if not all(type(number) is int for number in tokens.values()):
        raise UserError(f"model.weights: {file}: expected the number of each token")
    settings = _settings(folder, family, names)
    for name in REQUIRED:
        if settings[name] not in tokens:
            raise UserError(f"model.weights: {file}: found no {settings[name]}, expected it as {name}")
    return TokenizerFiles(file, names, settings, tokens)


def _word_pieces(file: Path) -> dict[str, int]:
    try:
        with open(file, encoding="utf-8") as lines:
            return {line.rstrip("\n"): number for number, line in enumerate(lines)}
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"model.weights: {file} cannot be read: {error}") from None


def _byte_pairs(file: Path, merges: Path) -> dict[str, int]:
    try:
        merges.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise UserError(f"model.weights: {merges} cannot be read: {error}") from None
    return read_object(file, FIELD)


def _settings(folder: Path, family: str, names: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            found.update(read_object(folder / name, FIELD))
    word_pieces = names == ("vocab.txt",)
    settings: dict[str, Any] = {"tokenizer_class": CLASSES[family] if word_pieces else "RobertaBPETokenizer"}
    for name, usual in (WORD_PIECES if word_pieces else BYTE_PAIRS).items():
        token = found.get(name, usual)
        settings[name] = str(token["content"] if isinstance(token, dict) and "content" in token else token)
    settings.update({name: found[name] for name in SETTINGS if found.get(name) is not None})
    return settings

"""Unlabelled texts by name; no Paddle here."""

import re
from collections.abc import Callable
from pathlib import Path

from common.errors import UserError
from tasks.sentiment import config as sentiment
from tasks.sentiment.data import normalise, read_data
from tasks.sentiment.decoding import file_encoding
from tasks.sentiment.known_sets import KNOWN_SETS
from tasks.sentiment.reading import Columns, read_rows

TABLES = (".csv", ".tsv", ".jsonl")
SENTENCE_END = re.compile(r"(?<=[。！？!?；;…\n])")


def read_corpus(name: str, data_root: Path, text_column: str) -> list[str]:
    """Different texts of one corpus, in their order.

    Args:
        name: ``online_shopping_pool`` (the training side of its split), ``online_shopping_rest`` (its
            categories that the split leaves out), ``chnsenticorp_train``, or a file below the data
            root: text with a line each, or a table with ``text_column``.

    Raises:
        UserError: no such file, damaged, or without a text.
    """
    named = _NAMED.get(name)
    texts = named(data_root) if named else _read_file(Path(data_root) / name, text_column)
    found = list(dict.fromkeys(text.strip() for text in texts if normalise(text)))
    if not found:
        raise UserError(f"data.stages: {name}: found no text, expected some")
    return found


def evaluation_texts(data_root: Path) -> list[str]:
    """Validation and test texts of the project's suites, as far as their files are there."""
    texts = []
    for name in ("online_shopping", "chnsenticorp"):
        if (Path(data_root) / KNOWN_SETS[name]["path"]).exists():
            splits = _splits(data_root, train=name)
            texts += [review.text for split in ("validation", "test") for review in splits[split]]
    return texts


def _splits(data_root: Path, **fields) -> dict:
    data = sentiment.Data(**fields)
    return read_data(sentiment.Config("sentiment", data=data), data_root).splits


def _pool(data_root: Path) -> list[str]:
    return [r.text for r in _splits(data_root, train="online_shopping", train_size="all")["train"]]


def _rest(data_root: Path) -> list[str]:
    known = KNOWN_SETS["online_shopping"]
    columns = Columns(known["text_column"], known["label_column"], known["group_column"])
    rows = read_rows(Path(data_root) / known["path"], columns)
    return [row.text for row in rows if row.group not in known["groups"]]


def _chnsenticorp(data_root: Path) -> list[str]:
    return [r.text for r in _splits(data_root, train="chnsenticorp", duplicates="drop")["train"]]


_NAMED: dict[str, Callable[[Path], list[str]]] = {
    "online_shopping_pool": _pool,
    "online_shopping_rest": _rest,
    "chnsenticorp_train": _chnsenticorp,
}


def _read_file(path: Path, text_column: str) -> list[str]:
    if path.suffix.lower() in TABLES:
        return [row.text for row in read_rows(path, Columns(text_column))]
    if not path.is_file():
        names = ", ".join(_NAMED)
        raise UserError(f"data.stages: {path}: no such file, and the name is none of {names}")
    with open(path, encoding=file_encoding(path)) as lines:
        return [line.rstrip("\n") for line in lines]


def cut(text: str, longest: int) -> list[str]:
    """Pieces of at most ``longest`` characters, cut at ends of sentences where there are any."""
    pieces, piece = [], ""
    for sentence in SENTENCE_END.split(text):
        while len(sentence) > longest:
            pieces += [piece, sentence[:longest]]
            piece, sentence = "", sentence[longest:]
        if len(piece) + len(sentence) > longest:
            pieces.append(piece)
            piece = ""
        piece += sentence
    return [piece for piece in [*pieces, piece] if piece.strip()]

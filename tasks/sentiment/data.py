"""Labelled reviews, cleaned and split by content; no Paddle here."""

import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from common.seeding import generator
from tasks.sentiment.config import Config

EMBEDDED = Path(__file__).with_name("reviews.csv")


@dataclass(frozen=True)
class Review:
    """A text and the index of its class."""

    text: str
    label: int


@dataclass(frozen=True)
class Data:
    """The reviews of each split, and what is told of them."""

    classes: tuple[str, ...]
    splits: dict[str, list[Review]]

    def summary(self) -> str:
        """Reviews a split and a class, in one line."""
        parts = []
        for name, reviews in self.splits.items():
            counts = [sum(r.label == index for r in reviews) for index in range(len(self.classes))]
            by_class = ", ".join(f"{c}: {n}" for c, n in zip(self.classes, counts))
            parts.append(f"{name} {len(reviews)} reviews ({by_class})")
        return "; ".join(parts)

    def hash(self) -> str:
        """SHA-256 over the texts and labels of every split, in order."""
        digest = hashlib.sha256()
        for name in self.splits:
            digest.update(f"{name} {split_hash(self.splits[name])}".encode())
        return digest.hexdigest()


def split_hash(reviews: list[Review]) -> str:
    """SHA-256 over texts and labels, in order."""
    digest = hashlib.sha256()
    for review in reviews:
        digest.update(f"{review.label}\t{review.text}\n".encode())
    return digest.hexdigest()


def normalise(text: str) -> str:
    """The text without anything but letters, digits and underscores; for comparison only."""
    return re.sub(r"\W", "", text)


def read_data(config: Config, data_root: Path) -> Data:
    """Read, clean and split the reviews.

    Texts that are empty once normalised, duplicates, and texts that occur with different
    labels are dropped. The rest is ordered by the SHA-1 of the normalised text: the first
    ``test_size`` are test, the next ``validation_size`` validation, and ``train_size`` are
    drawn from what is left. So a text's place depends on its content alone.

    Raises:
        UserError: no such file or column, a row without its label, too few texts or classes.
    """
    data = config.data
    path = EMBEDDED if data.train == "embedded" else Path(data_root) / data.train
    rows = _clean(_read_rows(path, config))
    needed = data.test_size + data.validation_size
    pool_size = len(rows) - needed
    size = pool_size if data.train_size is None else data.train_size
    if size < 1 or size > pool_size:
        raise UserError(
            f"{path}: found {len(rows)} different texts, expected at least "
            f"{needed + max(1, data.train_size or 1)} = data.test_size + validation_size + train_size"
        )
    classes = tuple(sorted({label for _, label in rows}))
    if len(classes) < 2:
        raise UserError(
            f"{path}: {data.label_column}: found only {classes[0]!r}, expected two labels or more"
        )
    reviews = [Review(text, classes.index(label)) for text, label in rows]
    reviews.sort(key=lambda review: hashlib.sha1(normalise(review.text).encode()).hexdigest())
    pool = reviews[needed:]
    drawn = generator(data.seed, "draw").permutation(len(pool))[:size]
    splits = {
        "train": [pool[i] for i in sorted(drawn)],
        "validation": reviews[data.test_size : needed],
        "test": reviews[: data.test_size],
    }
    return Data(classes, splits)


def _read_rows(path: Path, config: Config) -> list[tuple[str, str]]:
    data = config.data
    reader = csv.DictReader(io.StringIO(_read_text(path), newline=""))
    rows = []
    try:
        _require_columns(path, reader.fieldnames or [], config)
        for row in reader:
            if data.groups is not None and row[data.group_column] not in data.groups:
                continue
            text, label = row[data.text_column] or "", row[data.label_column] or ""
            if not label.strip():
                line, column = reader.line_num, data.label_column
                raise UserError(f"{path}: line {line}: found no {column}, expected a label")
            rows.append((text.replace("\ufeff", "").strip(), label.strip()))
    except csv.Error as error:
        raise UserError(f"{path}: line {reader.line_num}: is not CSV: {error}") from None
    if not rows:
        raise UserError(f"{path}: found no review, expected rows below the header (see data.groups)")
    return rows


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file (see data.train and --data-root)") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: found bytes that are not UTF-8") from None


def _require_columns(path: Path, found: list[str], config: Config) -> None:
    data = config.data
    wanted = {"text_column": data.text_column, "label_column": data.label_column}
    if data.groups is not None:
        wanted["group_column"] = data.group_column
    for field, column in wanted.items():
        if column not in found:
            names = ", ".join(str(name)[:20] for name in found[:8])
            raise UserError(f"{path}: data.{field}: found no column {column!r}, expected one of {names}")


def _clean(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    first: dict[str, tuple[str, str]] = {}
    conflicting = set()
    for text, label in rows:
        key = normalise(text)
        if key and first.setdefault(key, (text, label))[1] != label:
            conflicting.add(key)
    return [row for key, row in first.items() if key not in conflicting]

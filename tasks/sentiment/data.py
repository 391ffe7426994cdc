"""Labelled reviews, cleaned and split by content; no Paddle here."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

import numpy as np

from common.errors import UserError
from common.seeding import generator
from tasks.sentiment import config as settings
from tasks.sentiment.known_sets import KNOWN_SETS
from tasks.sentiment.reading import Columns, Row, read_rows
from tasks.sentiment.splitting import count, normalise, split_off, without_copies, without_shared

# Characters of a label in a message: the column may hold whole reviews.
LABEL_SHOWN = 30
EMBEDDED = Path(__file__).with_name(KNOWN_SETS["embedded"]["path"])


@dataclass(frozen=True)
class Review:
    """A text, the index of its class, and its group (a product category, say) if there is one."""

    text: str
    label: int
    group: str = ""


@dataclass(frozen=True)
class Data:
    """The reviews of each split, and what was left out on the way to them.

    Attributes:
        classes: labels as written, in the order of their indices.
        splits: reviews of ``train``, ``validation`` and ``test``.
        dropped: how many rows were left out, by reason.
    """

    classes: tuple[str, ...]
    splits: dict[str, list[Review]]
    dropped: Counter = field(default_factory=Counter)

    def summary(self) -> str:
        """Reviews a split and a class, and what was left out, in one line; a warning in another."""
        parts = []
        for name, reviews in self.splits.items():
            counts = Counter(review.label for review in reviews)
            by_class = ", ".join(f"{c}: {counts[index]}" for index, c in enumerate(self.classes))
            parts.append(f"{name} {len(reviews)} reviews ({by_class})")
        if len(self.classes) == 2:
            parts.append(f"f1_positive is of {self.classes[1]} (data.classes)")
        if self.dropped:
            left_out = ", ".join(f"{number} {reason}" for reason, number in self.dropped.items())
            parts.append(f"left out {left_out}")
        line = "; ".join(parts)
        drawn = {review.label for review in self.splits["train"]}
        if len(drawn) == 1:
            only = _short(self.classes[min(drawn)])
            line += (
                f"\nwarning: all of train is {only}, of which nothing is learnt (data.train_size, data.seed)"
            )
        return line

    def hash(self) -> str:
        """SHA-256 over the texts and labels of every split, in order."""
        digest = hashlib.sha256()
        for name in self.splits:
            digest.update(f"{name} {split_hash(self.splits[name])}".encode())
        return digest.hexdigest()

    def seen(self, split: str) -> np.ndarray:
        """Which texts of a split stand in the training split too, bool [n]; compared normalised."""
        known = {normalise(review.text) for review in self.splits["train"]}
        return np.array([normalise(review.text) in known for review in self.splits[split]], bool)


def labels_of(reviews: list[Review]) -> np.ndarray:
    """Indices of the classes, int64 [n]."""
    return np.array([review.label for review in reviews], np.int64)


def split_hash(reviews: list[Review]) -> str:
    """SHA-256 over texts and labels, in order."""
    digest = hashlib.sha256()
    for review in reviews:
        digest.update(f"{review.label}\t{review.text}\n".encode())
    return digest.hexdigest()


def read_data(config: settings.Config, data_root: Path) -> Data:
    """Read, clean and split the reviews.

    A split that has no file of its own is split off the training file by the SHA-1 of the
    normalised text: by share, so that a text never changes sides when rows are added, or, for the
    sets with sizes, the first by that order are test and the next validation. Classes are alike in
    expectation only: one of few texts can miss a split, of which ``check_data.py`` warns.
    ``train_size`` texts are drawn from what is left.

    Texts that are empty once normalised are always left out. With ``duplicates: drop`` so are
    second copies inside a split, texts that occur in it with different labels, and training
    texts that also stand in validation or test, validation texts that stand in test, before
    anything is split off. With ``keep`` all copies of a text that is split off go with it, which
    can make a split greater than its size.

    Raises:
        UserError: a file, a row or a label is wrong, or a split would be empty.
    """
    data = config.data
    dropped: Counter = Counter()
    files = split_files(config, data_root)
    path = files["train"]
    rows = {split: _usable(split, file, data, dropped) for split, file in files.items()}
    classes = _classes(path, rows["train"], data)
    if data.duplicates == "drop":
        rows = without_shared(rows, dropped)
    rows = split_off(path, rows, data)
    for split, left in rows.items():
        if not left:
            raise UserError(f"{files.get(split, path)}: {_nothing_left(split)}")
    known = set(classes) if data.classes else {row.label for row in rows["train"]}
    splits = {"train": _draw(path, _reviews(rows["train"], classes), data)}
    for split in ("validation", "test"):
        _require_known(split, rows[split], known, files.get(split), path)
        splits[split] = _reviews(rows[split], classes)
    _require_names(path, classes)
    _require_weights(config, classes)
    return Data(classes, splits, dropped)


class DataReader:
    """Reads reviews as :func:`read_data` does, but the files once for all draws of training reviews.

    Args:
        data_root: folder of the data sets.
    """

    def __init__(self, data_root: Path):
        self.data_root = data_root
        self._whole: dict[str, Data] = {}

    def read(self, config: settings.Config) -> Data:
        """The reviews of a configuration.

        Raises:
            UserError: as :func:`read_data`.
        """
        whole = replace(config, data=replace(config.data, train_size="all", seed=0))
        key = repr((whole.data, whole.loss))
        if key not in self._whole:
            self._whole[key] = read_data(whole, self.data_root)
        data, path = self._whole[key], split_files(config, self.data_root)["train"]
        drawn = _draw(path, data.splits["train"], config.data)
        return replace(data, splits={**data.splits, "train": drawn})


def _require_names(path: Path, classes: tuple[str, ...]) -> None:
    # Beside f1_NAME of each class, metrics.json has f1_macro of all, and f1_positive of the second of two.
    if "macro" in classes or (len(classes) == 2 and classes[0] == "positive"):
        raise UserError(
            f"{path}: found the classes {', '.join(classes[:8])}, expected positive as the second of two "
            "(data.classes), and none called macro, since metrics have these names"
        )


def _usable(split: str, path: Path, data: settings.Data, dropped: Counter) -> list[Row]:
    found = _read(split, path, data)
    read = [row for row in found if normalise(row.text)]
    count(dropped, "without a letter or digit", len(found) - len(read))
    if not read:
        raise UserError(f"{path}: found no review, expected rows with a text (see data.groups)")
    kept = without_copies(read, dropped) if data.duplicates == "drop" else read
    if not kept:
        raise UserError(f"{path}: {_nothing_left(split)}")
    return kept


def _nothing_left(split: str) -> str:
    return (
        f"found no text of {split} that stands once, with one label and in one split, expected some "
        "(see data.duplicates)"
    )


def _require_weights(config: settings.Config, classes: tuple[str, ...]) -> None:
    weights = config.loss.class_weights
    if isinstance(weights, list) and len(weights) != len(classes):
        raise UserError(
            f"loss.class_weights: found {len(weights)}, expected one for each of {_listed(classes)}"
        )


def split_files(config: settings.Config, data_root: Path) -> dict[str, Path]:
    """The files of a configuration, by split."""
    data = config.data
    train = KNOWN_SETS[data.train]["path"] if data.train in KNOWN_SETS else data.train
    train = EMBEDDED if data.train == "embedded" else train
    named = {"train": train, "validation": data.validation, "test": data.test}
    return {split: Path(data_root) / name for split, name in named.items() if name is not None}


def _read(split: str, path: Path, data: settings.Data) -> list[Row]:
    rows = read_rows(path, Columns(data.text_column, data.label_column, data.group_column))
    if data.groups is None:
        return rows
    # Keys of a dictionary keep the file's order.
    there = list(dict.fromkeys(row.group for row in rows))
    missing = [group for group in data.groups if group not in there]
    if split == "train" and there and missing:
        raise UserError(
            f"{path}: data.groups: found no row whose {data.group_column} is {missing[0]!r}, "
            f"expected some of {', '.join(there[:8])}"
        )
    return [row for row in rows if row.group in data.groups]


def _classes(path: Path, rows: Sequence[Row], data: settings.Data) -> tuple[str, ...]:
    """The classes in order, from all rows of the training file."""
    counts = Counter(row.label for row in rows)
    if data.classes is not None:
        unknown = next((row for row in rows if row.label not in data.classes), None)
        if unknown is not None:
            expected = f"expected one of data.classes: {_listed(data.classes)}"
            raise UserError(
                f"{path}: line {unknown.line}: found the label {_short(unknown.label)}, {expected}"
            )
    if len(counts) < 2:
        raise UserError(
            f"{path}: {data.label_column}: found only {_short(min(counts))}, expected two labels or more"
        )
    needed = 1 + sum(
        file is None and size is None
        for file, size in ((data.test, data.test_size), (data.validation, data.validation_size))
    )
    rare = next((row for row in rows if counts[row.label] < needed), None)
    if rare is not None:
        found = f"found the label {_short(rare.label)} {counts[rare.label]} time(s)"
        expected = f"expected {needed} or more, so that each split can have one"
        raise UserError(f"{path}: line {rare.line}: {found}, {expected}")
    if data.classes is not None:
        return tuple(data.classes)
    if all(re.fullmatch(r"-?\d+(\.\d+)?", label) for label in counts):
        # Numbers written in two ways, 1 and 1.0, have an order too, the same in every process.
        return tuple(sorted(counts, key=lambda label: (float(label), label)))
    return tuple(sorted(counts))


def _require_known(
    split: str, rows: list[Row], known: set[str], own_file: Optional[Path], train_file: Path
) -> None:
    """Refuse a label that training does not have.

    Args:
        own_file: of the split; None if it was split off ``train_file``.
    """
    unknown = next((row for row in rows if row.label not in known), None)
    if unknown is None:
        return
    why = "" if own_file else f"; too few texts have it, none of which {split} leaves to training"
    raise UserError(
        f"{own_file or train_file}: line {unknown.line}: found the label {_short(unknown.label)} in {split}, "
        f"expected one that training has: {_listed(sorted(known))}{why}"
    )


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(label[:LABEL_SHOWN] for label in labels[:8])


def _short(label: str) -> str:
    return repr(label[:LABEL_SHOWN])


def _reviews(rows: list[Row], classes: tuple[str, ...]) -> list[Review]:
    return [Review(row.text, classes.index(row.label), row.group or "") for row in rows]


def _draw(path: Path, pool: list[Review], data: settings.Data) -> list[Review]:
    size = len(pool) if data.train_size in ("all", None) else data.train_size
    if size > len(pool):
        raise UserError(f"{path}: data.train_size: found {size}, expected at most {len(pool)}, or all")
    drawn = generator(data.seed, "draw").permutation(len(pool))[:size]
    return [pool[i] for i in sorted(drawn)]

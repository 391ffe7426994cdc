"""Rows that stand twice, and the splits that rows are divided into by their content; no Paddle here."""

import hashlib
import re
import unicodedata
from collections import Counter
from pathlib import Path

from common.errors import UserError
from tasks.sentiment import config as settings
from tasks.sentiment.reading import Row

# Vowel signs and tones are letters' marks, without which other words come out in Thai or Hindi; the
# selectors of a character's look, as behind emoji, are none.
MARKS = "".join(
    character
    for character in map(chr, range(0x10000))
    if unicodedata.category(character) in ("Mn", "Mc") and not "\ufe00" <= character <= "\ufe0f"
)
NO_LETTER = re.compile(rf"[^\w{MARKS}]")


def normalise(text: str) -> str:
    """The text without anything but letters, their marks, digits and underscores; for comparison only.

    ``A``, ``a`` and the full-width ``Ａ`` stay different: folding them (NFKC) would move 167 of the
    62,774 e-commerce reviews, and with them the splits that results are compared on.
    """
    return NO_LETTER.sub("", text)


def without_copies(rows: list[Row], dropped: Counter) -> list[Row]:
    """The first row of each text, without the texts that stand with two labels.

    Args:
        dropped: what is left out is added to it, in rows.
    """
    first: dict[str, Row] = {}
    conflicting = set()
    for row in rows:
        key = normalise(row.text)
        if first.setdefault(key, row).label != row.label:
            conflicting.add(key)
    kept = [row for key, row in first.items() if key not in conflicting]
    with_two_labels = sum(normalise(row.text) in conflicting for row in rows)
    count(dropped, "with two labels", with_two_labels)
    count(dropped, "duplicates", len(rows) - len(kept) - with_two_labels)
    return kept


def without_shared(rows: dict[str, list[Row]], dropped: Counter) -> dict[str, list[Row]]:
    """Rows by split, without those whose text also stands in test, or, of train, in validation."""
    seen: set[str] = set()
    kept = {}
    for split, later in (("test", ""), ("validation", "test"), ("train", "validation or test")):
        if split not in rows:
            continue
        kept[split] = [row for row in rows[split] if normalise(row.text) not in seen]
        count(dropped, f"of {split} that stand in {later}", len(rows[split]) - len(kept[split]))
        seen |= {normalise(row.text) for row in rows[split]}
    return kept


def count(dropped: Counter, reason: str, number: int) -> None:
    """Add a number of rows that were left out, if there are any."""
    if number:
        dropped[reason] += number


def split_off(path: Path, rows: dict[str, list[Row]], data: settings.Data) -> dict[str, list[Row]]:
    """Rows of all three splits; the ones without a file come from the training file.

    Args:
        path: the training file, for messages.
        rows: of the splits that have a file.

    Raises:
        UserError: a split would be empty or smaller than its size.
    """
    pool = sorted(rows["train"], key=lambda row: _digest(row.text))
    split = dict(rows)
    for name, size, share in (
        ("test", data.test_size, data.test_share),
        ("validation", data.validation_size, data.validation_share),
    ):
        if name in rows:
            continue
        if size is None:
            # Validation is a share of the whole file, of which test took the lowest hashes.
            low = data.test_share if name == "validation" and "test" not in rows else 0.0
            inside = [low <= int(_digest(row.text)[:13], 16) / 16**13 < low + share for row in pool]
            split[name] = [row for row, chosen in zip(pool, inside) if chosen]
            pool = [row for row, chosen in zip(pool, inside) if not chosen]
        else:
            size = _whole_copies(pool, size)
            split[name], pool = pool[:size], pool[size:]
        if not split[name] or len(split[name]) < (size or 1) or not pool:
            raise UserError(
                f"{path}: found {len(rows['train'])} different texts of one label each, too few to split off "
                f"{name} (data.{name}_size, data.{name}_share) and to train on the rest"
            )
    split["train"] = pool
    return split


def _whole_copies(pool: list[Row], size: int) -> int:
    """The least number of rows, of ``size`` or more, behind which no copy of the last one comes."""
    while 0 < size < len(pool) and normalise(pool[size].text) == normalise(pool[size - 1].text):
        size += 1
    return size


def _digest(text: str) -> str:
    return hashlib.sha1(normalise(text).encode()).hexdigest()

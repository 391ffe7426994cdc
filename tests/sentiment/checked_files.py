"""Clean files of the embedded reviews, and what check_data says of them once they are changed."""

import csv
import string

from common.config import build
from common.reporting.findings import Finding
from tasks.sentiment.check import check_data
from tasks.sentiment.config import Config
from tasks.sentiment.data import EMBEDDED
from tasks.sentiment.vocabulary import build_vocabulary

FILES = {"train": "train.csv", "validation": "dev.csv", "test": "test.csv"}
# Lines of a file of 40 rows: the header is line 1, the first row line 2, a row that is added line 42.
ROWS, ADDED = 40, 42


def reviews() -> list[str]:
    with open(EMBEDDED, encoding="utf-8", newline="") as file:
        return [row["review"] for row in csv.DictReader(file)]


REVIEWS = reviews()
SPARE = REVIEWS[200]
GARBLED = SPARE[:9].encode().decode("gb18030", "replace").replace("\ufffd", "")


def clean(folder) -> dict[str, list[list[str]]]:
    """Text and label of the rows of each split; a vocabulary that has all their characters."""
    vocabulary = folder / "bert"
    vocabulary.mkdir()
    tokens = build_vocabulary([*REVIEWS, GARBLED, string.printable])
    (vocabulary / "vocab.txt").write_text("\n".join(tokens), encoding="utf-8")
    starts = {"train": 0, "validation": ROWS, "test": 2 * ROWS}
    return {
        split: [[text, "01"[i % 2]] for i, text in enumerate(REVIEWS[start : start + ROWS])]
        for split, start in starts.items()
    }


def check(folder, rows, **data) -> list[Finding]:
    for split, several in rows.items():
        with open(folder / FILES[split], "w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["text", "label"], *several])
    files = {split: FILES[split] for split in rows}
    values = {"task": "sentiment", "data": {**files, **data}, "model": {"weights": str(folder / "bert")}}
    return check_data(build(Config, values, "test"), folder)[1]


def found(findings: list[Finding]) -> list[tuple]:
    return sorted(
        (f.severity, f.kind, f.count, *(f"{place.file.name}:{place.line}" for place in f.places))
        for f in findings
    )

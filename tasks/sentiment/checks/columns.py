"""Columns that do not hold what the configuration says."""

import re
from collections.abc import Sequence
from statistics import median

from common.reporting.findings import EXAMPLES, Finding, Place, shorten
from tasks.sentiment.checks.source import Source
from tasks.sentiment.data import normalise
from tasks.sentiment.reading import Row

MANY_LABELS = 50
# Fewer rows may well have a label each.
ROWS_TO_JUDGE = 20
FEW_CHARACTERS = 2
NUMBER = re.compile(r"[-+]?[\d.,:/-]+%?")


def check_columns(source: Source) -> list[Finding]:
    """Label columns that look like text, text columns that do not, and the two exchanged."""
    return [finding for split in source.files for finding in _check_file(source, split)]


def _check_file(source: Source, split: str) -> list[Finding]:
    rows, data = source.files[split], source.config.data
    texts = [row.text for row in rows if normalise(row.text)]
    labels = [row.label for row in rows if row.label]
    if not texts or not labels:
        return []
    fault = _text_fault(texts)
    values = _first_of_each(rows)
    label_is_text = len(labels) >= ROWS_TO_JUDGE and len(values) > len(labels) / 2
    name = source.paths[split].name
    shown = [
        Place(source.paths[split], row.line, row.text, f"label {row.label}") for row in values[:EXAMPLES]
    ]
    if label_is_text and fault:
        message = (
            f"{name}: column {data.label_column!r} has {len(values):,} different labels in {len(rows):,} "
            f"rows, column {data.text_column!r} {fault}"
        )
        remedy = f"--data.text_column {data.label_column} --data.label_column {data.text_column}"
        return [Finding("error", "exchanged columns", message, remedy, shown, len(rows))]
    found = []
    if label_is_text or len(values) > MANY_LABELS:
        severity = "error" if label_is_text else "warning"
        example = shorten(max((row.label for row in values), key=len), 30)
        message = (
            f"{name}: column {data.label_column!r} has {len(values):,} different values in {len(rows):,} "
            f"rows, such as {example!r}"
        )
        remedy = "--data.label_column with the column that holds the classes"
        found.append(Finding(severity, "label column", message, remedy, shown, len(values)))
    if fault:
        severity = "warning" if fault.startswith("is very short") else "error"
        message = f"{name}: column {data.text_column!r} {fault}"
        remedy = "--data.text_column with the column that holds the texts"
        shown = source.places(split, rows[:EXAMPLES])
        found.append(Finding(severity, "text column", message, remedy, shown, len(rows)))
    return found


def _text_fault(texts: Sequence[str]) -> str:
    different = len({normalise(text) for text in texts})
    if len(texts) > 1 and (different == 1 or different * 100 <= len(texts)):
        return f"has only {different} different texts in {len(texts):,} rows"
    numbers = sum(bool(NUMBER.fullmatch(text)) for text in texts)
    if numbers > len(texts) / 2:
        return f"holds numbers in {numbers:,} of {len(texts):,} rows"
    middle = median(len(text) for text in texts)
    if middle <= FEW_CHARACTERS:
        return f"is very short: half of its texts have at most {middle:g} characters"
    return ""


def _first_of_each(rows: Sequence[Row]) -> list[Row]:
    first: dict[str, Row] = {}
    for row in rows:
        if row.label:
            first.setdefault(row.label, row)
    return list(first.values())

"""Labelled texts from CSV, TSV and JSON-lines files; no Paddle here."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Optional

from common.errors import UserError
from tasks.sentiment.records import clean, read_records, require_column, require_whole_characters


@dataclass(frozen=True)
class Row:
    """A row of a file.

    Attributes:
        line: its last line in the file, from 1.
        label, group: as written, without white space around it; None where no column is asked for.
    """

    line: int
    text: str
    label: Optional[str] = None
    group: Optional[str] = None


@dataclass(frozen=True)
class Columns:
    """Names of columns; the fields of a configuration that name them are ``data.NAME_column``."""

    text: str
    label: Optional[str] = None
    group: Optional[str] = None

    def wanted(self) -> dict[str, str]:
        """The columns that are asked for, by what they hold."""
        return {name: column for name, column in vars(self).items() if column is not None}


def read_rows(path: Path, columns: Columns, labels_required: bool = True) -> list[Row]:
    """All rows of a file, its format taken from its name; those of a table that are empty are left out.

    Args:
        labels_required: whether a row without a label is refused; its label is empty otherwise.

    Raises:
        UserError: no such file, another format or encoding, no such column, a row that is
            damaged or has no label.
    """
    table = path.suffix.lower() != ".jsonl"
    records = read_records(path, partial(_require_columns, path, columns))
    return [
        _row(path, line, dict(zip(names, values)), columns, labels_required)
        for line, names, values in records
        if any(values) or not table
    ]


def _require_columns(path: Path, columns: Columns, found: list[str]) -> None:
    for name, column in columns.wanted().items():
        require_column(f"{path}: data.{name}_column", column, found)


def _row(path: Path, line: int, values: dict[str, Any], columns: Columns, labels_required: bool) -> Row:
    read = {}
    optional = {"group"} if labels_required else {"group", "label"}
    for name, column in columns.wanted().items():
        value = values.get(column)
        if value is None and name not in optional:
            raise UserError(f"{path}: line {line}: {_missing(column, name, values)}")
        if not isinstance(value or "", str):
            raise UserError(f"{path}: line {line}: {column}: found {type(value).__name__}, expected text")
        read[name] = clean(value or "")
        require_whole_characters(f"{path}: line {line}: {column}", [read[name]])
    if labels_required and read.get("label") == "":
        raise UserError(f"{path}: line {line}: found nothing in {columns.label!r}, expected a label")
    return Row(line, **read)


def _missing(column: str, name: str, values: dict[str, Any]) -> str:
    if column in values:  # of a table, whose row ends before this column
        found = sum(value is not None for value in values.values())
        return f"found {found} of {len(values)} fields, expected {column!r} among them"
    return f"found no {column!r} (data.{name}_column) among {', '.join(list(values)[:8])}"

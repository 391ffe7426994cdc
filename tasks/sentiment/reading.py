"""Labelled texts from CSV, TSV and JSON-lines files; no Paddle here."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Optional

from common.errors import UserError
from tasks.sentiment.records import clean, read_records


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
        if column not in found:
            shown = ", ".join(field[:20] for field in found[:8]) or "a header"
            raise UserError(
                f"{path}: data.{name}_column: found no column {column!r}, expected one of {shown}"
            )
        if found.count(column) > 1:
            raise UserError(
                f"{path}: data.{name}_column: found {found.count(column)} columns {column!r}, expected one"
            )


def _row(path: Path, line: int, values: dict[str, Any], columns: Columns, labels_required: bool) -> Row:
    read = {}
    optional = {"group"} if labels_required else {"group", "label"}
    for name, column in columns.wanted().items():
        value = values.get(column)
        if value is None and name not in optional:
            names = ", ".join(list(values)[:8])
            raise UserError(f"{path}: line {line}: found no {column!r} (data.{name}_column) among {names}")
        if not isinstance(value or "", str):
            raise UserError(f"{path}: line {line}: {column}: found {type(value).__name__}, expected text")
        read[name] = clean(value or "")
        if re.search("[\ud800-\udfff]", read[name]):
            raise UserError(f"{path}: line {line}: {column}: found half of a character (a lone surrogate)")
    if labels_required and read.get("label") == "":
        raise UserError(f"{path}: line {line}: found no {columns.label}, expected a label")
    return Row(line, **read)

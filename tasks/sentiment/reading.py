"""Labelled texts from CSV, TSV and JSON-lines files; no Paddle here."""

import codecs
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from common.errors import UserError

FORMATS = (".csv", ".tsv", ".jsonl")


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
    """All rows of a file, its format taken from its name.

    Args:
        labels_required: whether a row without a label is refused; its label is empty otherwise.

    Raises:
        UserError: no such file, another format or encoding, no such column, a row that is
            damaged or has no label.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: found the ending {suffix!r}, expected one of {', '.join(FORMATS)}")
    text = read_text(path)
    if suffix == ".jsonl":
        records = _json_records(path, text)
    else:
        records = _table_records(path, text, "\t" if suffix == ".tsv" else ",", columns)
    return [_row(path, line, values, columns, labels_required) for line, values in records]


def read_text(path: Path) -> str:
    """A file's text: UTF-8, UTF-16 with a byte-order mark, or GB18030.

    Raises:
        UserError: no such file, or bytes in none of these encodings.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file (see data.train and --data-root)") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
        else:
            if "\0" in text:
                line = text.count("\n", 0, text.index("\0")) + 1
                raise UserError(f"{path}: line {line}: found a zero byte, expected text")
            return text
    raise UserError(f"{path}: line {line}: found bytes that are neither UTF-8 nor GB18030")


def _table_records(
    path: Path, text: str, delimiter: str, columns: Columns
) -> Iterator[tuple[int, dict[str, str]]]:
    lines = None
    if delimiter == "\t":
        # Tab-separated files are seldom quoted: a text that begins with a quotation mark would
        # swallow the lines behind it. Where lines alone do not fit the header, quotes count.
        lines = _unquoted_lines(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = iter(lines) if lines else ((reader.line_num, fields) for fields in reader)
    try:
        _, header = next(rows, (1, []))
        header = [name.replace("\ufeff", "").strip() for name in header]
        _require_columns(path, header, columns)
        for line, fields in rows:
            if len(fields) > len(header):
                raise UserError(
                    f"{path}: line {line}: found {len(fields)} fields, "
                    f"expected {len(header)} as in the header"
                )
            if any(fields):
                yield line, dict(zip(header, [*fields, *[""] * (len(header) - len(fields))]))
    except csv.Error as error:
        kind = "CSV" if delimiter == "," else "TSV"
        raise UserError(f"{path}: line {reader.line_num}: is not {kind}: {error}") from None


def _unquoted_lines(text: str) -> Optional[list[tuple[int, list[str]]]]:
    lines = [line.split("\t") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and lines[-1] == [""]:
        lines.pop()
    if any(len(fields) != len(lines[0]) for fields in lines if fields != [""]):
        return None
    return [(number, [_unquote(field) for field in fields]) for number, fields in enumerate(lines, start=1)]


def _unquote(field: str) -> str:
    inner = field[1:-1]
    whole = len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if whole else field


def _require_columns(path: Path, found: list[str], columns: Columns) -> None:
    for name, column in columns.wanted().items():
        if column not in found:
            shown = ", ".join(field[:20] for field in found[:8]) or "a header"
            raise UserError(
                f"{path}: data.{name}_column: found no column {column!r}, expected one of {shown}"
            )


def _json_records(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, content in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not content.strip("\ufeff \t\r"):
            continue
        try:
            values = json.loads(content.replace("\ufeff", ""))
        except ValueError as error:
            raise UserError(f"{path}: line {line}: is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise UserError(f"{path}: line {line}: found {type(values).__name__}, expected an object")
        yield line, {name: _json_field(value) for name, value in values.items()}


def _json_field(value: Any) -> Any:
    """Numbers and truth values as text, null as an empty one; lists and objects as they are."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, (int, float)) else value


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
        read[name] = (value or "").replace("\ufeff", "").strip()
        if re.search("[\ud800-\udfff]", read[name]):
            raise UserError(f"{path}: line {line}: {column}: found half of a character (a lone surrogate)")
    if labels_required and read.get("label") == "":
        raise UserError(f"{path}: line {line}: found no {columns.label}, expected a label")
    return Row(line, **read)

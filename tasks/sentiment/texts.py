"""Texts to classify, with the columns beside them, from a file or a stream; no Paddle here."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Optional

from common.errors import UserError
from tasks.sentiment.decoding import file_encoding, stream_lines
from tasks.sentiment.records import FORMATS, clean, read_records, require_column, require_whole_characters

LINES = ".txt"
STREAM = "standard input"
LINE_COLUMN = "text"

# The cells of a row as written, and its text as the model sees it, which may be empty.
TextRow = tuple[list[str], str]


@dataclass(frozen=True)
class Texts:
    """Rows that can be gone through once.

    Attributes:
        columns: names of the cells.
        number: of rows; None for a stream, whose end is not known.
    """

    columns: list[str]
    number: Optional[int]
    rows: Iterator[TextRow]


def texts_of_stream(stream: BinaryIO) -> Texts:
    """The lines of a stream, each a text."""
    return Texts([LINE_COLUMN], None, _line_rows(stream_lines(stream, STREAM)))


def texts_of_file(path: Path, text_column: str) -> Texts:
    """The rows of a CSV, TSV or JSON-lines file or the lines of a .txt file, checked to the last.

    Lines of a table or of JSON that hold no character are no rows; those of a .txt file are.

    Raises:
        UserError: no such file, another format or encoding, no text column, a row that is damaged
            or has no text column, or no row at all.
    """
    if not path.exists():
        raise UserError(f"--input: {path}: no such file, expected one, or - for standard input")
    suffix = path.suffix.lower()
    if suffix not in (*FORMATS, LINES):
        expected = f"one of {', '.join((*FORMATS, LINES))}, or - for lines on standard input"
        raise UserError(f"--input: {path}: found the ending {suffix!r}, expected {expected}")
    if suffix == LINES:
        columns, read = [LINE_COLUMN], _file_lines(path)
    else:
        columns = _columns(path, text_column)

        def read() -> Iterator[TextRow]:
            return _record_rows(path, text_column, columns)

    number = sum(1 for _ in read())
    if not number:
        raise UserError(f"--input: {path}: found no text, expected at least one")
    return Texts(columns, number, read())


def _file_lines(path: Path) -> Callable[[], Iterator[TextRow]]:
    encoding = file_encoding(path)

    def read() -> Iterator[TextRow]:
        with open(path, encoding=encoding) as lines:
            yield from _line_rows(line.rstrip("\n") for line in lines)

    return read


def _line_rows(lines: Iterator[str]) -> Iterator[TextRow]:
    for line in lines:
        yield [line], clean(line)


def _columns(path: Path, text_column: str) -> list[str]:
    """Names of a table's columns, or of all fields of JSON lines in order of first appearance."""
    header: list[str] = []

    def check_header(names: list[str]) -> None:
        header.extend(names)
        require_column(f"{path}: --text-column", text_column, names)

    found: dict[str, None] = {}
    for _, names, _ in read_records(path, check_header):
        if header:
            break
        found.update(dict.fromkeys(names))
    return header or list(found)


def _record_rows(path: Path, text_column: str, columns: list[str]) -> Iterator[TextRow]:
    for line, names, values in read_records(path, lambda header: None):
        if text_column not in names:
            shown = ", ".join(name[:20] for name in names[:8])
            raise UserError(f"{path}: line {line}: --text-column: found no {text_column!r} among {shown}")
        values = ["" if value is None else value for value in values]
        text = values[names.index(text_column)]
        if not isinstance(text, str):
            found = type(text).__name__
            raise UserError(f"{path}: line {line}: {text_column}: found {found}, expected text")
        if names != columns:
            by_name = dict(zip(names, values))
            values = [by_name.get(name, "") for name in columns]
        cells = [_cell(value) for value in values]
        require_whole_characters(f"{path}: line {line}", [*names, *cells])
        yield cells, clean(text)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

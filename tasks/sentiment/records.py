"""Records of CSV, TSV and JSON-lines files, one after another however long the file is; no Paddle here."""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from common.errors import UserError
from tasks.sentiment.decoding import file_encoding

FORMATS = (".csv", ".tsv", ".jsonl")
HALF_CHARACTER = re.compile("[\ud800-\udfff]")

# Python's own limit is 131,072 characters a cell, which a long article can exceed.
csv.field_size_limit(2**31 - 1)

# Last line in the file, from 1; names; values. Those of a table are text, None where a row has fewer
# fields than the header, and its list of names is one for all.
Record = tuple[int, list[str], list[Any]]


def read_records(path: Path, check_header: Callable[[list[str]], None]) -> Iterator[Record]:
    """The records of a file, its format taken from its name; lines without a character are none.

    The file is read once for its encoding, a TSV once more for whether it is quoted, and then
    for its records.

    Args:
        check_header: called with the names in a table's first line, before the first record.

    Raises:
        UserError: no such file, another format or encoding, or a damaged record.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: found the ending {suffix!r}, expected one of {', '.join(FORMATS)}")
    encoding = file_encoding(path)
    if suffix == ".jsonl":
        return _json_records(path, encoding)
    return _table_records(path, encoding, "\t" if suffix == ".tsv" else ",", check_header)


def clean(text: str) -> str:
    """A text as models see it: without byte-order marks, and without white space around it."""
    return text.replace("\ufeff", "").strip()


def require_column(field: str, column: str, found: list[str]) -> None:
    """Refuse a header in which a column does not stand once.

    Args:
        field: what an error begins with: the file, and the field or flag that names the column.
    """
    if not any(found):
        raise UserError(f"{field}: found no header, expected a first line with {column!r}")
    if column not in found:
        shown = ", ".join(name[:20] for name in found[:8])
        raise UserError(f"{field}: found no column {column!r}, expected one of {shown}")
    if found.count(column) > 1:
        raise UserError(f"{field}: found {column!r} twice, expected one such column")


def require_whole_characters(place: str, texts: Iterable[str]) -> None:
    """Refuse texts with a half of a surrogate pair, which JSON can name and nothing can write.

    Args:
        place: what an error begins with.
    """
    if any(HALF_CHARACTER.search(text) for text in texts):
        raise UserError(f"{place}: found half of a character (a lone surrogate), expected whole ones")


def _table_records(
    path: Path, encoding: str, delimiter: str, check_header: Callable[[list[str]], None]
) -> Iterator[Record]:
    # Tab-separated files are seldom quoted: a text that begins with a quotation mark would
    # swallow the lines behind it. Where lines alone do not fit the header, quotes count.
    unquoted = delimiter == "\t" and _lines_fit_header(path, encoding)
    with open(path, encoding=encoding, newline=None if unquoted else "") as file:
        rows = _unquoted_rows(file) if unquoted else _quoted_rows(path, file, delimiter)
        header = [clean(name) for name in next(rows, (1, []))[1]]
        check_header(header)
        for line, fields in rows:
            if len(fields) > len(header):
                raise UserError(
                    f"{path}: line {line}: found {len(fields)} fields, "
                    f"expected {len(header)} as in the header"
                )
            yield line, header, [*fields, *[None] * (len(header) - len(fields))]


def _lines_fit_header(path: Path, encoding: str) -> bool:
    with open(path, encoding=encoding) as lines:
        columns = next(lines, "").count("\t")
        return all(line.count("\t") == columns or line == "\n" for line in lines)


def _unquoted_rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        if line != "\n":
            yield number, [_unquote(field) for field in line.rstrip("\n").split("\t")]


def _unquote(field: str) -> str:
    inner = field[1:-1]
    whole = len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if whole else field


def _quoted_rows(path: Path, lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begun = 1
    try:
        for fields in reader:
            if fields or reader.line_num == 1:
                yield reader.line_num, fields
            begun = reader.line_num + 1
    except csv.Error as error:
        if reader.line_num > begun:
            found = "found a quotation mark that is not closed, expected its partner"
            raise UserError(f"{path}: line {begun}: {found} ({error} in line {reader.line_num})") from None
        kind = "CSV" if delimiter == "," else "TSV"
        raise UserError(f"{path}: line {begun}: is not {kind}: {error}") from None


def _json_records(path: Path, encoding: str) -> Iterator[Record]:
    with open(path, encoding=encoding, newline="\n") as lines:
        for line, content in enumerate(lines, start=1):
            if not content.strip("\ufeff \t\r\n"):
                continue
            content = content.replace("\ufeff", "").rstrip("\r\n")
            try:
                values = json.loads(content, object_pairs_hook=_different_names)
            except json.JSONDecodeError as error:
                expected = "expected an object on each line"
                found = f"is not JSON from column {error.colno} on ({error.msg})"
                raise UserError(f"{path}: line {line}: {found}, {expected}") from None
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}: line {line}: is not JSON: {error}") from None
            if not isinstance(values, dict):
                raise UserError(f"{path}: line {line}: found {type(values).__name__}, expected an object")
            yield line, list(values), [_json_field(value) for value in values.values()]


def _different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"found {twice!r} twice, expected each name once")
    return values


def _json_field(value: Any) -> Any:
    """Numbers and truth values as text, null as an empty one; lists and objects as they are."""
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, (int, float)) else value

"""Which board, panel or lot each picture shows; no Paddle here."""

import csv
import io
import re
from pathlib import Path
from typing import Optional, Union

from common.errors import UserError
from tasks.pcb.formats.records import PICTURE_FOLDERS, BoxSet, Entry, text_lines


def groups_of(found: BoxSet, root: Path, group: Union[int, str, None], table: Optional[str]) -> list[str]:
    """The group of each entry; empty texts where nothing tells groups.

    Args:
        group: a level of the folders that a picture stands in, 1 the first below the root and -1 the one
            that holds it; a regular expression whose parentheses pick the group out of the picture's
            path; or a column of ``table``, or of the images of a COCO file. By default the folder in
            DeepPCB's layout.
        table: a CSV file with a column ``picture``, below the root.

    Raises:
        UserError: a picture for which it tells no group.
    """
    if group is None:
        own = found.format == "deeppcb"
        return [entry.name.split("/")[-2] if own and "/" in entry.name else "" for entry in found.entries]
    if isinstance(group, int):
        return [_folder(entry, group) for entry in found.entries]
    if table is not None:
        rows = _read_table(root / table, group)
        return [_row(root / table, rows, entry) for entry in found.entries]
    if "(" in group:
        pattern = _compile(group)
        return [_match(entry, pattern) for entry in found.entries]
    return [_column(entry, group) for entry in found.entries]


def _folder(entry: Entry, level: int) -> str:
    folders = entry.name.split("/")[:-1]
    index = level - 1 if level > 0 else level
    if level == 0 or not -len(folders) <= index < len(folders):
        raise UserError(
            f"data.group: found level {level}, but {entry.name:.200} stands in {len(folders)} folders, "
            "expected 1 for the first, -1 for the last"
        )
    return folders[index]


def _compile(text: str) -> "re.Pattern[str]":
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise UserError(f"data.group: found {text!r:.80}, expected a regular expression: {error}") from None
    if pattern.groups != 1:
        found = f"found {pattern.groups} groups in {text!r:.80}"
        raise UserError(f"data.group: {found}, expected one pair of parentheses around the board")
    return pattern


def _match(entry: Entry, pattern: "re.Pattern[str]") -> str:
    match = pattern.search(entry.name)
    if match is None or not match.group(1):
        raise UserError(f"data.group: found no match of {pattern.pattern!r:.80} in {entry.name:.200}")
    return match.group(1)


def _column(entry: Entry, column: str) -> str:
    value = entry.columns.get(column)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).strip():
        expected = (
            "expected a column of data.group_table or of COCO's images, or a regular expression with (...)"
        )
        raise UserError(f"data.group: found no {column!r:.40} at {entry.name:.200}, {expected}")
    return str(value).strip()


def _read_table(path: Path, column: str) -> dict[str, str]:
    lines = text_lines(path)
    rows = list(csv.reader(io.StringIO("\n".join(line for _, line in lines))))
    header = [name.strip() for name in rows[0]] if rows else []
    for wanted, field in (("picture", "data.group_table"), (column, "data.group")):
        if wanted not in header:
            shown = ", ".join(name[:20] for name in header[:8]) or "nothing"
            raise UserError(f"{path}: {field}: found no column {wanted!r:.40}, expected one of {shown}")
    groups: dict[str, str] = {}
    for (line, _), row in zip(lines[1:], rows[1:]):
        if len(row) != len(header):
            raise UserError(f"{path}: line {line}: found {len(row)} fields, expected {len(header)}")
        values = dict(zip(header, (value.strip() for value in row)))
        parts = values["picture"].replace("\\", "/").split("/")
        name = "/".join(part for part in parts if part not in (".", *PICTURE_FOLDERS))
        if not values[column]:
            raise UserError(f"{path}: line {line}: found nothing in {column!r:.40}, expected a board")
        if groups.setdefault(name, values[column]) != values[column]:
            raise UserError(f"{path}: line {line}: found {name!r:.80} in a second group, expected one")
    return groups


def _row(path: Path, rows: dict[str, str], entry: Entry) -> str:
    stem = entry.name.rpartition(".")[0]
    names = (entry.name, stem, entry.name.rpartition("/")[2], stem.rpartition("/")[2])
    found = next((rows[name] for name in names if name in rows), None)
    if found is None:
        raise UserError(f"{path}: found no row of {entry.name:.200}, expected it in the column 'picture'")
    return found

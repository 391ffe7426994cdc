"""The files of a configuration and the splits that training makes of them, each row with its line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from common.errors import UserError
from common.reporting.findings import Place
from tasks.sentiment.config import Config
from tasks.sentiment.data import Data, normalise, read_data, split_files
from tasks.sentiment.reading import Columns, Row, read_rows


@dataclass(frozen=True)
class Source:
    """What is checked.

    Attributes:
        paths: the file that the rows of each split come from.
        files: all rows of each file, by the split that it is given for; labels may be empty.
        splits: the rows of each split as training reads them, by line; where training refuses the files,
            all their rows that have a text and a label.
        data: what training reads, None where it refuses.
        refusal: what it says then.
    """

    config: Config
    paths: dict[str, Path]
    files: dict[str, list[Row]]
    splits: dict[str, list[Row]]
    data: Optional[Data]
    refusal: str

    @property
    def drops(self) -> bool:
        """Whether training leaves duplicates out."""
        return self.config.data.duplicates == "drop"

    def place(self, split: str, row: Row, detail: str = "") -> Place:
        """Where a row stands."""
        return Place(self.paths[split], row.line, row.text, detail)

    def places(self, split: str, rows: list[Row]) -> list[Place]:
        """Where rows of one split stand."""
        return [self.place(split, row) for row in rows]


def read_source(config: Config, data_root: Path) -> Source:
    """Read the files, and the splits if training takes them.

    Raises:
        UserError: a file or one of its rows cannot be read, or no row is left.
    """
    data = config.data
    columns = Columns(data.text_column, data.label_column, data.group_column)
    paths = split_files(config, data_root)
    files = {}
    for split, path in paths.items():
        rows = read_rows(path, columns, labels_required=False)
        files[split] = [row for row in rows if data.groups is None or row.group in data.groups]
        if not files[split]:
            raise UserError(f"{path}: found no review, expected rows with a text (see data.groups)")
    try:
        read, refusal = read_data(config, data_root), ""
    except UserError as error:
        read, refusal = None, str(error)
    splits = _rows_of_splits(read, files) if read else _usable(files)
    paths = {split: paths.get(split, paths["train"]) for split in splits}
    return Source(config, paths, files, splits, read, refusal)


def _rows_of_splits(data: Data, files: dict[str, list[Row]]) -> dict[str, list[Row]]:
    standing: dict[tuple[str, str, str], list[Row]] = {}
    for split, rows in files.items():
        for row in rows:
            standing.setdefault((split, row.text, row.label), []).append(row)
    splits = {}
    for split, reviews in data.splits.items():
        file = split if split in files else "train"
        rows = [standing[file, r.text, data.classes[r.label]].pop(0) for r in reviews]
        splits[split] = sorted(rows, key=lambda row: row.line)
    return splits


def _usable(files: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {split: [r for r in rows if r.label and normalise(r.text)] for split, rows in files.items()}

"""The CSV file that predictions are written to while they are computed."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Optional

from common.csv_lines import csv_writer
from common.errors import Interrupted, UserError, refused_writing

NAME = "predictions.csv"


class PredictionFile:
    """A context in which rows are written; the file gets its name when it ends well.

    When it ends early, the rows so far stay in a file that ends with ``.partial``, and the error
    says so; without any row nothing stays.

    Args:
        folder: made if it is not there; None for standard output.
        header: names of the columns.

    Raises:
        UserError: the file cannot be written.
    """

    def __init__(self, folder: Optional[Path], header: list[str]):
        self.header, self.rows = header, 0
        self.final = None if folder is None else folder / NAME
        self.place = Path("standard output")
        if folder is not None:
            self.place = folder / f"{NAME}.{os.getpid()}.partial"

    def __enter__(self) -> "PredictionFile":
        text = {"mode": "w", "encoding": "utf-8", "newline": ""}
        with refused_writing(self.place):
            if self.final is None:
                # Whatever the terminal's encoding, what is piped on is UTF-8.
                self.file = open(sys.stdout.fileno(), closefd=False, **text)
            else:
                self.place.parent.mkdir(parents=True, exist_ok=True)
                self.file = open(self.place, **text)
        self.writer = csv_writer(self.file)
        return self

    def write(self, rows: Iterable[list[str]]) -> None:
        """Add rows; when this returns, they are in the file."""
        with refused_writing(self.place):
            if not self.rows:
                self.writer.writerow(self.header)
            for row in rows:
                self.writer.writerow(row)
                self.rows += 1
            self.file.flush()

    def __exit__(self, kind, error, traceback) -> None:
        with refused_writing(self.place):
            self.file.close()
            if self.final is not None and kind is None:
                os.replace(self.place, self.final)
            elif self.final is not None and not self.rows:
                self.place.unlink()
        if kind is not None and self.final is not None and self.rows:
            kept = f"{self.rows:,} finished rows are in {self.place}"
            if issubclass(kind, UserError):
                raise UserError(f"{error}; {kept}") from None
            if issubclass(kind, KeyboardInterrupt):
                raise Interrupted(kept) from None

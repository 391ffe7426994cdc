"""CSV files whose cells come back as they were written."""

import csv
from typing import Any, TextIO


def csv_writer(file: TextIO) -> Any:
    """A ``csv.writer`` whose lines end with a line feed.

    Python quotes a cell for the characters of the line end it was given, and a lone carriage return
    that is not quoted ends the line for every reader. So the writer is given both characters, and
    the carriage return in front of the line feed is taken off again.
    """
    return csv.writer(_LineFeeds(file), lineterminator="\r\n")


class _LineFeeds:
    def __init__(self, file: TextIO):
        self.file = file

    def write(self, line: str) -> int:
        return self.file.write(f"{line[:-2]}\n")

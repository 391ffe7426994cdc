"""Tables that the commands wrote, read again."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from common.errors import UserError


def read_table(path: Path, columns: Sequence[str] = (), text: bool = False) -> pd.DataFrame:
    """A CSV file, such as a run's ``history.csv``.

    Args:
        columns: that it must have.
        text: cells as they stand, so that "NA" is a text and not a gap; else numbers where all are.

    Raises:
        UserError: no such file, no table, or one without a column.
    """
    try:
        rows = pd.read_csv(path, dtype=str if text else None, keep_default_na=not text)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(f"{path}: is damaged: {str(error).splitlines()[0]}") from None
    for column in columns:
        if column not in rows:
            found = ", ".join(map(str, rows.columns[:8]))
            raise UserError(f"{path}: found no column {column!r}, expected it beside {found:.100}")
    return rows

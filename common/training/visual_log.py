"""A run's history for VisualDL."""

from pathlib import Path
from typing import Any


def log_row(folder: Path, row: dict[str, Any]) -> None:
    """Add the numbers of a row of history at its update; ``visualdl --logdir`` shows the folder.

    The one file is appended to, so that a resumed run continues it.
    """
    # Slow to import, and asked for by few.
    from visualdl import LogWriter

    with LogWriter(logdir=str(folder), file_name="vdlrecords.history.log") as writer:
        for name, value in row.items():
            if isinstance(value, (int, float)):
                writer.add_scalar(tag=name, step=row["step"], value=value)

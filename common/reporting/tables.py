"""Tables for the terminal."""

import io
from typing import Any

from rich.console import Console
from rich.table import Table


def metrics_table(metrics: dict[str, dict[str, Any]]) -> str:
    """A row a metric, a column a split (or a run)."""
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [[name, *(show(values.get(name)) for values in metrics.values())] for name in names]
    return text_table(["metric", *metrics], rows)


def text_table(columns: list[str], rows: list[list[str]], title: str = "") -> str:
    """A table as text; every column but the first is aligned at the right."""
    table = Table(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    text = io.StringIO()
    Console(file=text, width=200, color_system=None, markup=False, emoji=False).print(table)
    return text.getvalue().rstrip()


def rows_table(rows: list[dict[str, Any]], title: str = "") -> str:
    """A table of rows with the same keys, its columns."""
    columns = list(rows[0]) if rows else []
    return text_table(columns, [[compact(row[name]) for name in columns] for row in rows], title)


def compact(value: Any) -> str:
    """Three significant digits of a float, thousands apart in a whole number, a dash for nothing."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def show(value: Any) -> str:
    """Four digits after the point, or a dash where there is nothing."""
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)

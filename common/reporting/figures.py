"""Figures as files that are there whole or not at all."""

from pathlib import Path

import matplotlib.pyplot as plt

from common.whole_file import whole_file


def save_figure(figure: plt.Figure, path: Path, dpi: int) -> None:
    """Write a figure as PNG and close it.

    Raises:
        UserError: it cannot be written.
    """
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, dpi=dpi, format="png")
    finally:
        plt.close(figure)

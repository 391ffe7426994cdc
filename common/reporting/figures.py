"""Figures as files that are there whole or not at all."""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.text import Text

from common.reporting.fonts import find_font
from common.whole_file import whole_file


def save_figure(figure: plt.Figure, path: Path, dpi: int) -> None:
    """Write a figure as PNG and close it; texts beyond ASCII in a font that has them, where there is one.

    Raises:
        UserError: it cannot be written.
    """
    for text in figure.findobj(Text):
        font = None if text.get_text().isascii() else find_font(text.get_text())
        if font is not None:
            properties = text.get_fontproperties().copy()
            properties.set_file(font)
            text.set_fontproperties(properties)
    try:
        with whole_file(path) as partial:
            figure.savefig(partial, dpi=dpi, format="png")
    finally:
        plt.close(figure)

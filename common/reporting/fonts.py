"""Fonts of this machine, for texts in plots and pictures; matplotlib brings one of them along."""

import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Optional

OWN = "fonts/ttf/DejaVuSans.ttf"


def find_font(text: str) -> Optional[Path]:
    """The file of a font that has all characters of a text, and ASCII; None where no font has."""
    return _find_font(frozenset(text) - frozenset(string.printable))


@cache
def _find_font(characters: frozenset[str]) -> Optional[Path]:
    needed = characters | set(string.ascii_letters)
    return next((file for file in _files() if _has(file, needed)), None)


def _files() -> Iterator[Path]:
    """Matplotlib's own font, then those of the system, regular ones first."""
    # Here, since it is slow to import and a mistake in flags should be answered before.
    import matplotlib
    from matplotlib.font_manager import findSystemFonts

    yield Path(matplotlib.get_data_path()) / OWN
    # What the font manager has listed in its cache lacks fonts that were installed since.
    yield from sorted(map(Path, findSystemFonts()), key=lambda file: ("Regular" not in file.stem, file.name))


def _has(file: Path, characters: frozenset[str]) -> bool:
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(file))
    except (OSError, RuntimeError):
        return False
    # Fonts of pictures, such as coloured emoji, have sizes of their own.
    return bool(font.scalable) and all(font.get_char_index(ord(c)) for c in characters)

"""Boxes drawn into pictures."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.reporting.fonts import find_font

# Blue, green, red; bright enough for black and dark enough for white.
COLOURS = (
    (36, 36, 220),
    (200, 110, 0),
    (40, 150, 40),
    (190, 60, 190),
    (0, 130, 230),
    (150, 150, 0),
    (90, 90, 160),
    (120, 60, 20),
)
# Pixels of a picture's longer side for each of a line's width.
PIXELS_A_LINE = 640
# Pixels for each of a line's width.
FONT_SIZE = 12


def draw_boxes(
    image: np.ndarray, boxes: np.ndarray, labels: Sequence[int], texts: Sequence[str]
) -> np.ndarray:
    """A colour copy of a picture with boxes, each in its class's colour, and a text over it.

    Args:
        image: uint8 [height, width, 1 or 3].
        boxes: float [n, 4], half-open pixels.
        labels: of each box, which decides its colour.
        texts: of each box, whose characters some font should have, see :func:`drawable_name`.

    Returns:
        uint8 [height, width, 3].
    """
    drawn = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    width = max(1, round(max(image.shape) / PIXELS_A_LINE))
    placed = []
    for box, label in zip(boxes, labels):
        # The line lies around the box, so that a small defect stays visible in it.
        (x1, y1), (x2, y2) = np.floor(box[:2]).astype(int) - width, np.ceil(box[2:]).astype(int) + width - 1
        colour = COLOURS[label % len(COLOURS)]
        corners = (int(x1), int(y1)), (int(x2), int(y2))
        cv2.rectangle(drawn, *corners, colour, width)
        placed.append((corners, colour))
    canvas = Image.fromarray(drawn)
    draw = ImageDraw.Draw(canvas)
    for text, (corners, colour) in zip(texts, placed):
        # A name of several lines is drawn in one.
        _write(draw, " ".join(text.split()), corners, colour, width, drawn.shape[1])
    return np.array(canvas)


def _write(
    draw: ImageDraw.ImageDraw, text: str, corners, colour: tuple[int, int, int], width: int, side: int
) -> None:
    """A text over a box, under it where the picture ends, and moved in from the right edge."""
    font = _font(find_font(text) or find_font(""), FONT_SIZE * width)
    _, _, length, height = draw.textbbox((0, 0), text, font, anchor="lt", stroke_width=width)
    (x, top), (_, bottom) = corners
    x = max(0, min(x, side - length))
    y = top - height - width if top - height >= width else bottom + 2 * width
    draw.text((x, y), text, colour, font, anchor="lt", stroke_width=width, stroke_fill=(255, 255, 255))


@lru_cache(maxsize=32)
def _font(file: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(file), size)


def drawable_name(classes: Sequence[str], label: int) -> str:
    """The name of a class where a font of this machine has it, else its number, counted from 1."""
    return classes[label] if find_font(classes[label]) else str(label + 1)


def numbered_names(classes: Sequence[str]) -> str:
    """What the numbers mean that stand for names which no font has; empty if there is none."""
    numbered = [f"{i} {name}" for i, name in enumerate(classes, start=1) if not find_font(name)]
    return f"Classes: {', '.join(numbered)}." if numbered else ""

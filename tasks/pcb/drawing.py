"""Boxes drawn into pictures."""

from collections.abc import Sequence

import cv2
import numpy as np

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


def draw_boxes(
    image: np.ndarray, boxes: np.ndarray, labels: Sequence[int], texts: Sequence[str]
) -> np.ndarray:
    """A colour copy of a picture with boxes, each in its class's colour, and a text over it.

    Args:
        image: uint8 [height, width, 1 or 3].
        boxes: float [n, 4], half-open pixels.
        labels: of each box, which decides its colour.
        texts: of each box; OpenCV draws ASCII alone.

    Returns:
        uint8 [height, width, 3].
    """
    drawn = np.ascontiguousarray(np.broadcast_to(image, (*image.shape[:2], 3)))
    width = max(1, round(max(image.shape) / PIXELS_A_LINE))
    for box, label, text in zip(boxes, labels, texts):
        # The line lies around the box, so that a small defect stays visible in it.
        (x1, y1), (x2, y2) = np.floor(box[:2]).astype(int) - width, np.ceil(box[2:]).astype(int) + width - 1
        colour = COLOURS[label % len(COLOURS)]
        corners = (int(x1), int(y1)), (int(x2), int(y2))
        cv2.rectangle(drawn, *corners, colour, width)
        _write(drawn, text, corners, colour, width)
    return drawn


def _write(drawn: np.ndarray, text: str, corners, colour: tuple[int, int, int], width: int) -> None:
    """A text over a box, under it where the picture ends, and moved in from the right edge."""
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.4 * width
    (length, height), _ = cv2.getTextSize(text, font, scale, width)
    (x, top), (_, bottom) = corners
    x = max(0, min(x, drawn.shape[1] - length))
    y = top - 2 * width if top - height >= 2 * width else bottom + height + 2 * width
    cv2.putText(drawn, text, (x, y), font, scale, (255, 255, 255), 3 * width, cv2.LINE_AA)
    cv2.putText(drawn, text, (x, y), font, scale, colour, width, cv2.LINE_AA)


def drawable_name(classes: Sequence[str], label: int) -> str:
    """The name of a class where the fonts of a plot have it, else its number, counted from 1."""
    return classes[label] if classes[label].isascii() else str(label + 1)

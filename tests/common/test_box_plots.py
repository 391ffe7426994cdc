"""Boxes are drawn where they lie."""

import cv2
import numpy as np
import pytest

from common.reporting.box_plots import DrawnBox, Panel, plot_boxes


def extent(mask: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of the pixels that are set."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


@pytest.mark.parametrize(("height", "width"), [(100, 100), (50, 200), (300, 120)])
def test_a_box_lies_on_its_pixels(tmp_path, height, width):
    image = np.zeros((height, width, 1), np.uint8)
    box = np.array([0.2 * width, 0.3 * height, 0.6 * width, 0.8 * height])
    plot_boxes([Panel("", image, [DrawnBox(box, "#ff0000")])], tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png")).astype(int)
    blue, green, red = sheet.transpose(2, 0, 1)
    drawn = (red > 200) & (green < 60) & (blue < 60)
    frame = extent((red + green + blue < 60) | drawn)
    scale = (frame[2:] - frame[:2]) / (width, height)
    found = (extent(drawn) - np.tile(frame[:2], 2)) / np.tile(scale, 2)
    # A line is 1.6 points wide, half of it outside the box.
    assert found == pytest.approx(box, abs=2.5 / scale.min())


def test_colour_stays_and_panels_without_boxes_or_with_odd_titles_are_drawn(tmp_path):
    colour = np.broadcast_to(np.uint8([10, 200, 30]), (40, 40, 3))
    grey = np.full((40, 40, 1), 128, np.uint8)
    panels = [Panel("$x^ of 5 $", grey, []), Panel("", colour, [DrawnBox((0, 0, 40, 40), "red", "$a")])] * 2
    plot_boxes(panels, tmp_path / "plots" / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "plots" / "sheet.png"))
    assert sheet.shape == (1080, 1560, 3)
    for shown in ((30, 200, 10), (128, 128, 128)):
        assert (sheet == shown).all(axis=2).sum() > 200 * 200

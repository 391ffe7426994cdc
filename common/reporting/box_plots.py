"""Pictures with boxes drawn on them, several on one sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.patches import Rectangle  # noqa: E402

from common.reporting.figures import save_figure  # noqa: E402

COLUMNS = 3


@dataclass(frozen=True)
class DrawnBox:
    """Corners x1, y1, x2, y2 in pixels, a colour, and a few words or none."""

    corners: Sequence[float]
    colour: str
    text: str = ""


@dataclass(frozen=True)
class Panel:
    """A picture, uint8 [height, width, 1 or 3 as red, green, blue], its title and its boxes."""

    title: str
    image: np.ndarray
    boxes: Sequence[DrawnBox]


def plot_boxes(panels: Sequence[Panel], path: Path) -> None:
    """One sheet of all panels, row by row, three in a row."""
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    size = (5.2 * columns, 5.4 * rows)
    figure, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, panel in zip(axes.flat, panels):
        _draw(axis, panel)
    save_figure(figure, path, 100)


def _draw(axis: plt.Axes, panel: Panel) -> None:
    height, width = panel.image.shape[:2]
    image = panel.image[:, :, 0] if panel.image.shape[2] == 1 else panel.image
    # Half-open pixels: the corner of the first pixel is at 0, not at its centre.
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    axis.set_title(_mathless(panel.title), fontsize=9)
    for box in panel.boxes:
        x1, y1, x2, y2 = map(float, box.corners)
        axis.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, ec=box.colour, lw=1.6))
        if box.text:
            # Above the box, or in its corner at the top of the picture.
            above = y1 > 0.05 * height
            words = axis.annotate(
                _mathless(box.text),
                (min(x1, 0.8 * width), y1),
                xytext=(1, 2 if above else -2),
                textcoords="offset points",
                va="bottom" if above else "top",
                fontsize=7.5,
                color="white",
                bbox={"facecolor": box.colour, "edgecolor": "none", "pad": 1},
            )
            words.set_in_layout(False)


def _mathless(text: str) -> str:
    return text.replace("$", r"\$")

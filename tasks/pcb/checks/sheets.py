"""Contact sheets: pictures of each class with their boxes drawn."""

from pathlib import Path

import numpy as np

from common.reporting.box_plots import DrawnBox, Panel, plot_boxes
from common.reporting.fonts import find_font
from common.reporting.page import HtmlImage, Section
from common.seeding import generator
from tasks.pcb.checks.source import Checked, Source
from tasks.pcb.drawing import COLOURS, drawable_name, numbered_names
from tasks.pcb.images import read_image

PICTURES_A_CLASS = 3
PANELS_A_SHEET = 24
MOST_CLASSES = 40
# Pixels; of larger pictures a part of this side is drawn, in which small defects can be seen.
WINDOW = 700


def class_sheets(source: Source, plots: Path) -> list[Section]:
    """A few pictures of each class, drawn into files in ``plots``; none without a box."""
    panels = []
    for label in range(len(source.classes)):
        pictures = [p for chosen in source.splits.values() for p in chosen if (p.labels == label).any()]
        order = generator(0, "contact sheet", label).permutation(len(pictures))[:PICTURES_A_CLASS]
        panels += [class_panel(source, pictures[i], label) for i in order]
    panels = panels[: MOST_CLASSES * PICTURES_A_CLASS]
    images = []
    for number, start in enumerate(range(0, len(panels), PANELS_A_SHEET), start=1):
        path = plots / f"contact_sheet_{number}.png"
        plot_boxes(panels[start : start + PANELS_A_SHEET], path)
        images.append(HtmlImage(path, "pictures of each class with their boxes"))
    if not images:
        return []
    text = f"Up to {PICTURES_A_CLASS} pictures of each class, drawn by chance; of large ones a part."
    return [Section("Contact sheet", f"{text} {numbered_names(source.classes)}".strip(), images=images)]


def class_panel(source: Source, picture: Checked, label: int) -> Panel:
    """A picture around its first box of a class, with all boxes that lie there."""
    image = read_image(picture.path, source.config.data.bits)
    height, width = image.shape[:2]
    box = picture.boxes[np.flatnonzero(picture.labels == label)[0]]
    side = max(WINDOW, round(1.5 * float((box[2:] - box[:2]).max())))
    left, top = (
        int(np.clip((low + high - side) // 2, 0, max(0, whole - side)))
        for low, high, whole in zip(box[:2], box[2:], (width, height))
    )
    part = image[top : top + side, left : left + side, ::-1]
    shifted = picture.boxes - np.float32([left, top, left, top])
    inside = (shifted[:, :2] < part.shape[1::-1]).all(axis=1) & (shifted[:, 2:] > 0).all(axis=1)
    boxes = [
        DrawnBox(corners, colour_of(index), drawable_name(source.classes, index))
        for corners, index in zip(shifted[inside], picture.labels[inside])
    ]
    name = picture.path.name if find_font(picture.path.name) else ascii(picture.path.name)
    return Panel(f"{drawable_name(source.classes, label)}: {name}", part, boxes)


def colour_of(label: int) -> str:
    """The colour of a class, as plots take it."""
    blue, green, red = COLOURS[label % len(COLOURS)]
    return f"#{red:02x}{green:02x}{blue:02x}"

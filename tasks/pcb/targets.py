"""Targets of YOLOv3: which cell and anchor learns which box.

The layout is the one that PaddleDetection's ``YOLOv3Loss`` reads; the assignment follows
YOLOv3 (Redmon & Farhadi 2018): a box belongs to the cell that holds its centre and to the
anchor whose shape overlaps it best.
"""

import numpy as np

from common.regularization.mixup import BoxSample
from tasks.pcb.anchors import MASKS


def shape_iou(sizes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """IoU [n, anchors] of boxes and anchors laid on one corner; widths and heights in pixels."""
    smaller = np.minimum(sizes[:, None], anchors[None]).prod(axis=2)
    return smaller / (sizes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - smaller)


def assign_targets(
    sample: BoxSample,
    anchors: np.ndarray,
    strides: tuple[int, ...],
    classes: int,
    assign_iou: float = 1.0,
    neighbour_cells: bool = False,
) -> list[np.ndarray]:
    """One target a level, coarse to fine: float32 [3, 6 + classes, rows, columns].

    Channels: x and y offset in the cell (0 to 1; -0.5 to 1.5 with neighbours), log of width and
    height over the anchor's, 2 minus the box's share of the picture (small boxes count more), the
    box's weight as positive objectness, and its class.

    Where two boxes meet in a cell and anchor the heavier one stays, with its class alone. A box's
    own cell goes before the neighbour of another's, and its best anchor before a further one
    (shape IoU above ``assign_iou``) of another.

    Args:
        anchors: float [9, 2], width and height in pixels, by growing area.
        strides: pixels a cell of each level, coarse to fine.
        neighbour_cells: the nearest cell beside the centre's own, on each axis, learns the box
            too, as in YOLOv5.
    """
    height, width = sample.image.shape[:2]
    sizes = sample.boxes[:, 2:] - sample.boxes[:, :2]
    centres = (sample.boxes[:, 2:] + sample.boxes[:, :2]) / 2
    overlap = shape_iou(sizes, anchors) if len(sizes) else np.zeros((0, len(anchors)))
    best = overlap.argmax(axis=1) if len(sizes) else np.zeros(0, int)
    chosen = overlap > assign_iou
    chosen[np.arange(len(best)), best] = True
    targets = []
    for stride, mask in zip(strides, MASKS):
        target = np.zeros((len(mask), 6 + classes, height // stride, width // stride), np.float32)
        box, anchor = np.nonzero(chosen[:, mask])
        index, cells, own = _cells(centres[box] / stride, target.shape[:1:-1], neighbour_cells)
        box, anchor = box[index], anchor[index]
        # NumPy keeps the last of equal indices: light before heavy, further before best anchor,
        # neighbour before own cell.
        order = np.lexsort((sample.weights[box], best[box] == np.asarray(mask)[anchor], own))
        box, anchor, cells = box[order], anchor[order], cells[order]
        values = np.zeros((len(box), 6 + classes), np.float32)
        values[:, 0:2] = centres[box] / stride - cells
        values[:, 2:4] = np.log(sizes[box] / anchors[np.asarray(mask)[anchor]])
        values[:, 4] = 2.0 - sizes[box].prod(axis=1) / (height * width)
        values[:, 5] = sample.weights[box]
        values[np.arange(len(box)), 6 + sample.labels[box]] = 1.0
        target[anchor, :, cells[:, 1], cells[:, 0]] = values
        targets.append(target)
    return targets


def _cells(
    centres: np.ndarray, grid: tuple[int, int], neighbours: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Index of a centre, the (column, row) of a cell that learns it, and whether it lies in that cell.

    Args:
        centres: float [n, 2], in cells.
        grid: columns and rows.
    """
    own = np.minimum(centres.astype(int), np.array(grid) - 1)
    index = np.arange(len(own))
    if not neighbours:
        return index, own, np.ones(len(own), bool)
    step = np.where(centres - own < 0.5, -1, 1)
    cells = np.concatenate([own, own + step * [1, 0], own + step * [0, 1]])
    inside = ((cells >= 0) & (cells < grid)).all(axis=1)
    return np.tile(index, 3)[inside], cells[inside], (np.arange(len(cells)) < len(own))[inside]


def pad_boxes(samples: list[BoxSample]) -> np.ndarray:
    """Centres and sizes as shares of the picture, float32 [batch, most boxes, 4], zeros after the last.

    Padded to the fullest picture of the batch: the loss computes an IoU for every row.
    """
    most = max(1, max(len(sample.boxes) for sample in samples))
    padded = np.zeros((len(samples), most, 4), np.float32)
    for row, sample in zip(padded, samples):
        height, width = sample.image.shape[:2]
        scale = np.array([width, height], np.float32)
        row[: len(sample.boxes), :2] = (sample.boxes[:, :2] + sample.boxes[:, 2:]) / 2 / scale
        row[: len(sample.boxes), 2:] = (sample.boxes[:, 2:] - sample.boxes[:, :2]) / scale
    return padded

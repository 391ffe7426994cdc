"""Which boxes learn: the real assignment of targets to whole pictures, and its targets read back."""

from dataclasses import dataclass

import numpy as np

from common.regularization.mixup import BoxSample
from common.reporting.findings import Finding
from common.reporting.page import HtmlTable, Section
from tasks.pcb.anchors import MASKS
from tasks.pcb.checks.source import Checked, Source
from tasks.pcb.config import STRIDES
from tasks.pcb.targets import assign_targets

# Pixels; what float32 loses is far less.
CLOSE = 0.5
MANY = 0.01


@dataclass(frozen=True)
class Positives:
    """What target tensors ask a network to find, a row a cell and anchor.

    Attributes:
        boxes: float32 [n, 4], half-open pixels.
        labels: int [n].
        weights: float32 [n], in (0, 1].
        levels: int [n], 0 the coarsest.
    """

    boxes: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    levels: np.ndarray


def decode_targets(targets: list[np.ndarray], anchors: np.ndarray, strides: tuple[int, ...]) -> Positives:
    """The inverse of :func:`tasks.pcb.targets.assign_targets`."""
    parts = []
    for level, (target, stride, mask) in enumerate(zip(targets, strides, MASKS)):
        anchor, row, column = np.nonzero(target[:, 5])
        values = target[anchor, :, row, column]
        centres = (values[:, :2] + np.stack([column, row], axis=1)) * stride
        half = np.exp(values[:, 2:4]) * anchors[np.asarray(mask)[anchor]] / 2
        boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
        parts.append((boxes, values[:, 6:].argmax(axis=1), values[:, 5], np.full(len(anchor), level)))
    return Positives(*(np.concatenate(part) for part in zip(*parts)))


def owners(positives: Positives, boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Index of the box that each positive stands for, int [n]; -1 where it is none of them.

    Of equal boxes the last owns all their positives.
    """
    if not len(positives.labels) or not len(boxes):
        return np.full(len(positives.labels), -1)
    apart = np.abs(positives.boxes[:, None] - boxes[None]).max(axis=2)
    apart[positives.labels[:, None] != labels[None]] = np.inf
    nearest = len(boxes) - 1 - apart[:, ::-1].argmin(axis=1)
    return np.where(apart[np.arange(len(apart)), nearest] <= CLOSE, nearest, -1)


def distinct(positives: Positives) -> list[np.ndarray]:
    """Indices of the positives of each box that they stand for, in the order of their first ones."""
    left, found = np.arange(len(positives.labels)), []
    while len(left):
        apart = np.abs(positives.boxes[left] - positives.boxes[left[0]]).max(axis=1)
        same = (apart <= CLOSE) & (positives.labels[left] == positives.labels[left[0]])
        found.append(left[same])
        left = left[~same]
    return found


def check_assignment(source: Source, anchors: np.ndarray) -> tuple[Section, list[Finding]]:
    """Boxes and positives of each level, and the boxes that get no target at all.

    Args:
        anchors: int [9, 2].
    """
    strides = STRIDES[source.config.model.backbone]
    rows, findings = [], []
    for split, pictures in source.splits.items():
        boxes, lost, levels = 0, [], np.zeros(len(strides), int)
        for picture in pictures:
            positives, owner = _assigned(source, picture, anchors, strides)
            levels += np.bincount(positives.levels, minlength=len(strides))
            boxes += len(picture.boxes)
            for index in np.setdiff1d(np.arange(len(picture.boxes)), owner):
                lost.append(picture.place(picture.used[index], picture.path.name))
        each = f"{levels.sum() / boxes:.1f}" if boxes else "-"
        rows.append([split, f"{boxes:,}", f"{len(lost):,}", each, *(f"{n:,}" for n in levels)])
        if lost and split == "train":
            severity = "warning" if len(lost) > MANY * boxes else "note"
            message = (
                f"{len(lost):,} of {boxes:,} training boxes get no target in the whole picture: others take "
                "their cells and anchors"
            )
            remedy = (
                "a greater data.scale, model.neighbour_cells, a smaller model.assign_iou, a finer backbone"
            )
            findings.append(Finding(severity, "box without target", message, remedy, lost))
    columns = ["split", "boxes", "without target", "targets a box", *(f"stride {s}" for s in strides)]
    said = (
        f"Cells and anchors that learn boxes in whole pictures at data.scale {source.config.data.scale:g}; "
        "--augmented counts them in training views."
    )
    return Section("Targets", said, tables=[HtmlTable(columns, rows)]), findings


def _assigned(
    source: Source, picture: Checked, anchors: np.ndarray, strides: tuple[int, ...]
) -> tuple[Positives, np.ndarray]:
    """The positives of a whole picture, filled up to whole cells, and whose they are."""
    config, scale = source.config, np.float32(source.config.data.scale)
    width, height = (-(-max(1, round(side * scale)) // strides[0]) * strides[0] for side in picture.size)
    # Only the size of the picture matters; a view of one number takes no memory.
    image = np.broadcast_to(np.float32(0), (height, width, 1))
    weights = np.ones(len(picture.labels), np.float32)
    sample = BoxSample(image, picture.boxes * scale, picture.labels, weights)
    shapes = np.asarray(anchors, np.float32)
    model, classes = config.model, len(source.classes)
    targets = assign_targets(sample, shapes, strides, classes, model.assign_iou, model.neighbour_cells)
    positives = decode_targets(targets, shapes, strides)
    return positives, owners(positives, sample.boxes, sample.labels)

"""Where a detector errs: which sizes it misses, and what it takes for what."""

import numpy as np

from common.evaluation.detection import Detections, Truth, box_iou, match_greedily, select

SIZES = ("small", "medium", "large")


def box_sides(boxes: np.ndarray) -> np.ndarray:
    """Square roots of the areas of boxes [n, 4], pixels."""
    return np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))


def size_edges(boxes: np.ndarray) -> np.ndarray:
    """The two sides, in pixels, that cut boxes [n, 4], n >= 1, into thirds by the root of their area."""
    return np.quantile(box_sides(boxes), [1 / 3, 2 / 3])


def size_of(boxes: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Index into :data:`SIZES` of each box; one as large as an edge belongs below it."""
    return np.digitize(box_sides(boxes), edges, right=True)


def missed_by_size(
    truths: list[Truth],
    detections: list[Detections],
    threshold: float,
    edges: np.ndarray,
    iou: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Missed boxes and all boxes of each of :data:`SIZES`, int [3] each.

    Matched as for ``miss_rate``: over all boxes of a picture, with detections of at least ``threshold``.
    """
    missed, boxes = np.zeros(len(SIZES), int), np.zeros(len(SIZES), int)
    for truth, found in zip(truths, detections):
        _, taken = match_greedily(truth, select(found, found.scores >= threshold), iou)
        free = np.setdiff1d(np.arange(len(truth.labels)), taken)
        sizes = size_of(truth.boxes, edges)
        boxes += np.bincount(sizes, minlength=len(SIZES))
        missed += np.bincount(sizes[free], minlength=len(SIZES))
    return missed, boxes


def confusion_matrix(
    truths: list[Truth], detections: list[Detections], threshold: float, classes: int, iou: float = 0.5
) -> np.ndarray:
    """int [classes + 1, classes + 1]: annotated class by detected class, the last of each is background.

    Boxes and detections that :func:`match_greedily` pairs stand on the diagonal, so that it agrees
    with precision and recall. Of what is left, the pair of greatest overlap comes first, whatever the
    classes, while it is at least ``iou``. Then boxes left over are missed, in the last column, and
    detections left over, second ones of a box among them, are background, in the last row.
    """
    matrix = np.zeros((classes + 1, classes + 1), int)
    for truth, found in zip(truths, detections):
        kept = select(found, found.scores >= threshold)
        _, taken = match_greedily(truth, kept, iou)
        overlap = box_iou(kept.boxes, truth.boxes)
        overlap[taken >= 0] = 0
        overlap[:, taken[taken >= 0]] = 0
        while overlap.size and overlap.max() >= iou:
            detection, box = np.unravel_index(overlap.argmax(), overlap.shape)
            taken[detection] = box
            overlap[detection] = overlap[:, box] = 0
        paired = taken >= 0
        np.add.at(matrix, (truth.labels[taken[paired]], kept.labels[paired]), 1)
        np.add.at(matrix, (classes, kept.labels[~paired]), 1)
        missed = np.setdiff1d(np.arange(len(truth.labels)), taken)
        np.add.at(matrix, (truth.labels[missed], classes), 1)
    return matrix

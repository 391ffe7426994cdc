"""DeepPCB's own evaluation (Tang et al. 2019), which is not comparable with COCO's.

It is the ICDAR 2015 end-to-end script with IoU > 0.33 and a defect class in the place of a word.
Average precision is pooled over classes and not interpolated. What it does otherwise than one would
expect is kept here, since published figures have it too:

- Each box, in the order of its file, takes the first detection of its picture, in the order of that
  file, that overlaps it enough: neither the best overlap nor the best score.
- Box and detection are then used up even where their classes differ, so a detection of the wrong
  class in front of a right one costs both.
- Corners are whole pixels.
"""

import numpy as np

from common.evaluation.detection import Detections, Truth, box_iou, select

IOU = 0.33


def match_in_file_order(truth: Truth, found: Detections, iou: float = IOU) -> np.ndarray:
    """Which detections of one picture are right, bool [detections]."""
    candidates = box_iou(np.rint(found.boxes).astype(float), truth.boxes.astype(float)) > iou
    right = np.zeros(len(found.labels), bool)
    free = np.ones(len(found.labels), bool)
    for label, overlapping in zip(truth.labels, candidates.T):
        first = np.flatnonzero(overlapping & free)[:1]
        free[first] = False
        right[first] = found.labels[first] == label
    return right


def pooled_average_precision(truths: list[Truth], detections: list[Detections], iou: float = IOU) -> float:
    """Mean over the boxes of the precision at each right detection, by falling score; missed boxes are 0.

    Among equal scores the order given decides.
    """
    right = np.concatenate([match_in_file_order(t, d, iou) for t, d in zip(truths, detections)])
    order = np.argsort(-np.concatenate([d.scores for d in detections]), kind="stable")
    ranks = np.flatnonzero(right[order]) + 1
    boxes = sum(len(truth.labels) for truth in truths)
    return float((np.arange(1, len(ranks) + 1) / ranks).sum() / boxes) if boxes else 0.0


def f_score(truths: list[Truth], detections: list[Detections], threshold: float, iou: float = IOU) -> float:
    """2PR / (P + R) of detections with a score of at least ``threshold``, over all pictures."""
    kept = [select(d, d.scores >= threshold) for d in detections]
    right = sum(int(match_in_file_order(t, d, iou).sum()) for t, d in zip(truths, kept))
    total = sum(len(d.labels) for d in kept) + sum(len(t.labels) for t in truths)
    return 2 * right / total if total else 0.0

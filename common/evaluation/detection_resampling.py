"""Detection metrics as functions of how often each picture counts, for the bootstrap over pictures."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from scipy import sparse

from common.evaluation.detection import Detections, Truth, coco_evaluation, match_greedily, select
from common.evaluation.detection_errors import SIZES, missed_by_size
from common.evaluation.resampled_metrics import RatioMetric

RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class ClassMatches:
    """What pycocotools matched of one class at IoU 0.5, cut into stretches that end at a right detection.

    By falling score, the pictures in order where scores are equal. False alarms after the last right
    detection bear on no precision that counts and are left out.

    Attributes:
        pictures: int [right], the picture of each right detection.
        false_alarms: [right, pictures], how many of each picture stand in each stretch.
        boxes: int [pictures], annotated.
    """

    pictures: np.ndarray
    false_alarms: sparse.csr_matrix
    boxes: np.ndarray

    def average_precision(self, weights: np.ndarray) -> np.ndarray:
        """Interpolated at 101 recalls, float [replicates]; NaN where no box is drawn.

        A right detection of weight w stands for w of them: the first of them has reached the recalls
        up to its own, and the greatest precision at or after it is that of the last or a later one.
        """
        boxes = weights @ self.boxes
        right = np.cumsum(weights.T[self.pictures], axis=0)
        found = right + np.cumsum(self.false_alarms @ weights.T, axis=0)
        with np.errstate(invalid="ignore"):
            recall = right / boxes
        # As in pycocotools, so that the last bit agrees too.
        precision = right / (found + np.spacing(1))
        best = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
        reached = [_at_recalls(*columns) for columns in zip(recall.T, best.T)]
        return np.where(boxes > 0, np.mean(reached, axis=1), np.nan)


class MeanAveragePrecision:
    """``map_50`` of one run, as ``average_precision`` defines it.

    Pictures are matched once, by pycocotools; what a draw of them gives is computed from how often each
    stands in it, and is what pycocotools gives for the pictures put side by side as often. (Where a picture
    has detections of one class with the very same score, pycocotools' answer depends on the order of its
    copies; here all copies of a detection stand together.)

    Attributes:
        items: names of the pictures.
    """

    def __init__(
        self,
        items: tuple[str, ...],
        truths: Sequence[Truth],
        detections: Sequence[Detections],
        classes: tuple[str, ...],
    ):
        if not len(items) == len(truths) == len(detections):
            raise ValueError("names, annotations and detections differ in number")
        self.items = items
        self._classes = match_classes(truths, detections, classes)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Float [replicates] from weights, whole numbers, float [replicates, pictures]."""
        by_class = np.array([matches.average_precision(weights) for matches in self._classes])
        annotated = ~np.isnan(by_class)
        return np.nansum(by_class, axis=0) / np.maximum(1, annotated.sum(axis=0))


def match_classes(
    truths: Sequence[Truth], detections: Sequence[Detections], classes: tuple[str, ...]
) -> list[ClassMatches]:
    """Matches of every class at IoU 0.5."""
    evaluation = coco_evaluation(truths, detections, classes)
    settings = evaluation.params
    # The one overlap and size that map_50 needs, a fortieth of pycocotools' work.
    settings.iouThrs, settings.areaRng = settings.iouThrs[:1], settings.areaRng[:1]
    settings.maxDets = settings.maxDets[-1:]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
    pictures = len(truths)
    return [
        _class_matches(evaluation.evalImgs[label * pictures : (label + 1) * pictures])
        for label in range(len(classes))
    ]


def rate_at_threshold(
    name: str,
    items: tuple[str, ...],
    truths: Sequence[Truth],
    detections: Sequence[Detections],
    threshold: float,
    edges: Optional[np.ndarray] = None,
) -> RatioMetric:
    """``precision``, ``recall``, ``f1``, ``miss_rate`` or ``false_alarms_per_image``, at one threshold.

    As ``rates_at_threshold`` defines them; or ``miss_rate_small``, ``_medium`` and ``_large``, with the
    ``edges`` that ``size_edges`` has found in training.
    """
    size = name[len("miss_rate_") :]
    if size in SIZES:
        if edges is None:
            raise ValueError(f"{name}: expected the edges of sizes")
        pairs = zip(truths, detections)
        rows = [missed_by_size([truth], [found], threshold, edges) for truth, found in pairs]
        missed, boxes = np.array(rows, float)[:, :, SIZES.index(size)].T
        return RatioMetric(items, missed, boxes)
    kept = [select(found, found.scores >= threshold) for found in detections]
    right = np.array([match_greedily(*pair)[0].sum() for pair in zip(truths, kept)], float)
    found = np.array([len(detection.scores) for detection in kept], float)
    boxes = np.array([len(truth.labels) for truth in truths], float)
    sums = {
        "precision": (right, found),
        "recall": (right, boxes),
        "f1": (2 * right, found + boxes),
        "miss_rate": (boxes - right, boxes),
        "false_alarms_per_image": (found - right, np.ones(len(truths))),
    }
    if name not in sums:
        raise ValueError(f"found {name}, expected one of {', '.join(sums)}, or miss_rate_ and a size")
    return RatioMetric(items, *sums[name])


def _class_matches(evaluated: list[Optional[dict]]) -> ClassMatches:
    boxes = np.array([0 if one is None else len(one["gtIds"]) for one in evaluated])
    # A picture without boxes and detections of the class is None.
    scores = [[] if one is None else one["dtScores"] for one in evaluated]
    hits = [[] if one is None else one["dtMatches"][0] > 0 for one in evaluated]
    order = np.argsort(-np.concatenate([np.zeros(0), *scores]), kind="stable")
    right = np.concatenate([np.zeros(0, bool), *hits]).astype(bool)[order]
    picture = np.repeat(np.arange(len(evaluated)), [len(one) for one in scores])[order]
    stretch = np.cumsum(right) - right
    alarm = ~right & (stretch < right.sum())
    shape = (int(right.sum()), len(evaluated))
    counts = sparse.coo_matrix((np.ones(alarm.sum()), (stretch[alarm], picture[alarm])), shape)
    return ClassMatches(picture[right], counts.tocsr(), boxes)


def _at_recalls(recall: np.ndarray, best: np.ndarray) -> np.ndarray:
    places = np.searchsorted(recall, RECALLS, side="left")
    return np.append(best, 0.0)[places]

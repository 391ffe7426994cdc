"""Detection metrics: COCO's average precision, and error rates at one score threshold."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


@dataclass(frozen=True)
class Truth:
    """Annotated boxes of one picture: float32 [n, 4] half-open pixels, int64 [n] classes."""

    boxes: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Detections:
    """Detected boxes of one picture: as :class:`Truth`, with float32 [n] scores."""

    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray


def average_precision(
    truths: list[Truth], detections: list[Detections], classes: tuple[str, ...]
) -> dict[str, float]:
    """``map_50``, ``map_50_95`` and ``ap_50_CLASS``, by pycocotools; 0 to 1.

    The mean is over the classes that are annotated at all; a class without a box has no value.
    """
    evaluation = coco_evaluation(truths, detections, classes)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.evaluate()
        evaluation.accumulate()
    # [IoU thresholds, recalls, classes, areas, limits]; -1 where a class has no box.
    precision = evaluation.eval["precision"][:, :, :, 0, -1]
    annotated = precision[0, 0] > -1
    metrics = {
        "map_50": float(precision[0][:, annotated].mean()) if annotated.any() else 0.0,
        "map_50_95": float(precision[:, :, annotated].mean()) if annotated.any() else 0.0,
    }
    for index, name in enumerate(classes):
        if annotated[index]:
            metrics[f"ap_50_{name}"] = float(precision[0, :, index].mean())
    return metrics


def coco_evaluation(
    truths: Sequence[Truth], detections: Sequence[Detections], classes: tuple[str, ...]
) -> COCOeval:
    """What pycocotools evaluates: pictures are numbered from 0, detections ordered :func:`by_score`."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = _coco_dataset(truths, classes)
        coco.createIndex()
        rows = _coco_results([select(found, by_score(found)) for found in detections])
        return COCOeval(coco, coco.loadRes(rows) if rows else _empty(coco), "bbox")


def match_greedily(truth: Truth, found: Detections, iou: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Which detections of one picture are right, and which box each one took.

    By falling score, a detection takes the free box of its class that it overlaps best, if
    their IoU is at least ``iou``. The order in which the detections are given does not matter.

    Returns:
        bool [detections], in the order given, and int64 [detections], -1 where none was taken.
    """
    overlap = box_iou(found.boxes, truth.boxes)
    overlap[found.labels[:, None] != truth.labels[None]] = 0
    taken = np.full(len(found.scores), -1)
    free = np.ones(len(truth.labels), bool)
    for index in by_score(found):
        candidates = np.where(free, overlap[index], 0)
        if candidates.size and candidates.max() >= iou:
            taken[index] = candidates.argmax()
            free[taken[index]] = False
    return taken >= 0, taken


@dataclass(frozen=True)
class ScoreCounts:
    """What stands at or above each score that occurs, the greatest first.

    Attributes:
        scores: float [n], distinct, falling.
        right, found: int [n], detections that took a box, and all of them.
        boxes: annotated boxes.
    """

    scores: np.ndarray
    right: np.ndarray
    found: np.ndarray
    boxes: int

    @property
    def precision(self) -> np.ndarray:
        """Share of the detections that took a box, float [n]."""
        return self.right / self.found

    @property
    def recall(self) -> np.ndarray:
        """Share of the boxes that were taken, float [n]; 0 where there are none."""
        return self.right / max(1, self.boxes)

    @property
    def f1(self) -> np.ndarray:
        """Harmonic mean of the two, float [n]."""
        return 2 * self.right / (self.found + self.boxes)


def count_by_score(truths: list[Truth], detections: list[Detections], iou: float = 0.5) -> ScoreCounts:
    """Micro-averaged, class-aware counts at every score threshold.

    Greedy matching by falling score does not depend on detections of lower score, so one
    matching serves every threshold.
    """
    right = [match_greedily(truth, found, iou)[0] for truth, found in zip(truths, detections)]
    scores = np.concatenate([np.zeros(0, np.float32), *(found.scores for found in detections)])
    order = np.argsort(-scores, kind="stable")
    taken = np.cumsum(np.concatenate([np.zeros(0, bool), *right])[order])
    scores = scores[order]
    # A threshold keeps all detections of equal score, so only the last of them counts.
    last = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)[: len(scores)])
    return ScoreCounts(scores[last], taken[last], last + 1, sum(len(truth.labels) for truth in truths))


def best_threshold(truths: list[Truth], detections: list[Detections], iou: float = 0.5) -> float:
    """Score threshold with the greatest micro-averaged F1, the highest of several; 0.5 if none is right."""
    counts = count_by_score(truths, detections, iou)
    return float(counts.scores[counts.f1.argmax()]) if counts.right.any() else 0.5


def rates_at_threshold(
    truths: list[Truth], detections: list[Detections], threshold: float, iou: float = 0.5
) -> dict[str, float]:
    """Error rates over detections with a score of at least ``threshold``, micro-averaged and class-aware.

    ``precision`` (0 without detections), ``recall``, ``f1``, ``miss_rate``, ``threshold``;
    ``false_alarms_per_image``, all detections that took no box, among them second ones of a box and
    those of another class; and ``false_alarms_outside_boxes_per_image``, those that touch no
    annotated box of any class.
    """
    right = found = boxes = outside = 0
    for truth, detection in zip(truths, detections):
        kept = select(detection, detection.scores >= threshold)
        right += int(match_greedily(truth, kept, iou)[0].sum())
        found += len(kept.scores)
        boxes += len(truth.labels)
        outside += int((box_iou(kept.boxes, truth.boxes) == 0).all(axis=1).sum())
    recall = right / boxes if boxes else 0.0
    return {
        "precision": right / found if found else 0.0,
        "recall": recall,
        "f1": 2 * right / (found + boxes) if found + boxes else 0.0,
        "miss_rate": 1.0 - recall,
        "false_alarms_per_image": (found - right) / max(1, len(truths)),
        "false_alarms_outside_boxes_per_image": outside / max(1, len(truths)),
        "threshold": threshold,
    }


def by_score(detections: Detections) -> np.ndarray:
    """Indices by falling score; of equal scores by place and class, so that the order given is no matter."""
    return np.lexsort((detections.labels, *detections.boxes.T, -detections.scores))


def select(detections: Detections, rows: np.ndarray) -> Detections:
    """Those detections that ``rows``, a mask or indices, chooses."""
    return Detections(detections.boxes[rows], detections.labels[rows], detections.scores[rows])


def box_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """IoU [n, m] of half-open boxes [n, 4] and [m, 4]."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    common = (high - low).clip(0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-12)


def _coco_dataset(truths: Sequence[Truth], classes: tuple[str, ...]) -> dict:
    annotations = []
    for image, truth in enumerate(truths):
        for box, label in zip(truth.boxes.astype(float), truth.labels):
            width, height = box[2:] - box[:2]
            annotation = {"id": len(annotations) + 1, "image_id": image, "category_id": int(label)}
            annotation.update(bbox=[*box[:2], width, height], area=width * height, iscrowd=0)
            annotations.append(annotation)
    return {
        "images": [{"id": image} for image in range(len(truths))],
        "annotations": annotations,
        "categories": [{"id": index, "name": name} for index, name in enumerate(classes)],
    }


def _coco_results(detections: list[Detections]) -> list[dict]:
    return [
        {
            "image_id": image,
            "category_id": int(label),
            "bbox": [float(v) for v in (*box[:2], *(box[2:] - box[:2]))],
            "score": float(score),
        }
        for image, found in enumerate(detections)
        for box, label, score in zip(found.boxes, found.labels, found.scores)
    ]


def _empty(coco: COCO) -> COCO:
    empty = COCO()
    empty.dataset = {**coco.dataset, "annotations": []}
    empty.createIndex()
    return empty

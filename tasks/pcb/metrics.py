"""All metrics of one split of boards, from annotations and detections; no Paddle here."""

from collections.abc import Sequence

import numpy as np

from common.evaluation.detection import (
    Detections,
    Truth,
    average_precision,
    by_score,
    rates_at_threshold,
    select,
)
from common.evaluation.detection_errors import SIZES, missed_by_size, size_edges
from tasks.pcb.data import Picture
from tasks.pcb.deeppcb_protocol import f_score, pooled_average_precision

# What is told of boards seen and unseen in training apart.
BOARD_METRICS = ("map_50", "map_50_95", "f1", "miss_rate", "false_alarms_per_image")


def truths_of(pictures: Sequence[Picture]) -> list[Truth]:
    """The annotated boxes of pictures."""
    return [Truth(picture.boxes, picture.labels) for picture in pictures]


def detection_metrics(
    pictures: Sequence[Picture], found: Sequence[Detections], threshold: float, classes: tuple[str, ...]
) -> dict[str, float]:
    """Average precision, and error rates at ``threshold``."""
    truths = truths_of(pictures)
    return {**average_precision(truths, found, classes), **rates_at_threshold(truths, found, threshold)}


def split_metrics(
    pictures: Sequence[Picture],
    found: Sequence[Detections],
    on_templates: Sequence[Detections],
    threshold: float,
    train: Sequence[Picture],
    classes: tuple[str, ...],
) -> dict[str, float]:
    """:func:`detection_metrics` and, where there is anything to tell,

    - ``miss_rate_small``, ``_medium`` and ``_large``: thirds of the training boxes by the root of their area;
    - ``false_alarms_per_template``: detections on the defect-free templates ``on_templates``;
    - some metrics again for boards that training has seen, ``..._seen_boards``, and ``..._unseen_boards``;
    - ``deeppcb_pooled_ap_33`` and, at the same threshold, ``deeppcb_f_score``: DeepPCB's own protocol.
    """
    truths = truths_of(pictures)
    metrics = detection_metrics(pictures, found, threshold, classes)
    edges = size_edges(np.concatenate([picture.boxes for picture in train]))
    for name, missed, boxes in zip(SIZES, *missed_by_size(truths, found, threshold, edges)):
        if boxes:
            metrics[f"miss_rate_{name}"] = float(missed / boxes)
    if on_templates:
        alarms = sum(int((detections.scores >= threshold).sum()) for detections in on_templates)
        metrics["false_alarms_per_template"] = alarms / len(on_templates)
    metrics.update(_by_board(pictures, found, threshold, train, classes))
    # The protocol goes by the order of the detector's file; detectors write theirs by falling score.
    in_file_order = [select(detections, by_score(detections)) for detections in found]
    metrics["deeppcb_pooled_ap_33"] = pooled_average_precision(truths, in_file_order)
    metrics["deeppcb_f_score"] = f_score(truths, in_file_order, threshold)
    return metrics


def seen_boards(pictures: Sequence[Picture], train: Sequence[Picture]) -> np.ndarray:
    """Whether training has pictures of the same board group, bool [pictures]."""
    known = {picture.group for picture in train}
    return np.array([picture.group in known for picture in pictures], bool)


def _by_board(pictures, found, threshold, train, classes) -> dict[str, float]:
    seen = seen_boards(pictures, train)
    if seen.all() or not seen.any():
        return {}
    metrics = {}
    for name, chosen in (("seen_boards", np.flatnonzero(seen)), ("unseen_boards", np.flatnonzero(~seen))):
        some = [pictures[i] for i in chosen]
        if any(len(picture.labels) for picture in some):
            part = detection_metrics(some, [found[i] for i in chosen], threshold, classes)
            metrics.update({f"{metric}_{name}": part[metric] for metric in BOARD_METRICS})
    return metrics

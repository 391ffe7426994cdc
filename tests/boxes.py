"""Annotated and detected boxes for tests of detection metrics, all 10 x 10 pixels at height 0."""

import numpy as np

from common.evaluation.detection import Detections, Truth


def truth(*boxes: tuple) -> Truth:
    """Boxes of (x, label)."""
    corners = np.array([[x, 0, x + 10, 10] for x, _ in boxes], np.float32).reshape(-1, 4)
    return Truth(corners, np.array([label for _, label in boxes], int))


def found(*boxes: tuple) -> Detections:
    """Detections of (x, label, score)."""
    placed = truth(*((x, label) for x, label, _ in boxes))
    return Detections(placed.boxes, placed.labels, np.array([s for *_, s in boxes], np.float32))


def random_case(seed: int, classes: int = 2) -> tuple[list[Truth], list[Detections]]:
    """Ten pictures of up to five boxes, about as many detections near them and some elsewhere."""
    rng = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(10):
        places = [30 * i for i in range(rng.integers(6))]
        truths.append(truth(*((x, int(rng.integers(classes))) for x in places)))
        near = [x + rng.normal(0, 4) for x in rng.permutation(places * 2)[: len(places) + 2]]
        placed = [*near, *rng.uniform(200, 300, rng.integers(3))]
        detections.append(found(*((x, int(rng.integers(classes)), rng.random()) for x in placed)))
    return truths, detections

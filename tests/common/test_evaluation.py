"""Metrics on cases that can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from common.evaluation.classification import classification_metrics, expected_calibration_error
from common.evaluation.detection import (
    Detections,
    Truth,
    average_precision,
    best_threshold,
    box_iou,
    match_greedily,
    rates_at_threshold,
)

CLASSES = ("a", "b")


def truth(*boxes: tuple) -> Truth:
    """Boxes of (x, label), each 10 x 10 pixels at height 0."""
    corners = np.array([[x, 0, x + 10, 10] for x, _ in boxes], np.float32).reshape(-1, 4)
    return Truth(corners, np.array([label for _, label in boxes], int))


def found(*boxes: tuple) -> Detections:
    """Detections of (x, label, score)."""
    placed = truth(*((x, label) for x, label, _ in boxes))
    return Detections(placed.boxes, placed.labels, np.array([s for *_, s in boxes], np.float32))


def test_iou_of_half_open_boxes():
    boxes = np.float32([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]])
    assert box_iou(boxes[:1], boxes)[0] == pytest.approx([1.0, 50 / 150, 0.0])


def test_a_perfect_detector_has_average_precision_one_and_an_empty_one_zero():
    truths = [truth((0, 0), (50, 1)), truth((20, 1))]
    perfect = [found((0, 0, 0.9), (50, 1, 0.8)), found((20, 1, 0.7))]
    metrics = average_precision(truths, perfect, CLASSES)
    assert metrics == pytest.approx({"map_50": 1.0, "map_50_95": 1.0, "ap_50_a": 1.0, "ap_50_b": 1.0})
    assert average_precision(truths, [found(), found()], CLASSES)["map_50"] == 0.0


def test_average_precision_of_a_false_alarm_above_the_only_hit_is_one_half():
    metrics = average_precision([truth((0, 0))], [found((50, 0, 0.9), (0, 0, 0.8))], CLASSES)
    assert metrics["ap_50_a"] == pytest.approx(0.5)
    assert metrics["map_50"] == pytest.approx(0.5)


def test_a_class_without_boxes_does_not_enter_the_mean():
    metrics = average_precision([truth((0, 0))], [found((0, 0, 0.9), (50, 1, 0.9))], CLASSES)
    assert metrics["map_50"] == pytest.approx(1.0)
    assert "ap_50_b" not in metrics


def test_a_shift_counts_at_one_half_but_not_at_higher_overlaps():
    metrics = average_precision([truth((0, 0))], [found((2.5, 0, 0.9))], CLASSES)
    # IoU 75/125 = 0.6: right at 0.50, 0.55 and 0.60 of the ten thresholds.
    assert metrics["map_50"] == pytest.approx(1.0)
    assert metrics["map_50_95"] == pytest.approx(0.3)


def test_the_better_score_takes_the_box_and_a_second_detection_is_a_false_alarm():
    right, taken = match_greedily(truth((0, 0)), found((1, 0, 0.5), (2, 0, 0.9)))
    assert right.tolist() == [False, True]
    assert taken.tolist() == [-1, 0]


def test_the_wrong_class_is_no_hit():
    right, _ = match_greedily(truth((0, 0)), found((0, 1, 0.9)))
    assert not right.any()


def test_threshold_and_rates_by_hand():
    truths = [truth((0, 0), (50, 0)), truth((0, 1))]
    detections = [found((0, 0, 0.9), (80, 0, 0.6), (50, 0, 0.4)), found((0, 1, 0.7), (40, 1, 0.2))]
    threshold = best_threshold(truths, detections)
    assert threshold == pytest.approx(0.4)
    rates = rates_at_threshold(truths, detections, threshold)
    assert rates["precision"] == pytest.approx(3 / 4)
    assert rates["recall"] == 1.0
    assert rates["f1"] == pytest.approx(6 / 7)
    assert rates["miss_rate"] == 0.0
    assert rates["false_alarms_per_image"] == pytest.approx(1 / 2)


def test_best_threshold_is_the_best_of_all_thresholds():
    rng = np.random.default_rng(0)
    truths = [truth(*((30 * i, int(rng.integers(2))) for i in range(5))) for _ in range(20)]
    detections = [
        found(*((30 * i + rng.normal(0, 4), int(rng.integers(2)), round(rng.random(), 1)) for i in range(5)))
        for _ in range(20)
    ]
    chosen = rates_at_threshold(truths, detections, best_threshold(truths, detections))["f1"]
    every = [rates_at_threshold(truths, detections, t)["f1"] for t in np.linspace(0, 1, 101)]
    assert chosen == pytest.approx(max(every))


def test_without_detections_nothing_fails():
    rates = rates_at_threshold([truth((0, 0))], [found()], best_threshold([truth((0, 0))], [found()]))
    assert (rates["precision"], rates["recall"], rates["miss_rate"]) == (0.0, 0.0, 1.0)


def test_classification_metrics_by_hand():
    labels = np.array([1, 1, 0, 0])
    probabilities = np.array([[0.1, 0.9], [0.6, 0.4], [0.8, 0.2], [0.7, 0.3]])
    metrics = classification_metrics(labels, probabilities)
    assert metrics["accuracy"] == 0.75
    assert metrics["f1_positive"] == pytest.approx(2 / 3)
    assert metrics["f1_macro"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metrics["precision_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["recall_macro"] == pytest.approx(0.75)
    assert metrics["loss"] == pytest.approx(log_loss(labels, probabilities))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = np.tile([0.2, 0.8], (10, 1))
    assert expected_calibration_error(np.array([1] * 8 + [0] * 2), probabilities) == pytest.approx(0.0)
    assert expected_calibration_error(np.array([1] * 5 + [0] * 5), probabilities) == pytest.approx(0.3)


def test_three_classes_have_no_positive_f1():
    assert "f1_positive" not in classification_metrics(np.array([0, 1, 2]), np.eye(3))

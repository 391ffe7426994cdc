"""Detection metrics on cases that can be counted by hand, and what holds for all cases."""

import numpy as np
import pytest

from common.evaluation.detection import (
    average_precision,
    best_threshold,
    box_iou,
    count_by_score,
    match_greedily,
    rates_at_threshold,
    select,
)
from tests.boxes import found, random_case, truth

CLASSES = ("a", "b")


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
    assert rates["false_alarms_outside_boxes_per_image"] == pytest.approx(1 / 2)


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


def test_no_detections_in_any_picture_give_an_empty_curve():
    counts = count_by_score([truth((0, 0))], [found()])
    assert (len(counts.scores), len(counts.precision), counts.boxes) == (0, 0, 1)


def test_a_second_detection_is_a_false_alarm_but_not_outside_the_boxes():
    rates = rates_at_threshold([truth((0, 0))], [found((0, 0, 0.9), (1, 0, 0.8), (0, 1, 0.7))], 0.5)
    assert rates["precision"] == pytest.approx(1 / 3)
    assert rates["false_alarms_per_image"] == 2
    assert rates["false_alarms_outside_boxes_per_image"] == 0


def test_an_alarm_that_only_meets_a_box_at_its_edge_is_outside_it():
    touching, overlapping = found((10, 0, 0.9)), found((9, 0, 0.9))
    for detection, expected in ((touching, 1), (overlapping, 0)):
        rates = rates_at_threshold([truth((0, 0))], [detection], 0.5)
        assert rates["false_alarms_outside_boxes_per_image"] == expected
        assert rates["false_alarms_per_image"] == 1


def test_an_empty_picture_counts_as_a_picture():
    rates = rates_at_threshold([truth((0, 0)), truth()], [found((0, 0, 0.9)), found((0, 0, 0.9))], 0.5)
    assert (rates["precision"], rates["recall"]) == (0.5, 1.0)
    assert rates["false_alarms_per_image"] == rates["false_alarms_outside_boxes_per_image"] == 0.5


def test_counts_by_score_by_hand():
    truths = [truth((0, 0), (50, 0)), truth((0, 1))]
    counts = count_by_score(
        truths, [found((0, 0, 0.75), (80, 0, 0.5), (50, 0, 0.25)), found((0, 1, 0.5), (40, 1, 0.125))]
    )
    assert counts.scores.tolist() == [0.75, 0.5, 0.25, 0.125]
    assert counts.right.tolist() == [1, 2, 3, 3]
    assert counts.found.tolist() == [1, 3, 4, 5]
    assert counts.precision == pytest.approx([1, 2 / 3, 3 / 4, 3 / 5])
    assert counts.recall == pytest.approx([1 / 3, 2 / 3, 1, 1])


@pytest.mark.parametrize("seed", range(5))
def test_the_counts_are_the_rates_at_every_threshold(seed):
    truths, detections = random_case(seed)
    counts = count_by_score(truths, detections)
    for score, precision, recall, f1 in zip(counts.scores, counts.precision, counts.recall, counts.f1):
        rates = rates_at_threshold(truths, detections, score)
        assert [rates[n] for n in ("precision", "recall", "f1")] == pytest.approx([precision, recall, f1])


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_detections_does_not_matter(seed):
    truths, detections = random_case(seed)
    # Equal scores too: rounded to tenths.
    tied = [found(*zip(d.boxes[:, 0], d.labels, d.scores.round(1))) for d in detections]
    rng = np.random.default_rng(seed)
    for case in (detections, tied):
        shuffled = [select(d, rng.permutation(len(d.scores))) for d in case]
        threshold = best_threshold(truths, case)
        assert best_threshold(truths, shuffled) == threshold
        assert rates_at_threshold(truths, shuffled, threshold) == rates_at_threshold(truths, case, threshold)
        one, other = (average_precision(truths, d, CLASSES) for d in (case, shuffled))
        assert one == pytest.approx(other)


@pytest.mark.parametrize("seed", range(3))
def test_perfect_detections_have_every_rate_at_its_best(seed):
    truths, _ = random_case(seed)
    perfect = [found(*((x, c, 0.5 + x / 1000) for x, c in zip(t.boxes[:, 0], t.labels))) for t in truths]
    rates = rates_at_threshold(truths, perfect, best_threshold(truths, perfect))
    assert rates["precision"] == rates["recall"] == rates["f1"] == 1.0
    assert rates["miss_rate"] == rates["false_alarms_per_image"] == 0.0
    assert list(average_precision(truths, perfect, CLASSES).values()) == pytest.approx([1.0] * 4)

"""Misses by size and the confusion of classes, by hand and as invariants."""

import numpy as np
import pytest

from common.evaluation.detection import Detections, Truth, rates_at_threshold
from common.evaluation.detection_errors import confusion_matrix, missed_by_size, size_edges, size_of
from tests.boxes import found, random_case, truth


def squares(*sides: int) -> np.ndarray:
    """Square boxes in a row, 100 pixels apart."""
    return np.float32([[100 * i, 0, 100 * i + side, side] for i, side in enumerate(sides)])


def test_edges_cut_the_boxes_into_thirds():
    boxes = squares(*range(10, 40))
    edges = size_edges(boxes)
    assert np.bincount(size_of(boxes, edges)).tolist() == [10, 10, 10]
    assert edges == pytest.approx([10 + 29 / 3, 10 + 58 / 3], rel=1e-5)


def test_a_size_is_the_root_of_the_area_and_an_edge_belongs_below():
    boxes = np.float32([[0, 0, 5, 20], [0, 0, 20, 5], [0, 0, 11, 11], [0, 0, 30, 30]])
    assert size_of(boxes, np.array([10.0, 20.0])).tolist() == [0, 0, 1, 2]


def test_misses_are_counted_in_the_size_of_their_box():
    truths = [Truth(squares(8, 15, 30), np.zeros(3, int)), Truth(squares(8, 30), np.ones(2, int))]
    boxes = squares(8, 15, 30)
    detections = [
        Detections(boxes, np.array([0, 1, 0]), np.float32([0.9, 0.9, 0.4])),  # the second of another class
        Detections(squares(8, 30), np.ones(2, int), np.float32([0.6, 0.5])),
    ]
    missed, total = missed_by_size(truths, detections, 0.5, np.array([10.0, 20.0]))
    assert (missed.tolist(), total.tolist()) == ([0, 1, 1], [2, 1, 2])


def test_without_boxes_or_detections_every_count_is_zero_or_all():
    missed, total = missed_by_size([truth()], [found((0, 0, 0.9))], 0.5, np.array([5.0, 20.0]))
    assert (missed.tolist(), total.tolist()) == ([0, 0, 0], [0, 0, 0])
    missed, total = missed_by_size([truth((0, 0))], [found()], 0.5, np.array([5.0, 20.0]))
    assert (missed.tolist(), total.tolist()) == ([0, 1, 0], [0, 1, 0])
    assert confusion_matrix([truth()], [found()], 0.5, 1).tolist() == [[0, 0], [0, 0]]


def test_confusion_by_hand():
    truths = [truth((0, 0), (50, 0), (100, 1))]
    detections = [
        found(
            (0, 0, 0.9),  # right
            (1, 0, 0.8),  # again
            (51, 1, 0.8),  # the place right, the class wrong
            (200, 1, 0.8),  # nothing there
            (100, 1, 0.3),  # right, but under the threshold
        )
    ]
    # Rows: annotated a, annotated b, background. Columns: found a, found b, not found.
    expected = [[1, 1, 0], [0, 0, 1], [1, 1, 0]]
    assert confusion_matrix(truths, detections, 0.5, 2).tolist() == expected


def test_a_wrong_class_of_higher_score_does_not_take_a_box_from_the_right_one():
    matrix = confusion_matrix([truth((0, 0))], [found((0, 1, 0.9), (2, 0, 0.5))], 0.1, 2)
    assert matrix.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_the_confusion_agrees_with_the_counts_and_the_rates(seed):
    truths, detections = random_case(seed, classes=3)
    matrix = confusion_matrix(truths, detections, 0.4, 3)
    rates = rates_at_threshold(truths, detections, 0.4)
    labels = np.concatenate([t.labels for t in truths])
    kept = np.concatenate([d.labels[d.scores >= 0.4] for d in detections])
    assert matrix[:-1].sum(axis=1).tolist() == np.bincount(labels, minlength=3).tolist()
    assert matrix[:, :-1].sum(axis=0).tolist() == np.bincount(kept, minlength=3).tolist()
    assert matrix[-1, -1] == 0
    assert np.trace(matrix) / matrix[:, :-1].sum() == pytest.approx(rates["precision"])
    assert np.trace(matrix) / matrix[:-1].sum() == pytest.approx(rates["recall"])
    missed, boxes = missed_by_size(truths, detections, 0.4, np.array([5.0, 20.0]))
    assert missed.sum() / boxes.sum() == pytest.approx(rates["miss_rate"])

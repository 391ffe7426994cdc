"""DeepPCB's own protocol with its quirks, on cases that can be counted by hand."""

import numpy as np
import pytest

from common.evaluation.detection import Detections, Truth, match_greedily, select
from tasks.pcb.deeppcb_protocol import f_score, match_in_file_order, pooled_average_precision
from tests.boxes import found, random_case, truth


def test_perfect_detections_give_one_and_none_give_zero():
    truths = [truth((0, 0), (50, 1)), truth((20, 1))]
    perfect = [found((0, 0, 0.9), (50, 1, 0.8)), found((20, 1, 0.7))]
    assert pooled_average_precision(truths, perfect) == f_score(truths, perfect, 0.5) == 1.0
    nothing = [found(), found()]
    assert pooled_average_precision(truths, nothing) == f_score(truths, nothing, 0.5) == 0.0


def test_the_first_of_the_file_takes_the_box_though_another_fits_and_scores_better():
    detections = found((4, 0, 0.3), (0, 0, 0.9))
    assert match_in_file_order(truth((0, 0)), detections).tolist() == [True, False]
    assert match_greedily(truth((0, 0)), detections)[0].tolist() == [False, True]
    # The better one is then a false alarm in front: precision 1/2 at the only box.
    assert pooled_average_precision([truth((0, 0))], [detections]) == pytest.approx(1 / 2)
    assert pooled_average_precision([truth((0, 0))], [select(detections, [1, 0])]) == 1.0


def test_a_wrong_class_in_front_uses_the_box_up():
    detections = found((0, 1, 0.9), (0, 0, 0.8))
    assert match_in_file_order(truth((0, 0)), detections).tolist() == [False, False]
    assert match_in_file_order(truth((0, 0)), select(detections, [1, 0])).tolist() == [True, False]
    assert f_score([truth((0, 0))], [detections], 0.5) == 0.0
    # Under the threshold it is not in the file.
    assert f_score([truth((0, 0))], [select(detections, [1])], 0.5) == 1.0


def test_a_detection_used_up_by_the_wrong_box_is_lost_to_the_right_one():
    # It overlaps both, 6 and 9 of 10 pixels; the first box of the file is of another class.
    both = truth((0, 1), (3, 0))
    assert match_in_file_order(both, found((4, 0, 0.9))).tolist() == [False]
    swapped = Truth(both.boxes[::-1], both.labels[::-1])
    assert match_in_file_order(swapped, found((4, 0, 0.9))).tolist() == [True]


def test_the_overlap_must_be_greater_than_a_third_of_a_hundred():
    box = Truth(np.float32([[0, 0, 100, 100]]), np.array([0]))
    for width, expected in ((33, False), (34, True)):
        one = Detections(np.float32([[0, 0, width, 100]]), np.array([0]), np.float32([0.9]))
        assert match_in_file_order(box, one).tolist() == [expected]


def test_corners_are_whole_pixels():
    box = Truth(np.float32([[0, 0, 100, 100]]), np.array([0]))
    for width, expected in ((33.4, False), (33.6, True)):
        one = Detections(np.float32([[0, 0, width, 100]]), np.array([0]), np.float32([0.9]))
        assert match_in_file_order(box, one).tolist() == [expected]


def test_precision_is_pooled_over_classes_and_pictures_and_not_interpolated():
    truths = [truth((0, 0), (50, 1)), truth((0, 1), (50, 0))]
    detections = [found((0, 0, 0.9), (80, 0, 0.8), (50, 1, 0.6)), found((0, 1, 0.7))]
    # By falling score: right, wrong, right, right; one of four boxes is missed.
    assert pooled_average_precision(truths, detections) == pytest.approx((1 + 2 / 3 + 3 / 4) / 4)
    # Interpolated, 2/3 would have been 3/4.
    assert f_score(truths, detections, 0.65) == pytest.approx(2 * 2 / (3 + 4))


def test_pictures_without_boxes_count_their_detections():
    truths, detections = [truth(), truth((0, 0))], [found((0, 0, 0.9)), found((0, 0, 0.8))]
    assert pooled_average_precision(truths, detections) == pytest.approx(1 / 2)
    assert f_score(truths, detections, 0.5) == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_double_loop_over_boxes_and_detections(seed):
    truths, detections = random_case(seed)
    for box_file, file in zip(truths, detections):
        free = [True] * len(file.labels)
        right = [False] * len(file.labels)
        for x, label in zip(box_file.boxes[:, 0], box_file.labels):
            for i, other in enumerate(np.rint(file.boxes[:, 0])):
                common = max(0.0, 10 - abs(x - other))
                if free[i] and common / (20 - common) > 0.33:
                    free[i], right[i] = False, label == file.labels[i]
                    break
        assert match_in_file_order(box_file, file).tolist() == right

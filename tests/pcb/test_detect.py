"""Decoding and suppression: as Paddle's own, but for its limits, and no picture depends on another."""

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.evaluation.detection import box_iou
from tasks.pcb.decoding import decode
from tasks.pcb.detect import MOST_DETECTIONS, NMS_IOU, SCORE_THRESHOLD, Detector, suppress

ANCHORS = [[40, 40, 48, 50, 64, 60], [20, 22, 30, 28, 34, 40], [8, 9, 10, 14, 18, 12]]
STRIDES = (32, 16, 8)
CLASSES = 6


def raw_outputs(seed: int, height: int = 96, width: int = 160) -> list[paddle.Tensor]:
    rng = np.random.default_rng(seed)
    shapes = [(2, 3 * (5 + CLASSES), height // s, width // s) for s in STRIDES]
    return [paddle.to_tensor(rng.normal(0, 1.5, shape).astype(np.float32)) for shape in shapes]


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_decoding_is_that_of_yolo_box(scale):
    outputs = raw_outputs(0)
    boxes, scores = decode(outputs, ANCHORS, STRIDES, scale)
    size = paddle.to_tensor([[96, 160]] * 2, dtype="int32")
    expected = [
        paddle.vision.ops.yolo_box(o, size, a, CLASSES, 0.0, s, False, scale_x_y=scale)
        for o, a, s in zip(outputs, ANCHORS, STRIDES)
    ]
    assert np.abs(boxes.numpy() - paddle.concat([b for b, _ in expected], 1).numpy()).max() < 1e-3
    assert np.abs(scores.numpy() - paddle.concat([s for _, s in expected], 1).numpy()).max() < 1e-6


def test_an_output_of_zeros_is_an_anchor_in_the_middle_of_each_cell():
    boxes, scores = decode([paddle.zeros([1, 7, 1, 2])], [[10, 20]], (32,), 2.0)
    assert boxes.numpy().tolist() == [[[11, 6, 21, 26], [43, 6, 53, 26]]]
    assert scores.numpy().tolist() == [[[0.25, 0.25], [0.25, 0.25]]]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_suppression_is_that_of_paddle(seed, number):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 90, (number, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(2, 40, (number, 2))], axis=1).astype(np.float32)
    scores = rng.uniform(0, 1, (number, CLASSES)).astype(np.float32) ** 4
    found = suppress(boxes, scores, (200, 200))
    expected = multiclass_nms(boxes, scores)
    rows = np.column_stack([found.labels, found.scores, found.boxes])
    assert rows[np.lexsort(rows.T)] == pytest.approx(expected[np.lexsort(expected.T)])
    assert (np.diff(found.scores) <= 0).all()


def multiclass_nms(boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
    from ppdet.modeling.layers import MultiClassNMS

    paddles = MultiClassNMS(SCORE_THRESHOLD, 1000, MOST_DETECTIONS, NMS_IOU)
    rows, number, _ = paddles(paddle.to_tensor(boxes[None]), paddle.to_tensor(scores.T[None].copy()))
    return rows.numpy()[: int(number)]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_what_is_kept_lies_in_the_picture_and_overlaps_nothing_of_its_class(seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-30, 80, (200, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 40, (200, 2))], axis=1)
    found = suppress(boxes, rng.uniform(0, 0.05, (200, 3)), (40, 60))
    assert (found.boxes >= 0).all() and (found.boxes <= [60, 40, 60, 40]).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert len(found.scores) <= MOST_DETECTIONS and (found.scores > SCORE_THRESHOLD).all()
    overlap = box_iou(found.boxes, found.boxes) * (found.labels[:, None] == found.labels)
    assert (overlap - np.eye(len(overlap)) <= NMS_IOU + 1e-6).all()


def test_nothing_likely_is_no_detection():
    found = suppress(np.zeros((5, 4), np.float32), np.full((5, 2), SCORE_THRESHOLD, np.float32), (10, 10))
    assert found.boxes.shape == (0, 4) and found.labels.shape == found.scores.shape == (0,)


def brightest_corner(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One box over what a detector is shown, its score the mean, so that all that is shown counts."""
    _, _, height, width = images.shape
    boxes = np.tile(np.float32([0, 0, width, height]), (len(images), 1, 1))
    return boxes, 0.5 + images.mean(axis=(1, 2, 3))[:, None, None] / 510


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3])), max_size=8))
@settings(deadline=None)
def test_detections_of_a_picture_do_not_depend_on_its_neighbours(shapes):
    images = [np.full(shape, 90 + i, np.uint8) for i, shape in enumerate(shapes)]
    detector = Detector(("a",), 16, 1.0, brightest_corner)
    together = detector.detect(images)
    for image, found in zip(images, together):
        (alone,) = detector.detect([image])
        assert found.scores == pytest.approx(alone.scores)
        assert found.boxes.tolist() == alone.boxes.tolist() == [[0, 0, image.shape[1], image.shape[0]]]

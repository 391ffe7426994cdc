"""Targets: each box in its cell and anchor, and back again through Paddle's decoder."""

import numpy as np
import paddle
import pytest

from common.regularization.mixup import BoxSample
from tasks.pcb.anchors import MASKS, cluster_anchors
from tasks.pcb.targets import assign_targets, pad_boxes, shape_iou

STRIDES = (32, 16, 8)
ANCHORS = np.array(
    [[10, 10], [20, 20], [30, 30], [40, 40], [50, 50], [60, 60], [70, 70], [80, 80], [90, 90]], np.float32
)


def sample(boxes, labels, weights=None, side: int = 320) -> BoxSample:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    weights = np.ones(len(boxes)) if weights is None else weights
    return BoxSample(
        np.zeros((side, side, 1), np.float32), boxes, np.array(labels, int), np.array(weights, np.float32)
    )


def positives(targets: list[np.ndarray]) -> list[tuple]:
    """(level, anchor, row, column) of every assigned cell."""
    return [
        (level, *map(int, place))
        for level, target in enumerate(targets)
        for place in zip(*np.nonzero(target[:, 5]))
    ]


def test_a_box_goes_to_the_cell_of_its_centre_and_the_best_anchor():
    targets = assign_targets(sample([[90, 40, 120, 70]], [3]), ANCHORS, STRIDES, classes=6)
    assert [t.shape for t in targets] == [(3, 12, 10, 10), (3, 12, 20, 20), (3, 12, 40, 40)]
    # 30 x 30 is the third anchor, on the finest level; its centre (105, 55) in cells of 8 pixels.
    assert positives(targets) == [(2, 2, 6, 13)]
    values = targets[2][2, :, 6, 13]
    assert values[:6] == pytest.approx([105 / 8 - 13, 55 / 8 - 6, 0, 0, 2 - 900 / 320**2, 1])
    assert values[6:].tolist() == [0, 0, 0, 1, 0, 0]


def test_further_anchors_above_the_overlap_learn_the_box_too():
    one = positives(assign_targets(sample([[90, 40, 120, 70]], [3]), ANCHORS, STRIDES, 6, assign_iou=1.0))
    more = positives(assign_targets(sample([[90, 40, 120, 70]], [3]), ANCHORS, STRIDES, 6, assign_iou=0.4))
    # Squares of side a and b overlap by (a/b)^2: 20 (0.44), 30, 40 (0.56) are above 0.4.
    assert len(one) == 1 and set(one) < set(more) and len(more) == 3


def test_in_a_collision_the_heavier_box_stays_with_its_class_alone():
    boxes = [[90, 40, 120, 70], [91, 41, 119, 69]]
    for labels, weights in (([3, 5], [0.7, 0.3]), ([5, 3], [0.3, 0.7])):
        targets = assign_targets(sample(boxes, labels, weights), ANCHORS, STRIDES, 6)
        assert len(positives(targets)) == 1
        values = targets[2][2, :, 6, 13]
        assert values[5] == pytest.approx(0.7)
        assert values[6:].tolist() == [0, 0, 0, 1, 0, 0]


def test_a_best_anchor_goes_before_a_heavier_further_one():
    # 20 x 20 fits its anchor exactly; the 26 x 26 box fits 30 best and 20 as a further anchor.
    boxes = [[94, 44, 114, 64], [92, 42, 118, 68]]
    targets = assign_targets(sample(boxes, [0, 1], [0.4, 0.6]), ANCHORS, STRIDES, 6, assign_iou=0.5)
    assert targets[2][1, 6:, 6, 13].tolist() == [1, 0, 0, 0, 0, 0]
    assert targets[2][2, 6:, 6, 13].tolist() == [0, 1, 0, 0, 0, 0]


def test_neighbouring_cells_learn_the_box_too_where_there_are_any():
    # In cells of 8 pixels the centre (105, 55) is (13.1, 6.9): left of and below the middle.
    targets = assign_targets(sample([[90, 40, 120, 70]], [3]), ANCHORS, STRIDES, 6, neighbour_cells=True)
    assert set(positives(targets)) == {(2, 2, 6, 13), (2, 2, 6, 12), (2, 2, 7, 13)}
    assert targets[2][2, :2, 6, 12] == pytest.approx([105 / 8 - 12, 55 / 8 - 6])
    assert targets[2][2, :2, 7, 13] == pytest.approx([105 / 8 - 13, 55 / 8 - 7])
    corner = assign_targets(sample([[0, 0, 6, 6]], [3]), ANCHORS, STRIDES, 6, neighbour_cells=True)
    assert positives(corner) == [(2, 0, 0, 0)]


def test_a_box_keeps_its_own_cell_against_a_neighbouring_heavier_one():
    # Centres (13.1, 6.5) and (12.9, 6.5) in cells: each is the other's neighbour.
    boxes = [[90, 37, 120, 67], [88, 37, 118, 67]]
    for weights in ([0.3, 0.7], [0.7, 0.3]):
        one = sample(boxes, [0, 1], weights)
        targets = assign_targets(one, ANCHORS, STRIDES, 6, neighbour_cells=True)
        assert targets[2][2, 6:, 6, 13].tolist() == [1, 0, 0, 0, 0, 0]
        assert targets[2][2, 6:, 6, 12].tolist() == [0, 1, 0, 0, 0, 0]


def test_no_boxes_no_targets():
    assert positives(assign_targets(sample([], []), ANCHORS, STRIDES, 6)) == []


@pytest.mark.parametrize("neighbours", [False, True])
def test_the_decoder_gives_the_boxes_back(neighbours):
    rng = np.random.default_rng(0)
    sizes = rng.uniform(12, 100, (6, 2))
    # One box in each of six distant places, so that none collides.
    corners = np.array([[x, y] for x in (10, 115, 220) for y in (10, 180)], float)
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    labels = rng.integers(0, 6, 6)
    found = []
    targets = assign_targets(sample(boxes, labels), ANCHORS, STRIDES, 6, neighbour_cells=neighbours)
    for stride, mask, target in zip(STRIDES, MASKS, targets):
        found.append(decode(target, stride, ANCHORS[list(mask)].astype(int), 2.0 if neighbours else 1.0))
    found = np.concatenate(found)
    assert len(found) == (18 if neighbours else 6)
    nearest = np.abs(found[:, None, 1:] - boxes).sum(axis=2).argmin(axis=1)
    assert set(nearest) == set(range(6))
    assert found[:, 1:] == pytest.approx(boxes[nearest], abs=0.01)
    assert found[:, 0].tolist() == labels[nearest].tolist()


def decode(target: np.ndarray, stride: int, anchors: np.ndarray, scale: float) -> np.ndarray:
    """Class and box of every assigned cell, through ``paddle.vision.ops.yolo_box``."""
    raw = np.zeros((3, 11, *target.shape[2:]), np.float32)
    share = ((target[:, :2] + 0.5 * (scale - 1)) / scale).clip(1e-6, 1 - 1e-6)
    raw[:, :2] = np.log(share / (1 - share))
    raw[:, 2:4] = target[:, 2:4]
    raw[:, 4:5] = np.where(target[:, 5:6] > 0, 20, -20)
    raw[:, 5:] = np.where(target[:, 6:] > 0, 20, -20)
    size = paddle.to_tensor([[320, 320]], dtype="int32")
    boxes, scores = paddle.vision.ops.yolo_box(
        paddle.to_tensor(raw.reshape(1, -1, *target.shape[2:])),
        size,
        anchors.ravel().tolist(),
        6,
        0.5,
        stride,
        scale_x_y=scale,
    )
    kept = scores.numpy()[0].max(axis=1) > 0.5
    return np.concatenate([scores.numpy()[0][kept].argmax(axis=1)[:, None], boxes.numpy()[0][kept]], axis=1)


def test_boxes_are_padded_to_the_fullest_picture():
    padded = pad_boxes([sample([[0, 0, 32, 64]], [0]), sample([], []), sample([[0, 0, 1, 1]] * 3, [0] * 3)])
    assert padded.shape == (3, 3, 4)
    assert padded[0, 0] == pytest.approx([0.05, 0.1, 0.1, 0.2])
    assert not padded[1].any() and not padded[0, 1:].any()


def test_shape_iou_of_squares():
    assert shape_iou(np.array([[10.0, 10.0]]), np.array([[10, 10], [20, 20], [5, 20]]))[0] == pytest.approx(
        [1, 0.25, 50 / 150]
    )


def test_anchors_are_nine_whole_sizes_by_area_and_find_clusters():
    rng = np.random.default_rng(0)
    centres = rng.uniform(10, 90, (9, 2))
    sizes = np.repeat(centres, 50, axis=0) + rng.normal(0, 0.2, (450, 2))
    anchors = np.array(cluster_anchors(sizes))
    assert anchors.shape == (9, 2) and anchors.dtype.kind == "i"
    assert (np.diff(anchors.prod(axis=1)) >= 0).all()
    assert shape_iou(sizes, anchors.astype(float)).max(axis=1).min() > 0.85


@pytest.mark.parametrize("sizes", [[[30, 30], [20, 40]], [[3, 3]]])
def test_few_different_boxes_still_give_nine_different_anchors(sizes):
    anchors = cluster_anchors(np.float32(sizes))
    assert len(anchors) == len(set(map(tuple, anchors))) == 9 and all(size in anchors for size in sizes)

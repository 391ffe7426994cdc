"""Targets read back into boxes, whose they are, and boxes that get none; anchors and thumbnails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.regularization.mixup import BoxSample
from tasks.pcb.anchors import MASKS, training_anchors
from tasks.pcb.checks.assignment import CLOSE, check_assignment, decode_targets, distinct, owners
from tasks.pcb.checks.sizes import best_overlaps
from tasks.pcb.checks.source import read_source
from tasks.pcb.checks.thumbnails import most_alike, thumbnail
from tasks.pcb.targets import assign_targets
from tests.pcb.checks.board_sets import configuration, write_sets

STRIDES = (32, 16, 8)
ANCHORS = np.float32([[s, s] for s in (10, 20, 30, 40, 50, 60, 70, 80, 90)])


def sample(boxes, labels, side: int = 320) -> BoxSample:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    weights = np.ones(len(boxes), np.float32)
    return BoxSample(np.zeros((side, side, 1), np.float32), boxes, np.array(labels, int), weights)


@st.composite
def boxes_in(draw, side: int = 320) -> list[list[float]]:
    found = []
    for _ in range(draw(st.integers(0, 12))):
        x, y = (draw(st.floats(0, side - 4)) for _ in range(2))
        width, height = (draw(st.floats(2, side - low)) for low in (x, y))
        found.append([x, y, x + width, y + height])
    return found


@settings(max_examples=60, deadline=None)
@given(
    boxes=boxes_in(), labels=st.lists(st.integers(0, 5), min_size=12, max_size=12), neighbours=st.booleans()
)
def test_what_is_read_back_are_the_boxes_within_half_a_pixel(boxes, labels, neighbours):
    one = sample(boxes, labels[: len(boxes)])
    targets = assign_targets(one, ANCHORS, STRIDES, 6, 0.4, neighbours)
    positives = decode_targets(targets, ANCHORS, STRIDES)
    owner = owners(positives, one.boxes, one.labels)
    assert (owner >= 0).all()
    assert len(owner) == sum(int((target[:, 5] > 0).sum()) for target in targets)
    if len(owner):
        assert np.abs(positives.boxes - one.boxes[owner]).max() < CLOSE
        assert (positives.labels == one.labels[owner]).all()
    groups = distinct(positives)
    assert sorted(i for group in groups for i in group) == list(range(len(owner)))


def test_a_target_that_was_moved_stands_for_no_box():
    one = sample([[90, 40, 120, 70]], [3])
    targets = assign_targets(one, ANCHORS, STRIDES, 6)
    place = tuple(np.argwhere(targets[2][:, 5])[0])
    moved = [target.copy() for target in targets]
    # A whole cell to the right, as an error by one in the assignment would have it.
    moved[2][place[0], :, place[1], place[2] + 1] = moved[2][place[0], :, place[1], place[2]]
    moved[2][place[0], :, place[1], place[2]] = 0
    assert owners(decode_targets(targets, ANCHORS, STRIDES), one.boxes, one.labels).tolist() == [0]
    assert owners(decode_targets(moved, ANCHORS, STRIDES), one.boxes, one.labels).tolist() == [-1]
    assert owners(decode_targets(targets, ANCHORS, STRIDES), one.boxes, np.array([2])).tolist() == [-1]


def test_of_two_boxes_in_one_cell_and_anchor_one_gets_no_target():
    for boxes, labels in (
        ([[90, 40, 120, 70], [91, 41, 119, 69]], [3, 5]),
        ([[90, 40, 120, 70], [90, 40, 120, 70]], [3, 3]),
    ):
        one = sample(boxes, labels)
        positives = decode_targets(assign_targets(one, ANCHORS, STRIDES, 6), ANCHORS, STRIDES)
        assert owners(positives, one.boxes, one.labels).tolist() == [1]
        assert positives.levels.tolist() == [2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp("sets"))


def test_boxes_without_target_are_those_that_lose_their_only_cell_to_another(root):
    """Counted by hand: with one cell and anchor a box, two boxes of a picture must not share them."""
    config = configuration("deeppcb", model={"assign_iou": 1.0, "neighbour_cells": False})
    source = read_source(config, root)
    anchors = np.array(training_anchors(source.boxes("train"), config))
    strides, lost = (64, 32, 16), 0
    level = {anchor: i for i, mask in enumerate(MASKS) for anchor in mask}
    for picture in source.splits["train"]:
        sizes = picture.boxes[:, 2:] - picture.boxes[:, :2]
        common = np.minimum(sizes[:, None], anchors[None]).prod(axis=2)
        iou = common / (sizes.prod(axis=1)[:, None] + anchors.prod(axis=1)[None] - common)
        taken = set()
        for box, anchor in zip(picture.boxes, iou.argmax(axis=1)):
            stride = strides[level[int(anchor)]]
            column, row = ((box[:2] + box[2:]) / 2 // stride).astype(int).tolist()
            taken.add((int(anchor), column, row))
        lost += len(picture.boxes) - len(taken)
    section, findings = check_assignment(source, anchors)
    assert lost > 0
    assert [(f.kind, f.count) for f in findings] == [("box without target", lost)]
    assert section.tables[0].rows[0][1:4] == [str(len(source.boxes("train"))), str(lost), "1.0"]


def test_anchors_are_those_of_training_and_fit_its_boxes_best(root):
    config = configuration("deeppcb", augment={"zoom": 2.0})
    source = read_source(config, root)
    anchors = np.array(training_anchors(source.boxes("train"), config))
    overlaps = best_overlaps(source, anchors)
    assert list(overlaps) == ["train, magnified", "train", "validation", "test"]
    assert overlaps["train, magnified"].mean() > overlaps["train"].mean()
    exact = source.boxes("train")
    assert best_overlaps(source, exact[:, 2:] - exact[:, :2])["train"] == pytest.approx(1)


def test_thumbnails_do_not_mind_brightness_and_size_and_see_other_pictures():
    rng = np.random.default_rng(0)
    first, second = (np.kron(rng.integers(0, 256, [8, 8]), np.ones([20, 20])) for _ in range(2))
    darker = np.repeat(np.repeat(first * 0.5 + 20, 2, axis=0), 2, axis=1)
    looks = [thumbnail(image.astype(np.uint8)[:, :, None]) for image in (first, second, darker)]
    index, correlation = most_alike(looks[2:], looks[:2])
    assert index.tolist() == [0] and correlation[0] > 0.999
    assert most_alike(looks[1:2], looks[:1])[1][0] < 0.5
    assert not thumbnail(np.full([40, 40, 3], 9, np.uint8)).any()

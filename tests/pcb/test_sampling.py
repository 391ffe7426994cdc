"""Rare classes: how often they are shown and what they weigh, by closed forms."""

import dataclasses
from pathlib import Path

import numpy as np
import paddle
import pytest

from common.errors import UserError
from common.regularization.mixup import BoxSample
from tasks.pcb.augment import random_crop
from tasks.pcb.config import Augment
from tasks.pcb.data import Picture
from tasks.pcb.sampling import class_repeat_factors, repeat_factors, systematic_sample
from tasks.pcb.synthetic_boards import write_boards
from tasks.pcb.task import Task
from tests.pcb.small_run import untrained_task


def pictures(*labels: list[int]) -> list[Picture]:
    return [Picture(Path(), "", np.zeros((len(a), 4), np.float32), np.array(a, int)) for a in labels]


# Of eight pictures six have class 0, two class 1, one class 2, none class 3.
EIGHT = pictures([0], [0, 0], [0], [0], [0, 1], [0, 1, 1, 1], [2], [])


def test_factors_are_the_root_of_threshold_over_share_and_a_picture_has_its_rarest_classs():
    factors = class_repeat_factors(EIGHT, 4, threshold=0.5)
    assert factors == pytest.approx([1, (0.5 / 0.25) ** 0.5, (0.5 / 0.125) ** 0.5, 1])
    assert repeat_factors(EIGHT, factors) == pytest.approx([1, 1, 1, 1, 2**0.5, 2**0.5, 2, 1])
    assert class_repeat_factors(EIGHT, 4, threshold=0.1) == pytest.approx([1, 1, 1, 1])


def test_a_systematic_sample_holds_each_as_often_as_its_share_to_less_than_one():
    shares = np.array([1, 1, 1, 1, 2**0.5, 2**0.5, 2, 1])
    counts = []
    for seed in range(200):
        sample = systematic_sample(shares, 32, np.random.default_rng(seed))
        counts.append(np.bincount(sample, minlength=8))
    expected = 32 * shares / shares.sum()
    assert (np.abs(np.array(counts) - expected) < 1).all()
    # A count is rounded up or down: a standard error of at most 0.5 / sqrt(200).
    assert np.mean(counts, axis=0) == pytest.approx(expected, abs=0.15)
    equal = systematic_sample(np.ones(8), 32, np.random.default_rng(0))
    assert np.bincount(equal).tolist() == [4] * 8


def test_a_crop_is_placed_around_a_box_of_a_rare_class_as_often_as_its_factor_says():
    boxes = np.float32([[10, 10, 20, 20], [200, 10, 210, 20], [10, 200, 20, 210], [200, 200, 210, 210]])
    board = BoxSample(np.zeros((220, 220, 1), np.uint8), boxes, np.arange(4), np.ones(4, np.float32))
    rng, factors = np.random.default_rng(0), np.array([1.0, 1.0, 1.0, 3.0])
    crops = [random_crop(board, Augment(background=0), 64, rng, class_factors=factors) for _ in range(600)]
    shares = np.bincount([label for crop in crops for label in crop.labels], minlength=4) / 600
    # Standard error 0.02.
    assert shares == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2], abs=0.07)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_boards(folder / "boards", number=20, size=128)
    return folder


def test_an_epoch_keeps_its_length_and_shows_pictures_by_their_factors(root, tmp_path):
    task, plain = (untrained_task(root, tmp_path, data={"repeat_threshold": t}) for t in (1.0, 0.0))
    train = task.data.splits["train"]
    # One picture has a class that no other has.
    train[1:] = [dataclasses.replace(picture, labels=0 * picture.labels) for picture in train[1:]]
    train[0] = dataclasses.replace(train[0], labels=0 * train[0].labels + 3)
    assert [len(batch) for batch in task.plan(0)] == [len(batch) for batch in plain.plan(0)]
    assert np.bincount(plain.dataset(0).shown).tolist() == [2] * len(train)
    factors = repeat_factors(train, class_repeat_factors(train, 6, 1.0))
    shown = np.bincount(task.dataset(0).shown, minlength=len(train))
    assert (np.abs(shown - 2 * len(train) * factors / factors.sum()) < 1).all() and factors.max() > 1
    assert (task.dataset(0).shown == task.dataset(0).shown).all()
    assert (task.dataset(0).shown != task.dataset(1).shown).any()


def test_weights_multiply_every_positive_term_of_a_classs_boxes(root, tmp_path):
    plain = untrained_task(root, tmp_path)
    weights = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    weighted = untrained_task(root, tmp_path, loss={"class_weights": weights})
    for index in range(4):
        one, other = plain.training_sample(index), weighted.training_sample(index)
        assert other.weights == pytest.approx(np.array(weights)[one.labels])
    compared = 0
    for (_, levels), (_, other) in zip(by_index(plain), by_index(weighted)):
        for target, changed in zip(levels, other):
            # A target's channel 5 multiplies all positive terms (test_model.py); where two boxes meet the
            # heavier one stays, so that only cells of the same class are compared.
            same = (target[:, 6:] == changed[:, 6:]).all(axis=1) & (target[:, 5] > 0)
            labels = target[:, 6:].argmax(axis=1)
            assert changed[:, 5][same] == pytest.approx(np.array(weights)[labels[same]])
            compared += same.sum()
    assert compared > 4


def by_index(task: Task) -> list:
    return [task.dataset(0)[i] for i in range(4)]


def test_twice_the_weight_of_every_class_is_twice_the_positive_loss(root, tmp_path):
    one, two = (untrained_task(root, tmp_path, loss={"class_weights": [w] * 6}) for w in (1.0, 2.0))
    terms = []
    for task in (one, two):
        batch = [paddle.to_tensor(array) for array in task.collate([task.dataset(0)[0]])]
        rng = np.random.default_rng(0)
        raw = [paddle.to_tensor(rng.normal(size=(1, 33, n, n)).astype(np.float32)) for n in (2, 4, 8)]
        targets = {f"target{i}": level for i, level in enumerate(batch[2:])}
        terms.append(one.model.head.loss(raw, {**targets, "gt_bbox": batch[1]}, one.model.head.anchors))
    for name in ("loss_xy", "loss_wh", "loss_cls"):
        assert float(terms[1][name]) == pytest.approx(2 * float(terms[0][name]), rel=1e-5)


def test_balanced_weights_average_to_one_over_the_boxes(root, tmp_path):
    task = untrained_task(root, tmp_path, loss={"class_weights": "balanced"})
    labels = np.concatenate([picture.labels for picture in task.data.splits["train"]])
    assert task.class_weights[labels].mean() == pytest.approx(1)
    counts = np.bincount(labels, minlength=6)
    assert task.class_weights * counts == pytest.approx([len(labels) / 6] * 6)


def test_weights_of_another_number_of_classes_are_one_line(root, tmp_path):
    message = "loss.class_weights: found 2, expected 6, one for each of open, short, mousebite"
    with pytest.raises(UserError, match=message):
        untrained_task(root, tmp_path, loss={"class_weights": [1.0, 2.0]})

"""Dropout heads and MixUp."""

import numpy as np
import paddle
import pytest

from common.regularization.dropout import DropoutClassifier
from common.regularization.mixup import BoxSample, draw_lambda, mix_box_samples


def test_dropout_head_is_exact_in_evaluation_and_keeps_the_expectation_in_training():
    paddle.seed(0)
    head = DropoutClassifier(32, 3, rate=0.4)
    features = paddle.randn([1, 32])
    head.eval()
    expected = head(features).numpy()
    assert (head(features).numpy() == expected).all()
    head.train()
    draws = head(features.expand([20000, 32])).numpy()
    # Five standard errors of the mean of 20,000 independent draws.
    tolerance = 5 * draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected[0]) < tolerance).all()
    assert draws.std() > 0.1


def sample(side: int, value: float, boxes: int) -> BoxSample:
    return BoxSample(
        image=np.full((side, side, 1), value, np.float32),
        boxes=np.tile(np.float32([1, 2, 3, 4]), (boxes, 1)),
        labels=np.arange(boxes),
        weights=np.ones(boxes, np.float32),
    )


def test_mixed_pixels_are_the_weighted_mean_and_are_not_rounded():
    mixed = mix_box_samples(sample(4, 10, 1), sample(4, 21, 2), 0.7)
    assert mixed.image == pytest.approx(0.7 * 10 + 0.3 * 21)
    assert mixed.image.dtype == np.float32


def test_every_box_is_kept_with_the_weight_of_its_picture():
    mixed = mix_box_samples(sample(4, 0, 2), sample(4, 0, 30), 0.25)
    assert mixed.weights.tolist() == pytest.approx([0.25] * 2 + [0.75] * 30)
    assert mixed.labels.tolist() == [0, 1, *range(30)]


def test_pictures_of_different_size_share_a_canvas_at_the_top_left():
    mixed = mix_box_samples(sample(2, 1, 0), sample(4, 1, 0), 0.5)
    assert mixed.image.shape == (4, 4, 1)
    assert mixed.image[:2, :2] == pytest.approx(1.0)
    assert mixed.image[3, 3] == pytest.approx(0.5)


@pytest.mark.parametrize(("lam", "boxes"), [(1.0, 2), (0.0, 3)])
def test_a_picture_of_weight_zero_leaves_no_box(lam, boxes):
    assert len(mix_box_samples(sample(4, 0, 2), sample(4, 0, 3), lam).boxes) == boxes


def test_lambda_follows_its_beta_distribution():
    rng = np.random.default_rng(0)
    draws = np.array([draw_lambda(rng, 1.5) for _ in range(20000)])
    # Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)); tolerances are five standard errors.
    assert draws.mean() == pytest.approx(0.5, abs=5 * 0.25 / np.sqrt(20000))
    assert draws.var() == pytest.approx(1 / 16, abs=0.003)

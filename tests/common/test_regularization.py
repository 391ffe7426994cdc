"""Dropout heads and MixUp."""

import numpy as np
import paddle
import pytest

from common.regularization.dropout import FEATURE_DROPOUTS, BlockDropout, DropoutClassifier, MLPWithDropout
from common.regularization.mixup import BoxSample, draw_lambda, mix_batch, mix_box_samples


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


@pytest.mark.parametrize("kind", FEATURE_DROPOUTS)
def test_dropout_of_feature_maps_keeps_the_expectation_and_is_off_in_evaluation(kind):
    paddle.seed(0)
    layer = FEATURE_DROPOUTS[kind](0.3)
    features = paddle.rand([1, 2, 7, 6]) + 0.5
    draws = layer(features.expand([20000, 2, 7, 6])).numpy()
    # Five standard errors of the mean of 20,000 independent draws, at each place.
    tolerance = 5 * draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - features.numpy()[0]) < tolerance).all()
    # Inside, 0.3 of the places are zero; five standard errors of a share of 0.3.
    assert (draws[:, :, 3, 3] == 0).mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / 20000))
    layer.eval()
    assert (layer(features) == features).all()


def test_channel_dropout_takes_whole_channels_and_block_dropout_whole_squares():
    paddle.seed(0)
    ones = paddle.ones([200, 4, 9, 9])
    channels = FEATURE_DROPOUTS["channel"](0.3)(ones).numpy().reshape(800, 81)
    assert set((channels == 0).mean(axis=1)) == {0.0, 1.0}
    zeros = BlockDropout(0.05)(ones).numpy() == 0
    # Each zero away from the rim lies in some 3 x 3 square of zeros.
    squares = np.lib.stride_tricks.sliding_window_view(zeros, (3, 3), axis=(2, 3)).all(axis=(4, 5))
    covered = np.zeros_like(zeros)
    for row in range(3):
        for column in range(3):
            covered[:, :, row : row + 7, column : column + 7] |= squares
    assert zeros.any() and (covered[:, :, 2:-2, 2:-2] == zeros[:, :, 2:-2, 2:-2]).all()


@pytest.mark.parametrize(("rate", "block"), [(1.0, 3), (-0.1, 3), (0.3, 2), (0.3, 0)])
def test_block_dropout_refuses_what_it_cannot_do(rate, block):
    with pytest.raises(ValueError, match="found .* expected"):
        BlockDropout(rate, block)


@pytest.mark.parametrize("rate", [1.0, 1.5, -0.1])
def test_heads_refuse_a_rate_outside_their_range(rate):
    for head in (lambda: DropoutClassifier(2, 2, rate), lambda: MLPWithDropout(2, 2, 2, rate)):
        with pytest.raises(ValueError, match="rate: found .* expected 0 <= rate < 1"):
            head()


def test_the_mlps_activation_is_a_class():
    assert isinstance(MLPWithDropout(2, 2, 2, activation=paddle.nn.GELU).activation, paddle.nn.GELU)


def test_the_mlp_drops_hidden_values_behind_the_activation():
    paddle.seed(0)
    layer = MLPWithDropout(8, 64, 3)
    features = paddle.randn([1, 8])
    seen = []
    layer.output.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].numpy()))
    layer.eval()
    exact = layer(features).numpy()
    assert (layer(features).numpy() == exact).all()
    layer.train()
    draws = layer(features.expand([20000, 8])).numpy()
    tolerance = 5 * draws.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - exact[0]) < tolerance).all()
    active = seen[0][0] > 0
    assert (seen[2][:, active] == 0).mean() == pytest.approx(0.4, abs=0.005)


def test_a_mixed_batch_draws_lambda_for_each_pair_and_keeps_the_sums_of_its_targets():
    inputs = np.arange(12, dtype=np.uint8).reshape(6, 2)
    mixed, targets = mix_batch(inputs, np.eye(6), 1.0, np.random.default_rng(0))
    assert mixed.dtype == np.float32
    assert targets.sum(axis=1) == pytest.approx(1)
    # One-hot targets tell the share of every sample in the mixture.
    assert mixed == pytest.approx(targets @ inputs, abs=1e-5)
    assert len(set(np.round(targets.max(axis=1), 6))) > 2


@pytest.mark.parametrize("size", [2, 3, 7])
def test_no_sample_is_mixed_with_itself(size):
    for seed in range(50):
        _, targets = mix_batch(np.zeros((size, 1)), np.eye(size), 1.0, np.random.default_rng(seed))
        assert ((targets > 0).sum(axis=1) == 2).all()
    single, target = mix_batch(np.ones((1, 1)), np.eye(1), 1.0, np.random.default_rng(0))
    assert single == pytest.approx(1.0) and target == pytest.approx(1.0)


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


def test_what_cannot_be_mixed_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="targets: found 1 dimensions"):
        mix_batch(np.zeros((3, 2)), np.array([0, 1, 2]), 1.0, rng)
    empty = BoxSample(np.zeros((8, 8, 1), np.float32), np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))
    with pytest.raises(ValueError, match="lam: found 1.5"):
        mix_box_samples(empty, empty, 1.5)


def test_a_share_too_small_for_float32_leaves_no_box():
    box = BoxSample(np.zeros((8, 8, 1), np.float32), np.float32([[0, 0, 4, 4]]), np.array([1]), np.ones(1))
    assert len(mix_box_samples(box, box, 1e-50).boxes) == 1

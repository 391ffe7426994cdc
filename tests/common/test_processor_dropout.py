"""Dropout by NumPy against what Paddle's does."""

import numpy as np
import paddle
import pytest
from paddle import nn

from common.regularization import processor_dropout
from common.regularization.placement import check_placement, faults
from common.regularization.processor_dropout import dropout, use_processor_dropout


@pytest.mark.parametrize("p", [0.1, 0.4, 0.9])
def test_the_share_is_dropped_and_the_rest_scaled(p):
    paddle.seed(0)
    found = dropout(paddle.ones([1000, 200]), p).numpy()
    kept = found != 0
    # Four standard errors of a share of 200,000 draws.
    assert kept.mean() == pytest.approx(1 - p, abs=4 * (p * (1 - p) / kept.size) ** 0.5)
    assert np.unique(found[kept]) == pytest.approx(1 / (1 - p), rel=2e-4)


def test_what_is_dropped_depends_on_paddles_seed_alone():
    def draw():
        return dropout(paddle.ones([50, 40]), 0.5).numpy()

    paddle.seed(3)
    first, second = draw(), draw()
    paddle.seed(3)
    np.random.seed(1)
    assert (draw() == first).all() and (draw() == second).all()
    assert (first != second).any()


def test_the_gradient_passes_where_the_value_did():
    x = paddle.ones([30, 30])
    x.stop_gradient = False
    y = dropout(x, 0.3)
    y.sum().backward()
    assert (x.grad == y).all()


@pytest.mark.parametrize("p, training", [(0.0, True), (0.5, False)])
def test_off_it_is_the_identity(p, training):
    x = paddle.rand([4, 4])
    assert dropout(x, p, training) is x


@pytest.mark.parametrize("p", [1.0, 1 - 1e-6])
def test_at_a_rate_of_one_nothing_is_left(p):
    assert np.isfinite(dropout(paddle.ones([100]), p).numpy()).all()
    assert (dropout(paddle.ones([100]), 1.0) == 0).all()


def test_other_types_are_paddles():
    assert dropout(paddle.ones([100], dtype="float64"), 0.5).dtype == paddle.float64


def test_layers_are_replaced_where_they_are_the_same():
    kept = nn.Dropout(0.1, mode="downscale_in_infer"), nn.Dropout(0.1, axis=1), nn.Dropout2D(0.1)
    model = nn.Sequential(nn.Dropout(0.2), nn.Sequential(nn.Dropout(0.3)), *kept)
    use_processor_dropout(model)
    assert type(model[0]) is type(model[1][0]) is processor_dropout.ProcessorDropout
    assert (model[0].p, model[1][0].p) == (0.2, 0.3)
    assert [type(layer) for layer in kept] == [nn.Dropout, nn.Dropout, nn.Dropout2D]


def test_the_placement_check_sees_it():
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.4), nn.BatchNorm1D(8), nn.Linear(8, 2))
    use_processor_dropout(model)
    found = faults(check_placement(model, paddle.rand([4, 8])))
    assert [(f.layer, f.reason) for f in found] == [("1", "dropout reaches a batch normalisation")]

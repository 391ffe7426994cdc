"""The predicted shrinkage is what Paddle's optimizers do to a weight without a gradient."""

import pytest
from paddle import nn

from common.config import Optim
from common.regularization.parameter_groups import parameter_settings
from common.regularization.shrinkage import NEGLIGIBLE, total_shrinkage
from common.training.optimizer import build_optimizer
from common.training.schedule import learning_rates


def trained_without_gradient(optim: Optim, rates: list[float], decay: float) -> float:
    layer = nn.Linear(1, 1, weight_attr=nn.initializer.Constant(1.0), bias_attr=False)
    optimizer = build_optimizer(optim, parameter_settings(layer, decay))
    for rate in rates:
        optimizer.set_lr(rate)
        (layer.weight * 0.0).sum().backward()
        optimizer.step()
        optimizer.clear_grad()
    return layer.weight.item()


@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "step"])
def test_it_equals_a_run_without_gradient(name, schedule):
    optim = Optim(name=name, learning_rate=0.1, schedule=schedule, warmup=0.2, weight_decay=0.05)
    rates = learning_rates(40, optim)
    expected = 1 - trained_without_gradient(optim, rates, 0.05)
    # Float32 weights lose about 6e-8 in each of the 40 updates.
    assert total_shrinkage(optim, rates, 1.0, 0.05) == pytest.approx(expected, abs=5e-6)
    assert expected > 0.01


def test_the_articles_adamw_setting_shrinks_nothing_and_paddle_agrees():
    optim = Optim(name="adamw", learning_rate=2e-5, weight_decay=5e-5, schedule="constant")
    rates = learning_rates(500, optim)
    assert total_shrinkage(optim, rates, 1.0, 5e-5) == 0.0 < NEGLIGIBLE
    assert trained_without_gradient(optim, rates, 5e-5) == 1.0


def test_the_articles_momentum_setting_does_shrink():
    optim = Optim(name="momentum", learning_rate=0.01, schedule="constant")
    # Momentum 0.9 repeats each term ten times: 1 - exp(-1000·0.01·1e-4·10) = 0.00995.
    assert total_shrinkage(optim, [0.01] * 1000, 1.0, 1e-4) == pytest.approx(0.00995, rel=0.02)


def test_scales_multiply_and_no_decay_is_no_shrinkage():
    optim = Optim(name="sgd")
    assert total_shrinkage(optim, [0.1], 0.5, 0.2) == pytest.approx(0.1 * 0.5 * 0.2)
    for name in ("sgd", "momentum", "adam", "adamw"):
        assert total_shrinkage(Optim(name=name), [0.1] * 3, 1.0, 0.0) == 0.0


def test_adam_has_no_shrinkage_because_it_divides_the_term_by_its_size():
    optim = Optim(name="adam", learning_rate=0.1)
    assert total_shrinkage(optim, [0.1], 1.0, 0.5) is None
    # Trap 10: the step is the rate, whatever the decay.
    assert trained_without_gradient(optim, [0.1], 0.5) == pytest.approx(0.9, abs=1e-4)
    assert trained_without_gradient(optim, [0.1], 0.05) == pytest.approx(0.9, abs=1e-4)

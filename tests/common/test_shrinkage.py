"""The predicted shrinkage is what Paddle's optimizers do to weights without a gradient."""

import time

import numpy as np
import paddle
import pytest
from paddle import nn

from common.config_fields import Optim, Rule
from common.errors import UserError
from common.regularization.parameter_groups import parameter_settings
from common.regularization.policy_report import group_rows
from common.regularization.shrinkage import NEGLIGIBLE, total_shrinkage
from common.training.optimizer import build_optimizer
from common.training.schedule import learning_rates

WEIGHTS = np.random.default_rng(0).normal(0, 0.02, (512, 1)).astype(np.float32)


def shrunk_by_paddle(optim: Optim, rates: list[float], decay: float, lr_scale: float = 1.0) -> float:
    """Mean share that a run without gradient takes away from weights as BERT's begin."""
    layer = nn.Linear(512, 1, bias_attr=False)
    layer.weight.set_value(WEIGHTS)
    rules = [Rule("weight", learning_rate=lr_scale)]
    optimizer = build_optimizer(optim, parameter_settings(layer, decay, rules=rules))
    for rate in rates:
        optimizer.set_lr(rate)
        layer.weight.grad = paddle.zeros_like(layer.weight)
        optimizer.step()
    return float(np.mean(1 - layer.weight.numpy().astype(np.float64) / WEIGHTS))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw"])
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "step"])
def test_it_equals_a_run_without_gradient(name, schedule):
    optim = Optim(name=name, learning_rate=0.1, schedule=schedule, warmup=0.2, weight_decay=0.05)
    rates = learning_rates(40, optim)
    expected = shrunk_by_paddle(optim, rates, 0.05, lr_scale=0.7)
    # Rounding moves a single weight by at most 6e-8 in each of 40 updates.
    assert total_shrinkage(optim, rates, 0.7, 0.05) == pytest.approx(expected, abs=2.4e-6)
    assert expected > 0.01


@pytest.mark.parametrize("name", ["sgd", "momentum", "adamw"])
@pytest.mark.parametrize(("rate", "decay"), [(7e-4, 5e-5), (1.3e-3, 5e-5), (1e-3, 1e-2)])
def test_it_equals_a_run_whose_terms_are_lost_to_rounding_in_part(name, rate, decay):
    optim = Optim(name=name, learning_rate=rate)
    expected = shrunk_by_paddle(optim, [rate] * 1000, decay)
    # 512 normal weights are not spread quite as evenly as the 64 of the prediction.
    assert total_shrinkage(optim, [rate] * 1000, 1.0, decay) == pytest.approx(expected, rel=0.1, abs=1e-6)


def test_a_decay_that_moves_few_weights_is_negligible():
    optim = Optim(name="adamw", learning_rate=7e-4)
    # Rounded as a factor, 1 - 3.5e-8 would be 1 - 6e-8 and shrink every weight by 1.8e-4.
    found = total_shrinkage(optim, [7e-4] * 3000, 1.0, 5e-5)
    assert found == pytest.approx(4.8e-5, rel=0.1) and found < NEGLIGIBLE


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_below_3e_8_an_update_no_weight_moves_and_paddle_agrees(name):
    optim = Optim(name=name, learning_rate=5e-4)
    assert total_shrinkage(optim, [5e-4] * 5000, 1.0, 5e-5) == 0.0
    assert shrunk_by_paddle(optim, [5e-4] * 5000, 5e-5) == 0.0


def test_the_articles_momentum_setting_does_shrink():
    optim = Optim(name="momentum", learning_rate=0.01, schedule="constant")
    # Momentum 0.9 repeats each term ten times: 1 - exp(-1000·0.01·1e-4·10) = 0.00995.
    assert total_shrinkage(optim, [0.01] * 1000, 1.0, 1e-4) == pytest.approx(0.00995, rel=0.02)


def test_scales_multiply_and_no_decay_is_no_shrinkage():
    optim = Optim(name="sgd")
    assert total_shrinkage(optim, [0.1], 0.5, 0.2) == pytest.approx(0.1 * 0.5 * 0.2, rel=1e-5)
    for name in ("sgd", "momentum", "adam", "adamw"):
        assert total_shrinkage(Optim(name=name), [0.1] * 3, 1.0, 0.0) == 0.0


def test_adam_has_no_shrinkage_because_it_divides_the_term_by_its_size():
    assert total_shrinkage(Optim(name="adam", learning_rate=0.1), [0.1], 1.0, 0.5) is None
    for decay in (0.5, 0.05):
        layer = nn.Linear(1, 1, weight_attr=nn.initializer.Constant(1.0), bias_attr=False)
        optimizer = build_optimizer(Optim(name="adam", learning_rate=0.1), parameter_settings(layer, decay))
        layer.weight.grad = paddle.zeros([1, 1])
        optimizer.step()
        # Trap 10: the step is the rate, whatever the decay.
        assert layer.weight.item() == pytest.approx(0.9, abs=1e-4)


def test_a_hundred_thousand_updates_take_little_time():
    begun = time.perf_counter()
    total_shrinkage(Optim(name="momentum"), [1e-3] * 100_000, 1.0, 0.01)
    # About 0.3 s alone on the machine.
    assert time.perf_counter() - begun < 3


def test_a_decay_that_takes_more_than_a_weight_is_refused():
    settings = parameter_settings(nn.Linear(2, 2), 20.0)
    with pytest.raises(UserError, match="found 20 for weight at a rate of 0.1, expected a product below 1"):
        group_rows(settings, Optim(name="adamw", learning_rate=0.1), [0.05, 0.1])

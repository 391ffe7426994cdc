"""Updates without gradient against their closed forms, for every class of parameter."""

import math

import numpy as np
import paddle
import pytest
from paddle import nn

from common.config_fields import Optim, Rule
from common.regularization.parameter_groups import parameter_settings
from common.training.optimizer import build_optimizer
from common.training.schedule import learning_rates

DECAY, MOMENTUM, FIRST, SECOND, EPSILON = 0.3, 0.9, 0.9, 0.999, 1e-8
DEPTHS = {"0": 0, "1": 1, "2": 1, "3": 2}

# By parameter: whether it decays, and n+1-k, with the frozen head at depth n+1 = 2.
CLASSES = {
    "0.weight": ("embedding", True, 2),
    "1.weight": ("weight", True, 1),
    "1.bias": ("bias", False, 1),
    "2.weight": ("normalisation", False, 1),
    "2.bias": ("normalisation", False, 1),
    "3.weight": ("frozen", False, 0),
    "3.bias": ("frozen", False, 0),
}
POLICIES = {
    "flat": ({}, 1.0, 1.0),
    "a rule on every rate": ({"rules": [Rule(".*", learning_rate=0.7)]}, 1.0, 1.0),
    "layer-wise": (
        {"layer_decay": 0.5, "weight_decay_layer_decay": 0.9, "depth_of": lambda name: DEPTHS[name[0]]},
        0.5,
        0.9,
    ),
}


def model() -> nn.Layer:
    network = nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2), nn.LayerNorm(2), nn.Linear(2, 2))
    for parameter in network.parameters():
        parameter.set_value(paddle.ones_like(parameter))
    for parameter in network[3].parameters():
        parameter.stop_gradient = True
    return network


def closed_form(name: str, rates: list[float], scale: float, decay: float) -> float:
    """A weight of 1 after updates whose only gradient is the optimizer's own decay."""
    weight, first, second = 1.0, 0.0, 0.0
    for step, rate in enumerate((r * scale for r in rates), start=1):
        term = decay * weight
        if name == "momentum":
            first = MOMENTUM * first + term
            weight -= rate * first
        elif name == "adam" and decay:
            # Kingma & Ba 2015: the decay is in both moments.
            first, second = FIRST * first + (1 - FIRST) * term, SECOND * second + (1 - SECOND) * term**2
            corrected = second / (1 - SECOND**step)
            weight -= rate * first / (1 - FIRST**step) / (math.sqrt(corrected) + EPSILON)
        elif name != "adam":
            weight -= rate * term
    return weight


@pytest.mark.parametrize("micro_batches", [1, 3])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["adamw", "adam", "momentum", "sgd"])
def test_updates_without_gradient_do_exactly_what_is_documented(name, policy, micro_batches):
    options, layer_decay, decay_layer_decay = POLICIES[policy]
    network = model()
    settings = parameter_settings(network, DECAY, **options)
    optim = Optim(name=name, learning_rate=0.1, momentum=MOMENTUM, schedule="linear", warmup=0.4)
    optimizer = build_optimizer(optim, settings)
    rates = learning_rates(5, optim)
    assert len(set(rates)) > 2
    for rate in rates:
        optimizer.set_lr(rate)
        for _ in range(micro_batches):
            paddle.add_n([(p * 0).sum() for p in network.parameters() if not p.stop_gradient]).backward()
        optimizer.step()
        optimizer.clear_grad()
    assert {s.name for s in settings} == set(CLASSES)
    for setting in settings:
        kind, decayed, below = CLASSES[setting.name]
        scale = layer_decay**below * (0.7 if "rule" in policy else 1.0)
        decay = DECAY * decay_layer_decay**below if decayed else 0.0
        values = setting.parameter.numpy()
        if decayed:
            # Float32 rounds by up to 6e-8 in each of 5 updates; Adam's root and quotient more.
            expected = closed_form(name, rates, scale, decay)
            assert values == pytest.approx(np.full_like(values, expected), abs=2e-6), kind
            assert expected < 0.99
        else:
            assert (values == 1.0).all(), kind

"""The explicit penalty against the optimizer's coupled decay, with and without clipping."""

from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn

from common.config_fields import Optim
from common.regularization.l2_penalty import l2_penalty
from common.regularization.parameter_groups import merge_groups, parameter_settings
from common.training.optimizer import build_optimizer, clip_gradients
from tests.small_runs import small_trainer

DECAY = 0.3


def test_its_value_is_half_lambda_times_the_squares():
    layer = nn.Linear(2, 2)
    layer.weight.set_value(np.float32([[1, 2], [3, 4]]))
    assert l2_penalty(merge_groups(parameter_settings(layer, 0.5))).item() == pytest.approx(0.25 * 30)
    assert l2_penalty(merge_groups(parameter_settings(layer, 0.0))).item() == 0.0


def one_update(name: str, explicit: bool, clip_norm: float) -> np.ndarray:
    layer = nn.Linear(2, 1, weight_attr=nn.initializer.Constant(2.0), bias_attr=False)
    settings = parameter_settings(layer, DECAY)
    optimizer = build_optimizer(Optim(name=name, learning_rate=0.1, explicit_l2=explicit), settings)
    loss = layer(paddle.to_tensor([[3.0, 4.0]])).sum()
    if explicit:
        loss = loss + l2_penalty(merge_groups(settings))
    loss.backward()
    clip_gradients(settings, clip_norm)
    optimizer.step()
    return layer.weight.numpy().ravel()


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_without_clipping_it_is_the_optimizers_coupled_decay(name):
    assert one_update(name, True, 0.0) == pytest.approx(one_update(name, False, 0.0), abs=1e-6)


def test_with_clipping_the_penalty_is_clipped_and_the_optimizers_term_is_not():
    gradient, weight = np.array([3.0, 4.0]), np.array([2.0, 2.0])
    whole = gradient + DECAY * weight
    assert one_update("sgd", True, 1.0) == pytest.approx(weight - 0.1 * whole / np.linalg.norm(whole))
    assert one_update("sgd", False, 1.0) == pytest.approx(weight - 0.1 * (gradient / 5 + DECAY * weight))


def test_a_training_run_adds_it_once_an_update_whatever_the_accumulation(tmp_path: Path):
    optim = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 1.0, "explicit_l2": True, "clip_norm": 0.0}
    weights = {}
    for accumulate in (1, 4):
        overrides = {
            "optim": optim,
            "train": {"steps": 3, "accumulate": accumulate},
            "model": {"dropout": 0.0, "encoder_dropout": 0.0},
        }
        trainer = small_trainer(tmp_path / str(accumulate), overrides)
        trainer.run()
        weights[accumulate] = [s.parameter.numpy() for s in trainer.settings if s.weight_decay]
    for one, four in zip(weights[1], weights[4]):
        assert four == pytest.approx(one, abs=1e-5)


def test_in_a_run_without_clipping_it_equals_the_decay_in_the_optimizer(tmp_path: Path):
    weights = []
    for explicit in (False, True):
        optim = {"name": "sgd", "learning_rate": 0.01, "weight_decay": 0.5, "clip_norm": 0.0}
        overrides = {"optim": {**optim, "explicit_l2": explicit}, "train": {"steps": 3}}
        trainer = small_trainer(tmp_path / str(explicit), overrides)
        trainer.run()
        weights.append([s.parameter.numpy() for s in trainer.settings])
    for implicit, explicit in zip(*weights):
        assert explicit == pytest.approx(implicit, abs=1e-6)

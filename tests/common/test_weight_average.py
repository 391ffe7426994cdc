"""The average of weights: its closed form, and that training never notices it."""

import numpy as np
import paddle
import pandas as pd
import pytest
from paddle import nn

from common.errors import Interrupted
from common.training.weight_average import WeightAverage
from tests.common.test_loop import MEASURED, history, stopping_task, weights
from tests.small_runs import small_trainer

AVERAGED = {"train": {"average_decay": 0.9}}


def test_the_average_follows_its_closed_form():
    model = nn.Linear(1, 1)
    average = WeightAverage(model, decay=0.5)
    expected = float(model.weight)
    for step in range(1, 20):
        model.weight.set_value(paddle.to_tensor([[float(step)]]))
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    with average.applied():
        assert float(model.weight) == pytest.approx(expected, rel=1e-6)
    assert float(model.weight) == 19.0


def test_running_statistics_are_averaged_and_whole_numbers_left_alone():
    model = nn.BatchNorm1D(2)
    model.register_buffer("count", paddle.to_tensor([3]))
    assert set(WeightAverage(model, 0.9).tensors) == {"weight", "bias", "_mean", "_variance"}


def test_weights_come_back_when_an_evaluation_fails():
    model = nn.Linear(1, 1)
    average = WeightAverage(model, 0.9)
    model.weight.set_value(paddle.to_tensor([[7.0]]))
    with pytest.raises(RuntimeError), average.applied():
        raise RuntimeError
    assert float(model.weight) == 7.0


def test_training_is_the_same_with_and_without_an_average(tmp_path):
    plain, averaged = small_trainer(tmp_path / "plain"), small_trainer(tmp_path / "averaged", AVERAGED)
    plain.run()
    averaged.run()
    assert all(np.array_equal(weights(plain)[name], value) for name, value in weights(averaged).items())
    assert (history(plain)["train_loss"] == history(averaged)["train_loss"]).all()
    assert (history(plain)["validation_loss"] != history(averaged)["validation_loss"]).all()


def test_a_resumed_run_continues_the_average(tmp_path):
    whole = small_trainer(tmp_path / "whole", AVERAGED)
    whole.run()
    with pytest.raises(Interrupted):
        small_trainer(tmp_path / "stopped", AVERAGED, stopping_task(7)).run()
    resumed = small_trainer(tmp_path / "stopped", AVERAGED)
    resumed.run(resume=True)
    one, two = (history(trainer).drop(columns=MEASURED) for trainer in (whole, resumed))
    pd.testing.assert_frame_equal(one, two, check_exact=True)

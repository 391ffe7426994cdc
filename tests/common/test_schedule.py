"""The rate over a run."""

import pytest

from common.config_fields import Optim
from common.training.schedule import learning_rate_factor


def course(schedule: str, warmup: float, total: int = 100) -> list[float]:
    optim = Optim(schedule=schedule, warmup=warmup)
    return [learning_rate_factor(step, total, optim) for step in range(total)]


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "step"])
def test_warm_up_rises_in_equal_steps_to_the_peak(schedule):
    factors = course(schedule, 0.1)
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert max(factors) == 1.0
    assert factors[10] == 1.0


def test_linear_falls_evenly_to_zero_just_after_the_last_update():
    factors = course("linear", 0.0)
    assert factors[0] == 1.0
    assert factors[50] == pytest.approx(0.5)
    assert factors[-1] == pytest.approx(0.01)


def test_cosine_is_half_in_the_middle_and_flat_at_both_ends():
    factors = course("cosine", 0.0)
    assert factors[50] == pytest.approx(0.5)
    assert 1 - factors[1] < 0.001
    assert factors[-1] < 0.001


def test_constant_stays():
    assert set(course("constant", 0.0)) == {1.0}


def test_step_multiplies_by_gamma_at_each_milestone():
    optim = Optim(schedule="step", milestones=[0.5, 0.75], gamma=0.1)
    factors = [learning_rate_factor(step, 8, optim) for step in range(8)]
    assert factors == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_a_run_of_one_update_has_a_rate():
    assert learning_rate_factor(0, 1, Optim(schedule="cosine", warmup=0.5)) == 1.0

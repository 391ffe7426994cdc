"""The rate over a run."""

import pytest

from common.training.schedule import learning_rate_factor


def course(schedule: str, warmup: float, total: int = 100) -> list[float]:
    return [learning_rate_factor(step, total, warmup, schedule) for step in range(total)]


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
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


def test_a_run_of_one_update_has_a_rate():
    assert learning_rate_factor(0, 1, 0.5, "cosine") == 1.0

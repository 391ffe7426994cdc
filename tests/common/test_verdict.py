"""Verdicts on claims, seeds that would decide, Holm's correction."""

import math

import numpy as np
import pytest

from common.evaluation.comparison import Arm, Comparison, Interval, Summary, compare, t_interval
from common.evaluation.fluctuation import pitman_morgan
from common.evaluation.resampled_metrics import RatioMetric
from common.evaluation.resampling import Draws
from common.evaluation.verdict import (
    NO_EFFECT,
    NOT_DECIDED,
    OPPOSITE,
    REACHED,
    SMALLER,
    classify,
    holm,
    judge,
    judge_spread,
)


def comparison(differences) -> Comparison:
    seeds = dict(enumerate(differences))
    return compare(Arm("baseline", dict.fromkeys(seeds, 0.0)), Arm("other", seeds))


@pytest.mark.parametrize(
    "estimate, low, high, expected",
    [
        (0.040, 0.020, 0.060, REACHED),
        (0.032, 0.001, 0.063, REACHED),
        (0.020, 0.001, 0.039, SMALLER),
        (0.002, 0.001, 0.003, SMALLER),
        (0.000, -0.004, 0.004, NO_EFFECT),
        (-0.002, -0.003, -0.001, NO_EFFECT),
        (-0.020, -0.030, -0.010, OPPOSITE),
        (0.010, 0.000, 0.020, NOT_DECIDED),
        (0.000, -0.005, 0.005, NOT_DECIDED),
        (0.000, -0.050, 0.050, NOT_DECIDED),
    ],
)
def test_verdicts_on_a_gain_of_3_2_points_with_a_margin_of_half_a_point(estimate, low, high, expected):
    assert classify(estimate, Interval(low, high), figure=0.032) == expected


def test_a_figure_above_the_interval_is_contradicted_beside_the_verdict():
    found = judge(comparison([0.010, 0.011, 0.012, 0.009, 0.010]), figure=0.032)
    assert (found.verdict, found.contradicts_figure) == (SMALLER, True)
    assert str(found) == "smaller than claimed, contradicts the figure"
    found = judge(comparison([-0.03, -0.02, -0.03]), figure=0.032)
    assert str(found) == "opposite, contradicts the figure; exploratory"


def test_a_claim_of_a_direction_has_no_figure_to_contradict():
    found = judge(comparison([0.010, 0.011, 0.012, 0.009, 0.010]))
    assert str(found) == "reached"
    assert str(judge(comparison([-0.010, -0.011, -0.012, -0.009, -0.010]))) == "opposite"


def test_of_rates_that_should_fall_a_fall_is_the_gain():
    falls = comparison([-0.040, -0.041, -0.039, -0.042, -0.038])
    assert str(judge(falls, figure=0.03, lower_is_better=True)) == "reached"
    assert (
        str(judge(falls, figure=0.05, lower_is_better=True)) == "smaller than claimed, contradicts the figure"
    )
    assert judge(falls, figure=0.03).verdict == OPPOSITE


def test_one_seed_decides_nothing():
    assert str(judge(comparison([0.1]), figure=0.032)) == "not decided; exploratory"
    diverged = compare(Arm("baseline", {1: math.nan}), Arm("other", {1: 0.9}))
    assert str(judge(diverged, 0.032)) == "not decided; exploratory"


def test_arms_that_do_not_fluctuate_have_no_ratio_to_judge():
    assert str(judge_spread(pitman_morgan([1.0] * 6, [1.0] * 6), figure=0.4)) == "not decided"


def test_the_seeds_needed_are_the_fewest_that_decide():
    found = comparison([0.04, -0.02, 0.03, -0.01, 0.02])
    verdict = judge(found, figure=0.032)
    needed, variance = verdict.seeds_needed, np.var(found.differences, ddof=1)
    assert verdict.verdict == NOT_DECIDED and needed > 5
    for seeds, decided in ((needed - 1, False), (needed, True)):
        low, high, _ = t_interval(found.estimate, [variance / seeds], [seeds - 1])
        assert (classify(found.estimate, Interval(low, high)) != NOT_DECIDED) == decided
    assert str(verdict) == f"not decided ({needed} seeds would decide)"
    same = judge(comparison([-d for d in found.differences]), lower_is_better=True)
    assert same.seeds_needed == needed


def test_no_number_of_seeds_makes_up_for_a_small_test_set():
    names = tuple(map(str, range(20)))
    effect = np.random.default_rng(2).normal(0, 0.2, 20)
    values = {seed: float(effect.mean()) for seed in range(5)}
    metrics = {seed: RatioMetric(names, effect, np.ones(20)) for seed in range(5)}
    nothing = {seed: RatioMetric(names, np.zeros(20), np.ones(20)) for seed in range(5)}
    arms = Arm("baseline", dict.fromkeys(values, 0.0), nothing), Arm("other", values, metrics)
    found = judge(compare(*arms, Draws(names, 500)), 0.1)
    assert found.seeds_needed is None
    assert str(found).startswith("not decided (not even 1000 seeds would decide)")


def test_more_seeds_average_what_each_answers_in_its_own_way():
    arms = Summary(0.0, 1.0, 5), Summary(0.0, 1.0, 5)
    known = {"estimate": 0.01, "seed_variance": 1e-5, "units": 1000, "item_degrees": 999.0}
    known.update(seeds=(1, 2, 3, 4, 5), differences=(0.01,) * 5, interval=Interval(-0.1, 0.1))
    own = Comparison(*arms, **known, item_variance=1e-4, interaction=5e-4)
    alike = Comparison(*arms, **known, item_variance=1e-4, interaction=0.0)
    assert judge(own).seeds_needed and judge(alike).seeds_needed is None


def test_40_percent_less_fluctuation():
    random = np.random.default_rng(0)
    base = random.normal(0, 1, 30)
    noise = random.normal(0, 1, 30)
    for arm in (base, noise):
        arm -= arm.mean()
    less = judge_spread(pitman_morgan(base, 0.3 * noise), figure=0.4)
    assert less.verdict == REACHED and not less.contradicts_figure
    five = judge_spread(pitman_morgan(base[:5], 0.6 * noise[:5]), figure=0.4)
    assert five.verdict == NOT_DECIDED and five.seeds_needed > 5


def test_half_a_point_is_no_measure_of_a_ratio_of_spreads():
    """Equal to within 0.4 %, which would be no relevant effect of a difference."""
    base = np.random.default_rng(3).normal(size=30)
    noise = 1e-3 * np.random.default_rng(4).normal(size=30)
    found = judge_spread(pitman_morgan(base, base + noise))
    assert -0.005 < found.interval.low < 0 < found.interval.high < 0.005
    assert found.verdict == NOT_DECIDED


def test_holm_is_that_of_r():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []
    with pytest.raises(ValueError):
        holm([0.1, math.nan])

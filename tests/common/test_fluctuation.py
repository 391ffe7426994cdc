"""Spread between seeds and within runs: against scipy, by hand, by simulation."""

import math

import numpy as np
import pytest
from scipy import stats

from common.evaluation.fluctuation import (
    fluctuation_ratio,
    pitman_morgan,
    pitman_morgan_interval,
    spread_sources,
    within_run_fluctuation,
)

# Standard deviation and shape of what seeds, draws and single runs give.
SOURCES = ((1.0, (1, 4)), (1.0, (4, 1)), (0.1, (4, 4)))


def pairs(seed: int, number: int, correlation: float, ratio: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    covariance = [[1, correlation * ratio], [correlation * ratio, ratio**2]]
    return np.random.default_rng(seed).multivariate_normal([0, 0], covariance, number).T


@pytest.mark.parametrize("seed, correlation", [(0, 0.0), (1, 0.7), (2, -0.5)])
def test_pitman_morgan_is_the_test_of_the_correlation_of_sum_and_difference(seed, correlation):
    x, y = pairs(seed, 12, correlation, 0.6)
    found = pitman_morgan(x, y)
    assert found.p_value == pytest.approx(stats.pearsonr(x + y, y - x).pvalue)
    assert found.ratio == pytest.approx(np.std(y, ddof=1) / np.std(x, ddof=1))
    assert found.levene_p_value == pytest.approx(stats.levene(x, y, center="median").pvalue)


@pytest.mark.parametrize("seed, correlation", [(0, 0.0), (1, 0.7), (2, -0.5)])
def test_the_interval_of_the_ratio_holds_what_the_test_does_not_reject(seed, correlation):
    x, y = pairs(seed, 12, correlation, 0.6)
    found = pitman_morgan(x, y)
    for end in (found.interval.low, found.interval.high):
        assert stats.pearsonr(x + y / end, y / end - x).pvalue == pytest.approx(0.05)
    assert found.reduction_interval.low == 1 - found.interval.high


@pytest.mark.parametrize("number, low, high", [(5, 0.19, 1.86), (30, 0.41, 0.87)])
def test_a_ratio_of_0_6_needs_thirty_seeds(number, low, high):
    # Arms that are known not to correlate have the interval of the F distribution.
    factor = np.sqrt(stats.f.ppf(0.975, number - 1, number - 1))
    assert (0.6 / factor, 0.6 * factor) == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))
    ends = pitman_morgan_interval(0.6, 0.0, number)
    assert (ends[0] < low + 0.005 and ends[1] > high - 0.005) and (ends[1] < 1) == (number == 30)


@pytest.mark.parametrize("number", [5, 10, 30])
@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_coverage_of_the_interval_of_the_ratio(number, correlation):
    x, y = pairs(number, 3000 * number, correlation, 0.6).reshape(2, 3000, number)
    ratios = y.std(axis=1) / x.std(axis=1)
    rhos = [np.corrcoef(*pair)[0, 1] for pair in zip(x, y)]
    ends = np.array([pitman_morgan_interval(*one, number) for one in zip(ratios, rhos)])
    assert 0.93 <= ((ends[:, 0] < 0.6) & (ends[:, 1] > 0.6)).mean() <= 0.98


def test_samples_that_have_no_ratio_or_no_interval():
    assert math.isnan(pitman_morgan([1, 1, 1], [1, 2, 3]).ratio)
    assert math.isnan(pitman_morgan([1, math.nan, 3], [1, 2, 3]).ratio)
    two = pitman_morgan([0, 2], [0, 1])
    assert two.ratio == pytest.approx(0.5) and two.interval is None and two.reduction_interval is None
    with pytest.raises(ValueError, match="expected pairs"):
        pitman_morgan([1, 2, 3], [1, 2])


def test_arms_that_are_proportional_leave_no_doubt():
    found = pitman_morgan([1, 2, 4], [0.5, 1, 2])
    assert (found.interval.low, found.interval.high) == pytest.approx((0.5, 0.5), abs=1e-6)
    assert found.p_value == pytest.approx(0, abs=1e-6)
    assert pitman_morgan([1, 2, 4], [3, 4, 6]).p_value == 1


def test_within_a_run_the_trend_does_not_count_but_what_is_left_does():
    steps = np.arange(20, 1001, 20)
    wave = np.where(np.arange(50) % 2, 0.01, -0.01)
    late = (steps >= 500) & (steps <= 900)
    found = within_run_fluctuation(steps, 0.7 + steps * 1e-4 + wave, 1000)
    fit = stats.linregress(steps[late], (steps * 1e-4 + wave)[late])
    residual = (steps * 1e-4 + wave)[late] - fit.intercept - fit.slope * steps[late]
    assert late.sum() == 21
    assert found == pytest.approx(math.sqrt((residual**2).sum() / 19))
    assert within_run_fluctuation(steps, steps * 1e-4, 1000) == pytest.approx(0, abs=1e-12)
    early = np.where(steps < 500, 5.0, wave)
    assert within_run_fluctuation(steps, early, 1000) == pytest.approx(found)


@pytest.mark.parametrize("value", [0.4792, 0.6, 0.0])
def test_a_constant_metric_does_not_fluctuate_and_leaves_the_ratio_undefined(value):
    still = within_run_fluctuation([70, 80, 90, 100, 110], [value] * 5, 128)
    assert still == 0
    assert math.isnan(fluctuation_ratio([0.01, 0.02], [0.01, still]).ratio)


def test_a_run_without_evaluations_late_or_with_a_broken_one_has_no_fluctuation():
    assert math.isnan(within_run_fluctuation([100, 600, 700], [0.1, 0.2, 0.3], 1000))
    assert math.isnan(within_run_fluctuation([500, 600, 700, 800], [0.1, math.nan, 0.3, 0.2], 1000))


def test_fluctuations_of_runs_are_compared_by_their_log_ratio():
    x, y = np.array([0.01, 0.02, 0.03, 0.02]), np.array([0.006, 0.011, 0.02, 0.013])
    found = fluctuation_ratio(x, y)
    expected = stats.ttest_rel(np.log(y), np.log(x))
    interval = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue)
    ends = (found.interval.low, found.interval.high)
    assert ends == pytest.approx((math.exp(interval.low), math.exp(interval.high)))
    low, high = found.interval_with_pairs(np.array([4, 40]))
    assert low[0] == pytest.approx(found.interval.low) and high[1] < high[0]
    assert math.isnan(fluctuation_ratio([0.0, 1.0], [1.0, 1.0]).ratio)
    assert fluctuation_ratio([1.0], [0.5]).interval is None


def test_the_draw_of_the_data_and_initialisation_apart():
    assert spread_sources(np.array([[1.0, 3.0], [1.0, 3.0]])).draw == 0
    by_hand = spread_sources(np.array([[0.0, 2.0], [12.0, 10.0]]))
    assert by_hand.initialisation == pytest.approx(math.sqrt(2))
    # Means 1 and 11; residuals of 1, whose mean square is 4.
    assert by_hand.draw == pytest.approx(math.sqrt(50 - 4 / 2))
    random = np.random.default_rng(0)
    many = spread_sources(random.normal(0, 3, (3000, 1)) + random.normal(0, 1, (3000, 4)))
    assert (many.draw, many.initialisation) == (pytest.approx(3, rel=0.05), pytest.approx(1, rel=0.05))
    with pytest.raises(ValueError, match="2 x 2"):
        spread_sources(np.ones((3, 1)))


def test_what_seeds_give_every_draw_alike_is_not_taken_from_the_draws():
    random = np.random.default_rng(0)
    seeds, draws, own = (random.normal(0, sd, (4000, *shape)) for sd, shape in SOURCES)
    found = [spread_sources(values) for values in seeds + draws + own]
    # Squares, which are unbiased as long as no estimate was cut off at 0.
    assert np.mean([one.draw**2 for one in found]) == pytest.approx(1, rel=0.1)
    assert np.mean([one.initialisation**2 for one in found]) == pytest.approx(1 + 0.1**2, rel=0.05)

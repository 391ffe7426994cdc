"""Two arms compared: against scipy, by hand, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from common.errors import UserError
from common.evaluation.comparison import Arm, compare, paired_values, satterthwaite_degrees, summarize
from common.evaluation.resampled_metrics import ConfusionMetric, RatioMetric
from common.evaluation.resampling import Draws

BASELINE = {1: 0.90, 2: 0.91, 3: 0.89, 4: 0.92, 5: 0.90}
OTHER = {1: 0.92, 2: 0.91, 3: 0.92, 4: 0.93, 5: 0.93}
NAMES = tuple(f"review {i}" for i in range(60))


def mean_arm(name: str, values: np.ndarray) -> Arm:
    """Of float [seeds, items], whose mean is the metric."""
    metrics = {seed: RatioMetric(NAMES, row, np.ones(len(NAMES))) for seed, row in enumerate(values)}
    return Arm(name, {seed: float(row.mean()) for seed, row in enumerate(values)}, metrics)


def test_without_items_it_is_the_paired_t_interval_of_scipy():
    found = compare(Arm("baseline", BASELINE), Arm("other", OTHER))
    expected = stats.ttest_rel(list(OTHER.values()), list(BASELINE.values()))
    interval = expected.confidence_interval()
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high))
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.degrees == 4
    assert found.differences == pytest.approx((0.02, 0.0, 0.03, 0.01, 0.03))
    assert found.estimate == pytest.approx(0.018)
    assert found.baseline.sd == pytest.approx(np.std(list(BASELINE.values()), ddof=1))


def test_items_that_all_arms_and_seeds_answer_alike_add_nothing():
    random = np.random.default_rng(0)
    items = random.normal(size=60)
    shifts = random.normal(size=(2, 5, 1))
    arms = [mean_arm(name, items + shift) for name, shift in zip(("baseline", "other"), shifts)]
    found = compare(*arms, Draws(NAMES, 500))
    expected = stats.ttest_1samp(found.differences, 0).confidence_interval()
    assert found.item_variance == pytest.approx(0, abs=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx((expected.low, expected.high))


def test_seeds_that_agree_leave_the_items_interval_however_many_they_are():
    effect = np.random.default_rng(0).normal(0.5, 1, 60)
    expected = stats.ttest_1samp(effect, 0).confidence_interval()
    for seeds in (2, 8):
        zeros = np.zeros((seeds, 60))
        found = compare(mean_arm("baseline", zeros), mean_arm("other", zeros + effect), Draws(NAMES, 20_000))
        assert found.degrees == pytest.approx(59)
        ends = (found.interval.low, found.interval.high)
        assert ends == pytest.approx((expected.low, expected.high), abs=0.01)
        assert found.interaction == pytest.approx(0, abs=1e-12)


def test_variances_add_and_degrees_are_satterthwaites():
    random = np.random.default_rng(3)
    values = random.normal(0, 0.3, (5, 1)) + random.normal(0, 1, (1, 60)) + random.normal(0, 0.5, (5, 60))
    found = compare(mean_arm("baseline", 0 * values), mean_arm("other", values), Draws(NAMES, 20_000))
    seed_part = np.var(values.mean(axis=1), ddof=1) / 5
    item_part = np.var(values.mean(axis=0), ddof=1) / 60
    assert found.seed_variance == pytest.approx(seed_part)
    assert found.item_variance == pytest.approx(item_part, rel=0.05)
    degrees = (seed_part + item_part) ** 2 / (seed_part**2 / 4 + item_part**2 / 59)
    assert found.degrees == pytest.approx(degrees, rel=0.05)
    half = stats.t.ppf(0.975, degrees) * math.sqrt(seed_part + item_part)
    assert found.interval.high - found.estimate == pytest.approx(half, rel=0.03)
    own = values - values.mean(axis=0)
    assert found.interaction == pytest.approx((own.var(axis=1, ddof=1).mean() / 60) * 5 / 4, rel=0.1)


def test_degrees_of_satterthwaite():
    assert satterthwaite_degrees([1.0, 1.0], [4, 4]) == pytest.approx(8)
    assert satterthwaite_degrees([1.0, 0.0], [4, 499]) == pytest.approx(4)
    assert satterthwaite_degrees([0.0, 0.0], [4, 499]) == 4


def test_groups_that_differ_widen_the_interval():
    random = np.random.default_rng(0)
    groups = tuple(f"board {i // 6}" for i in range(60))
    values = np.repeat(random.normal(size=10), 6) + random.normal(0, 0.1, (5, 60))
    arms = mean_arm("baseline", 0 * values), mean_arm("other", values)
    single, grouped = (compare(*arms, Draws(NAMES, 2000, groups=g)) for g in (None, groups))
    assert grouped.item_variance == pytest.approx(6 * single.item_variance, rel=0.3)
    assert (grouped.units, grouped.item_degrees) == (10, pytest.approx(9))


def test_arms_that_are_equal_differ_by_nothing():
    found = compare(Arm("baseline", BASELINE), Arm("other", BASELINE))
    assert (found.interval.low, found.interval.high, found.p_value) == (0, 0, 1)


def test_one_pair_gives_no_interval():
    one = compare(Arm("baseline", {7: 0.8}), Arm("other", {7: 0.9}), Draws(NAMES, 10))
    assert one.estimate == pytest.approx(0.1)
    assert one.interval is one.percentile is one.p_value is None
    assert one.baseline.sd is None


def test_a_run_that_diverged_is_listed_and_its_pair_not_used():
    found = compare(Arm("baseline", {**BASELINE, 6: 0.9}), Arm("other", {**OTHER, 6: math.nan}))
    assert found.diverged == (("other", 6),)
    assert found.seeds == (1, 2, 3, 4, 5)
    assert (found.other.runs, found.other.diverged, found.baseline.runs) == (5, 1, 6)
    every = compare(Arm("baseline", {1: math.nan}), Arm("other", {1: math.inf}))
    assert math.isnan(every.estimate) and len(every.diverged) == 2 and every.interval is None


def test_means_and_deviations_of_few_runs():
    assert summarize([1.0, 3.0]).sd == pytest.approx(math.sqrt(2))
    assert summarize([1.0]).sd is None
    assert math.isnan(summarize([]).mean)


def test_values_come_in_the_order_of_the_seeds_asked_for():
    pairs = paired_values(Arm("baseline", BASELINE), Arm("other", OTHER), (3, 1))
    assert pairs.tolist() == [[0.89, 0.90], [0.92, 0.92]]


@pytest.mark.parametrize("seeds", [{1: 0.9}, {**OTHER, 9: 0.9}, {}])
def test_arms_of_other_seeds_are_refused(seeds):
    with pytest.raises(UserError, match="other: found the seeds .* expected those of baseline"):
        compare(Arm("baseline", BASELINE), Arm("other", seeds))


def test_arms_without_any_run_are_refused():
    with pytest.raises(UserError):
        compare(Arm("baseline", {}), Arm("other", {}))


def test_predictions_that_are_missing_of_other_items_or_not_those_of_the_metrics_are_refused():
    values = np.random.default_rng(0).random((2, 60))
    baseline, other, draws = mean_arm("baseline", values), mean_arm("other", values), Draws(NAMES, 10)
    with pytest.raises(UserError, match="other, seed 1: found no predictions"):
        compare(baseline, Arm("other", other.values, {0: other.metrics[0]}), draws)
    swapped = NAMES[1::-1] + NAMES[2:]
    wrong = ConfusionMetric("accuracy", swapped, np.zeros(60, int), np.zeros(60, int), 2)
    with pytest.raises(UserError, match="other, seed 0: item 1: found 'review 1', expected 'review 0'"):
        compare(baseline, Arm("other", other.values, {**other.metrics, 0: wrong}), draws)
    with pytest.raises(UserError, match="other, seed 0: found 0.5.* in its metrics, its predictions give"):
        compare(baseline, Arm("other", {**other.values, 0: 0.5}, other.metrics), draws)
    with pytest.raises(UserError, match="60 items of one group"):
        compare(baseline, other, Draws(NAMES, 10, groups=("board",) * 60))

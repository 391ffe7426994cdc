"""New runs against stored reference runs."""

import math

import numpy as np
import pytest
from scipy import stats

from common.evaluation.reference_check import (
    DIVERGED,
    IDENTICAL,
    INSIDE,
    NOT_COMPARABLE,
    OUTSIDE,
    check_against_reference,
    prediction_interval,
)

REFERENCE = {1: 0.90, 2: 0.92, 3: 0.91, 4: 0.93, 5: 0.89}


def test_prediction_interval_by_hand():
    found = prediction_interval([0.0, 2.0], runs=1)
    # t with one degree of freedom is 12.706, s √2.
    assert found.high == pytest.approx(1 + 12.7062 * math.sqrt(2) * math.sqrt(1 / 2 + 1), rel=1e-4)
    assert found.low == pytest.approx(2 - found.high)
    assert prediction_interval([1.0], 1) is None and prediction_interval([1.0, 2.0], 0) is None


@pytest.mark.parametrize("old, new", [(5, 1), (5, 5), (30, 3)])
def test_it_holds_the_mean_of_new_runs_95_times_in_100(old, new):
    random = np.random.default_rng(old)
    rows = random.normal(size=(3000, old + new))
    intervals = [prediction_interval(row[:old], new) for row in rows]
    held = [i.low <= row[old:].mean() <= i.high for i, row in zip(intervals, rows)]
    assert np.mean(held) == pytest.approx(0.95, abs=4 * stats.binom.std(3000, 0.95) / 3000)


def test_the_same_values_are_identical_even_of_a_part_of_the_seeds():
    assert check_against_reference(REFERENCE, REFERENCE).status == IDENTICAL
    assert check_against_reference(REFERENCE, {2: 0.92}).status == IDENTICAL
    assert check_against_reference(REFERENCE, {2: 0.92 + 1e-9}).status == INSIDE


def test_other_values_lie_inside_or_outside():
    assert check_against_reference(REFERENCE, {1: 0.91, 2: 0.90}).status == INSIDE
    assert check_against_reference(REFERENCE, {1: 0.80, 2: 0.81}).status == OUTSIDE
    # The seeds of the reference with each other's values have the same mean and are not identical.
    assert check_against_reference(REFERENCE, {1: 0.92, 2: 0.90}).status == INSIDE
    assert check_against_reference(REFERENCE, {77: 0.92}).status == INSIDE


def test_how_far_runs_of_one_seed_are_apart_is_told_where_the_mean_hides_it():
    shifted = {seed: value + 0.02 for seed, value in REFERENCE.items()}
    found = check_against_reference(REFERENCE, shifted)
    assert found.status == INSIDE and found.largest_difference == pytest.approx(0.02)
    assert check_against_reference(
        REFERENCE, {1: 0.95, 2: math.nan, 77: 0.1}
    ).largest_difference == pytest.approx(0.05)
    assert check_against_reference(REFERENCE, {77: 0.92}).largest_difference is None


def test_without_spread_of_the_reference_nothing_but_identity_can_be_told():
    assert check_against_reference({1: 0.9}, {1: 0.9}).status == IDENTICAL
    assert check_against_reference({1: 0.9}, {1: 0.91}).status == NOT_COMPARABLE
    assert check_against_reference({1: 0.9, 2: 0.9}, {1: 0.9, 2: 0.9}).status == IDENTICAL
    assert check_against_reference({1: 0.9, 2: 0.9}, {1: 0.9, 2: 0.91}).status == NOT_COMPARABLE
    assert check_against_reference(REFERENCE, {}).status == NOT_COMPARABLE


def test_a_run_that_diverged_is_told_unless_the_reference_did_too():
    found = check_against_reference(REFERENCE, {**REFERENCE, 2: math.nan})
    assert found.status == DIVERGED and found.seeds == 4
    assert check_against_reference({1: 0.9}, {1: math.nan}).status == DIVERGED
    broken = {**REFERENCE, 2: math.nan}
    both = check_against_reference(broken, {1: 0.90, 2: math.nan})
    assert both.status == IDENTICAL and both.seeds == 1
    assert check_against_reference(broken, {1: 0.91, 2: math.nan}).status == INSIDE
    only = check_against_reference(broken, {2: math.nan, 3: math.nan})
    assert only.status == DIVERGED and math.isnan(only.mean)

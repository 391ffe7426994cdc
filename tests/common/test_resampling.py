"""The bootstrap over items: its draws, and metrics of weighted items."""

import numpy as np
import pytest

from common.errors import UserError
from common.evaluation.classification import classification_metrics
from common.evaluation.resampled_metrics import CONFUSION_METRICS, ConfusionMetric, RatioMetric
from common.evaluation.resampling import BLOCK, Draws, bootstrap, crossed_percentiles, item_variance


def names(number: int) -> tuple[str, ...]:
    return tuple(f"item {i}" for i in range(number))


def test_every_draw_has_as_many_items_as_there_are_and_is_the_same_again():
    draws = Draws(names(7), BLOCK + 3, seed=1)
    weights = np.concatenate(list(draws.weights()))
    assert weights.shape == (BLOCK + 3, 7)
    assert (weights.sum(axis=1) == 7).all() and (weights >= 0).all()
    assert (weights == np.concatenate(list(draws.weights()))).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.3)


def test_groups_are_drawn_whole():
    draws = Draws(names(6), 50, groups=("b", "a", "b", "c", "c", "c"))
    weights = np.concatenate(list(draws.weights()))
    assert (weights[:, 0] == weights[:, 2]).all() and (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert draws.units == 3


def test_degrees_of_freedom_of_groups_are_those_of_as_many_equal_ones():
    assert Draws(names(6), 2).degrees == 5
    assert Draws(names(6), 2, groups=("a", "a", "b", "b", "c", "c")).degrees == pytest.approx(2)
    assert Draws(names(6), 2, groups=("a", "b", "b", "c", "c", "c")).degrees == pytest.approx(36 / 14 - 1)
    assert Draws(names(6), 2, groups=("a", "b", "b", "b", "b", "b")).degrees == 1


@pytest.mark.parametrize("classes", [2, 3])
def test_confusion_metrics_are_those_of_scikit_learn_on_repeated_items(classes):
    random = np.random.default_rng(classes)
    # The last class is predicted but never true, and rare, so that some draws have no trace of it.
    labels = random.integers(max(1, classes - 1), size=9)
    predicted = random.integers(classes, size=9)
    weights = np.vstack([np.ones(9), *Draws(names(9), 40).weights()])
    for name in CONFUSION_METRICS if classes == 2 else CONFUSION_METRICS[:2] + CONFUSION_METRICS[3:]:
        values = ConfusionMetric(name, names(9), labels, predicted, classes)(weights)
        for value, times in zip(values, weights.astype(int)):
            probabilities = np.eye(classes)[np.repeat(predicted, times)]
            expected = classification_metrics(np.repeat(labels, times), probabilities)
            assert value == pytest.approx(expected[name]), name


def test_the_variance_of_a_mean_is_its_squared_standard_error():
    values = np.random.default_rng(0).normal(size=40)
    metric = RatioMetric(names(40), values, np.ones(40))
    (replicates,) = bootstrap([metric], Draws(names(40), 20_000))
    assert item_variance(replicates, 40) == pytest.approx(values.var(ddof=1) / 40, rel=0.05)


def test_all_metrics_see_the_same_draws():
    values = np.random.default_rng(0).normal(size=30)
    one, other = (RatioMetric(names(30), values + shift, np.ones(30)) for shift in (0, 5))
    replicates = bootstrap([one, other], Draws(names(30), 300))
    assert replicates[1] - replicates[0] == pytest.approx(np.full(300, 5.0))


def test_a_quotient_by_zero_is_zero():
    metric = RatioMetric(("a", "b"), np.array([3.0, 1.0]), np.array([0.0, 2.0]))
    assert metric(np.array([[2.0, 0.0], [0.0, 1.0]])).tolist() == [0.0, 0.5]


def test_metrics_of_other_items_are_refused():
    metric = RatioMetric(("a", "x"), np.ones(2), np.ones(2))
    with pytest.raises(UserError, match="run 0: item 2: found 'x', expected 'b'"):
        bootstrap([metric], Draws(("a", "b"), 10))
    with pytest.raises(UserError, match="found predictions of 2 items, expected 3"):
        bootstrap([metric], Draws(names(3), 10))


def test_the_percentile_interval_draws_seeds_and_items_apart():
    random = np.random.default_rng(0)
    items, seeds = random.normal(0, 3, 4000), random.normal(0, 2, (50, 1))
    low, high = crossed_percentiles(seeds - seeds.mean() + items)
    expected = 1.96 * np.hypot(3, seeds.std() / np.sqrt(50))
    assert (-low, high) == (pytest.approx(expected, rel=0.06), pytest.approx(expected, rel=0.06))
    # One draw of items for all seeds: the variance due to items does not shrink with the number of seeds.
    low, high = crossed_percentiles(np.tile(items, (50, 1)))
    assert high - low == pytest.approx(2 * 1.96 * 3, rel=0.06)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Draws((), 10),
        lambda: Draws(("a",), 1),
        lambda: Draws(("a", "b"), 10, groups=("g",)),
        lambda: ConfusionMetric("f1_positive", ("a",), np.zeros(1, int), np.zeros(1, int), 3),
        lambda: ConfusionMetric("kappa", ("a",), np.zeros(1, int), np.zeros(1, int), 2),
        lambda: ConfusionMetric("accuracy", ("a",), np.zeros(2, int), np.zeros(1, int), 2),
        lambda: RatioMetric(("a",), np.ones(2), np.ones(1)),
    ],
)
def test_what_does_not_fit_together_is_refused(wrong):
    with pytest.raises(ValueError):
        wrong()

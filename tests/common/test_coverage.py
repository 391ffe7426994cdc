"""How often the 95 % interval of a difference holds the truth, by simulation of crossed seeds and items."""

import numpy as np
import pytest

from common.evaluation.comparison import t_interval
from common.evaluation.resampling import Draws, item_variance

SIMULATIONS, ITEMS = 4000, 100
# DeepPCB's test pictures by board group.
BOARDS = (21, 14, 146, 98, 18, 34, 50, 29, 7, 74, 9)


def coverage(differences: np.ndarray, of_items: np.ndarray, seeds: int, item_degrees: float) -> float:
    """Share of simulations whose interval holds 0, from differences [n, seeds] and item variances [n]."""
    variances = [differences.var(axis=1, ddof=1) / seeds, of_items]
    low, high, _ = t_interval(differences.mean(axis=1), variances, [[seeds - 1], [item_degrees]])
    return float(((low < 0) & (high > 0)).mean())


# Standard deviations of the mean difference due to seeds and due to items.
@pytest.mark.parametrize("seed_part, item_part", [(1, 0.1), (0.1, 1), (1, 1), (1, 0.5), (0.5, 1)])
@pytest.mark.parametrize("seeds", [5, 10])
def test_coverage_with_crossed_seeds_and_items(seeds, seed_part, item_part):
    random = np.random.default_rng(seeds)
    of_seed = random.normal(0, seed_part * np.sqrt(seeds), (SIMULATIONS, seeds))
    of_item = random.normal(0, item_part * np.sqrt(ITEMS), (SIMULATIONS, ITEMS))
    draws = Draws(tuple(map(str, range(ITEMS))), 1000)
    replicates = of_item @ np.concatenate(list(draws.weights())).T / ITEMS
    differences = of_seed + of_item.mean(axis=1, keepdims=True)
    found = coverage(differences, item_variance(replicates, ITEMS), seeds, draws.degrees)
    assert 0.93 <= found <= 0.98


@pytest.mark.parametrize("seeds", [5, 10])
def test_coverage_with_unequal_board_groups(seeds):
    random = np.random.default_rng(seeds)
    sizes = np.array(BOARDS)
    groups = tuple(np.repeat([f"board {i}" for i in range(len(sizes))], sizes))
    draws = Draws(tuple(map(str, range(len(groups)))), 1000, groups=groups)
    weights = np.concatenate(list(draws.weights()))
    pictures = np.repeat(random.normal(0, 0.5, (SIMULATIONS, len(sizes))), sizes, axis=1)
    pictures = (pictures + random.normal(0, 2, pictures.shape)).astype(np.float32)
    replicates = pictures @ weights.T.astype(np.float32) / weights.sum(axis=1)
    differences = random.normal(0, 0.1, (SIMULATIONS, seeds)) + pictures.mean(axis=1, keepdims=True)
    found = coverage(differences, item_variance(replicates, draws.units), seeds, draws.degrees)
    assert 0.93 <= found <= 0.98


@pytest.mark.parametrize("seeds", [5, 10])
def test_items_that_each_seed_answers_in_its_own_way_count_twice_and_coverage_errs_on_the_safe_side(seeds):
    values = np.random.default_rng(seeds).normal(size=(SIMULATIONS, seeds, ITEMS))
    of_items = values.mean(axis=1).var(axis=1, ddof=1) / ITEMS
    assert 0.98 <= coverage(values.mean(axis=2), of_items, seeds, ITEMS - 1) <= 0.998

"""Paired comparison of two arms whose seeds and test items are crossed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

import numpy as np
from scipy import stats

from common.errors import UserError
from common.evaluation.resampling import (
    Draws,
    ItemMetric,
    bootstrap,
    crossed_percentiles,
    item_variance,
    require_items,
)

ENOUGH_SEEDS = 5
# Of a metric computed again from predictions, whose probabilities have six decimals.
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Arm:
    """One metric of the runs of one recipe.

    Attributes:
        name: of the recipe.
        values: the metric by seed; NaN for a run that diverged or could not be finished.
        metrics: by seed, the metric as a function of its test items; empty where that is not known
            (then only seeds vary), else one for each run that has a value.
    """

    name: str
    values: Mapping[int, float]
    metrics: Mapping[int, ItemMetric] = field(default_factory=dict)


@dataclass(frozen=True)
class Interval:
    """From ``low`` to ``high``."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """Runs of one arm.

    Attributes:
        mean: of the runs that have a value; NaN where none has.
        sd: their sample standard deviation (ddof 1); None for fewer than two.
        runs: how many have a value.
        diverged: how many have none.
    """

    mean: float
    sd: Optional[float]
    runs: int
    diverged: int = 0


@dataclass(frozen=True)
class Comparison:
    """Other arm minus baseline.

    Attributes:
        baseline, other: all runs of each arm.
        seeds, differences: of the pairs that have both values, in order.
        estimate: mean difference; NaN where every pair has a diverged run.
        seed_variance: s_d²/S, s_d² being the variance of the differences (ddof 1); 0 for one pair.
        item_variance: of the seed-mean difference, from the bootstrap over items; 0 where items are not
            known, as then ``units`` is 0.
        interaction: variance that the draw of items gives one seed's difference and not the others'. 1/S of
            it stands in both variances above, so that the interval errs on the wide side: where there
            is nothing else, it covers 99 % instead of 95 % in simulations.
        units: items drawn, or groups of them.
        item_degrees: degrees of freedom of the item variance; 0 without items.
        degrees: of freedom of the interval, Satterthwaite's.
        interval: mean ± t · √(seed_variance + item_variance), 95 %; None for one pair.
        percentile: of the crossed bootstrap (:func:`crossed_percentiles`), beside the interval; None for one
            pair.
        p_value: two-sided, of no difference, by the same t; None for one pair.
        diverged: (arm, seed) of every run without a value; its pair has no part in the difference.
    """

    baseline: Summary
    other: Summary
    seeds: tuple[int, ...]
    differences: tuple[float, ...]
    estimate: float
    seed_variance: float = 0.0
    item_variance: float = 0.0
    interaction: float = 0.0
    units: int = 0
    item_degrees: float = 0.0
    degrees: Optional[float] = None
    interval: Optional[Interval] = None
    percentile: Optional[Interval] = None
    p_value: Optional[float] = None
    diverged: tuple[tuple[str, int], ...] = ()


def summarize(values: Iterable[float]) -> Summary:
    """Mean and standard deviation of runs, NaN standing for one that diverged."""
    values = np.array(list(values), float)
    finite = values[np.isfinite(values)]
    mean = float(finite.mean()) if len(finite) else math.nan
    sd = float(finite.std(ddof=1)) if len(finite) > 1 else None
    return Summary(mean, sd, len(finite), len(values) - len(finite))


def compare(baseline: Arm, other: Arm, draws: Optional[Draws] = None) -> Comparison:
    """Compare two arms with the same seeds and test items.

    Without ``draws`` only seeds vary: the paired t-interval. For the same clustered, draws of groups.

    Raises:
        UserError: seeds differ; with ``draws``, a run has no items, others than those drawn, or a value
            that its items do not give; groups are drawn and there is one group only.
    """
    seeds, diverged = pair_seeds(baseline, other)
    values = paired_values(baseline, other, seeds)
    differences = values[1] - values[0]
    estimate = float(differences.mean()) if len(seeds) else math.nan
    arms = (summarize(baseline.values.values()), summarize(other.values.values()))
    found = {"seeds": seeds, "differences": tuple(differences.tolist()), "estimate": estimate}
    if len(seeds) < 2:
        return Comparison(*arms, **found, diverged=diverged)
    replicates = None if draws is None else _differences_on_draws((baseline, other), seeds, draws)
    return Comparison(*arms, **found, diverged=diverged, **_inference(differences, replicates, draws))


def pair_seeds(baseline: Arm, other: Arm) -> tuple[tuple[int, ...], tuple[tuple[str, int], ...]]:
    """Seeds whose runs have a value in both arms, and (arm, seed) of every run that has none.

    Raises:
        UserError: the arms differ in their seeds, or have none.
    """
    if set(baseline.values) != set(other.values) or not baseline.values:
        raise UserError(
            f"{other.name}: found the seeds {sorted(other.values)}, expected those of {baseline.name}, "
            f"{sorted(baseline.values)}; a run that failed counts as NaN"
        )
    diverged = tuple(
        (arm.name, seed)
        for arm in (baseline, other)
        for seed in sorted(arm.values)
        if not math.isfinite(arm.values[seed])
    )
    without = {seed for _, seed in diverged}
    return tuple(seed for seed in sorted(baseline.values) if seed not in without), diverged


def paired_values(baseline: Arm, other: Arm, seeds: Sequence[int]) -> np.ndarray:
    """Values of both arms, float [2, seeds], such as ``pitman_morgan`` takes."""
    return np.array([[arm.values[seed] for seed in seeds] for arm in (baseline, other)], float).reshape(2, -1)


def satterthwaite_degrees(variances, degrees) -> np.ndarray:
    """Degrees of freedom of a sum of independent variance estimates: (Σv)² / Σ(v²/ν).

    Satterthwaite 1946, "An Approximate Distribution of Estimates of Variance Components". Where all
    variances are 0, the smallest ν.

    Args:
        variances, degrees: the v, ν > 0, float [components] or [components, n].
    """
    v, nu = np.broadcast_arrays(*(np.asarray(part, float) for part in (variances, degrees)))
    below = (v**2 / nu).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.where(below > 0, v.sum(axis=0) ** 2 / below, nu.min(axis=0))


def t_interval(estimate, variances, degrees, confidence: float = 0.95):
    """Low, high and degrees of freedom of estimate ± t · √Σv, with :func:`satterthwaite_degrees`.

    Args:
        estimate: float, or [n].
        variances, degrees: as there.
    """
    nu = satterthwaite_degrees(variances, degrees)
    half = stats.t.ppf((1 + confidence) / 2, nu) * np.sqrt(np.sum(variances, axis=0))
    return estimate - half, estimate + half, nu


def _inference(differences: np.ndarray, replicates: Optional[np.ndarray], draws: Optional[Draws]) -> dict:
    seeds = len(differences)
    variances, degrees = [float(differences.var(ddof=1)) / seeds], [seeds - 1]
    found = {"seed_variance": variances[0]}
    if draws is not None:
        variances.append(float(item_variance(replicates.mean(axis=0), draws.units)))
        degrees.append(draws.degrees)
        found.update(item_variance=variances[1], units=draws.units, item_degrees=draws.degrees)
        # One seed has alike + interaction, the mean of all seeds alike + interaction / seeds.
        one_seed = float(item_variance(replicates, draws.units).mean())
        found["interaction"] = max(0.0, one_seed - variances[1]) * seeds / (seeds - 1)
    estimate = float(differences.mean())
    low, high, nu = t_interval(estimate, variances, degrees)
    error = math.sqrt(sum(variances))
    p_value = float(2 * stats.t.sf(abs(estimate) / error, nu)) if error else float(estimate == 0)
    percentile = crossed_percentiles(differences[:, None] if replicates is None else replicates)
    return {
        **found,
        "degrees": float(nu),
        "interval": Interval(float(low), float(high)),
        "percentile": Interval(*percentile),
        "p_value": p_value,
    }


def _differences_on_draws(arms: tuple[Arm, Arm], seeds: tuple[int, ...], draws: Draws) -> np.ndarray:
    if draws.units < 2:
        raise UserError(f"found {len(draws.items)} items of one group, expected two groups to draw from")
    metrics = [_metric(arm, seed, draws) for arm in arms for seed in seeds]
    replicates = bootstrap(metrics, draws)
    return replicates[len(seeds) :] - replicates[: len(seeds)]


def _metric(arm: Arm, seed: int, draws: Draws) -> ItemMetric:
    place = f"{arm.name}, seed {seed}"
    if seed not in arm.metrics:
        raise UserError(f"{place}: found no predictions, expected them for {len(draws.items)} items")
    metric = arm.metrics[seed]
    require_items(metric, draws, place)
    found = float(metric(np.ones((1, len(draws.items))))[0])
    if abs(found - arm.values[seed]) > TOLERANCE:
        raise UserError(
            f"{place}: found {arm.values[seed]:.6f} in its metrics, its predictions give {found:.6f}"
        )
    return metric

"""How much a metric fluctuates: between seeds and within a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from scipy import stats

from common.evaluation.comparison import Interval


@dataclass(frozen=True)
class SpreadRatio:
    """Standard deviation of the other arm by that of the baseline.

    Attributes:
        ratio: below 1 where the other arm fluctuates less; NaN where a standard deviation is 0.
        interval: 95 %; None where the ratio is NaN or there are fewer than three pairs.
        p_value: two-sided, of equal spread; None where there is no interval.
        levene_p_value: of the check, where there is one.
        pairs: seeds.
    """

    ratio: float
    interval: Optional[Interval]
    p_value: Optional[float]
    levene_p_value: Optional[float]
    pairs: int

    @property
    def reduction(self) -> float:
        """1 - ratio: the share by which the other arm fluctuates less, what ``classify`` judges."""
        return 1 - self.ratio

    @property
    def reduction_interval(self) -> Optional[Interval]:
        """Interval of the reduction."""
        return None if self.interval is None else Interval(1 - self.interval.high, 1 - self.interval.low)


def pitman_morgan(baseline: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> SpreadRatio:
    """Compare the spreads of paired samples, finite float [n] each, in the same order of seeds.

    The variances are equal where sum and difference do not correlate: t = r √((n−2)/(1−r²)) with n − 2
    degrees of freedom. The interval of the ratio of variances F is F·(K ± √(K²−1)) with
    K = 1 + 2 t² (1−ρ²)/(n−2), ρ the correlation of the arms (Pitman 1939, "A note on normal
    correlation"; Morgan 1939). It takes pairs to be normal; Levene's test about the median, beside it,
    does not, but takes the arms to be independent.
    """
    x, y = np.asarray(baseline, float), np.asarray(other, float)
    if x.shape != y.shape or x.ndim != 1 or not np.isfinite([x, y]).all():
        raise ValueError(f"found samples {x.shape} and {y.shape}, expected finite pairs")
    n = len(x)
    if n < 2 or not (x.std() > 0 and y.std() > 0):
        return SpreadRatio(math.nan, None, None, None, n)
    ratio = float(y.std(ddof=1) / x.std(ddof=1))
    if n < 3:
        return SpreadRatio(ratio, None, None, None, n)
    rho = float(np.corrcoef(x, y)[0, 1])
    t = stats.t.ppf((1 + confidence) / 2, n - 2)
    k = 1 + 2 * t**2 * max(0.0, 1 - rho**2) / (n - 2)
    half = math.sqrt(k + math.sqrt(k**2 - 1))
    # The correlation of sum and difference, from the standard deviations and rho.
    unlike = (ratio**2 - 1) / math.sqrt(max(0.0, (ratio**2 + 1) ** 2 - 4 * (rho * ratio) ** 2) or math.inf)
    p_value = _correlation_p_value(unlike, n)
    levene = float(stats.levene(x, y, center="median").pvalue)
    return SpreadRatio(ratio, Interval(ratio / half, ratio * half), p_value, levene, n)


def _correlation_p_value(r: float, n: int) -> float:
    if abs(r) >= 1:
        return 0.0
    return float(2 * stats.t.sf(abs(r) * math.sqrt((n - 2) / (1 - r**2)), n - 2))


def within_run_fluctuation(
    steps: Sequence[int], values: Sequence[float], total_steps: int, window: tuple[float, float] = (0.5, 0.9)
) -> float:
    """Standard deviation of a validation metric about its straight trend late in a run.

    Of the evaluations between 50 % and 90 % of training, both ends included; √(Σ residual²/(n − 2)).

    Args:
        steps, values: of the evaluations, such as every 20 steps.
        total_steps: of the run.

    Returns:
        NaN where fewer than three evaluations, or one that is not finite, stand in the window.
    """
    steps, values = np.asarray(steps, float), np.asarray(values, float)
    late = (steps >= window[0] * total_steps) & (steps <= window[1] * total_steps)
    if late.sum() < 3 or not np.isfinite(values[late]).all():
        return math.nan
    x = steps[late] - steps[late].mean()
    y = values[late] - values[late].mean()
    residual = y - x * (x @ y) / (x @ x)
    return float(math.sqrt(residual @ residual / (late.sum() - 2)))


def fluctuation_ratio(
    baseline: Sequence[float], other: Sequence[float], confidence: float = 0.95
) -> SpreadRatio:
    """Compare within-run fluctuations of paired runs, float [n] each, by the t-interval of their log ratio.

    The ratio is the geometric mean of the runs' ratios. Levene's test does not apply.
    """
    x, y = np.asarray(baseline, float), np.asarray(other, float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"found samples {x.shape} and {y.shape}, expected pairs")
    if not len(x) or not ((x > 0) & (y > 0)).all():
        return SpreadRatio(math.nan, None, None, None, len(x))
    logs = np.log(y / x)
    ratio = float(np.exp(logs.mean()))
    if len(x) < 3:
        return SpreadRatio(ratio, None, None, None, len(x))
    test = stats.ttest_1samp(logs, 0)
    low, high = np.exp(test.confidence_interval(confidence))
    return SpreadRatio(ratio, Interval(float(low), float(high)), float(test.pvalue), None, len(x))


@dataclass(frozen=True)
class SpreadSources:
    """Standard deviations due to the draw of the training data and to initialisation and order."""

    draw: float
    initialisation: float


def spread_sources(values: np.ndarray) -> SpreadSources:
    """Where the variance between runs comes from: one-way random effects.

    With mean squares between and within draws, within is σ²_initialisation and (between − within)/n is
    σ²_draw, 0 where that is negative (Searle, Casella and McCulloch 1992, "Variance Components").

    Args:
        values: float [draws of data, initialisations], two or more of each: ``data.seed`` by ``train.seed``.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ValueError(f"found values {values.shape}, expected finite ones of 2 x 2 runs or more")
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(values.mean(axis=1).var(ddof=1))
    return SpreadSources(math.sqrt(max(0.0, between - within / values.shape[1])), math.sqrt(within))

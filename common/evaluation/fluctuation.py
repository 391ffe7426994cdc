"""How much a metric fluctuates: between seeds and within a run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
from scipy import stats

from common.evaluation.comparison import Interval
from common.evaluation.late_evaluations import FEWEST_EVALUATIONS, is_late

# Relative to the values: what rounding alone leaves of a series without fluctuation.
ROUNDING = 1e-12


@dataclass(frozen=True)
class SpreadRatio:
    """How much the other arm fluctuates, by how much the baseline does.

    Attributes:
        ratio: below 1 where the other arm fluctuates less; NaN where an arm does not fluctuate at all, within
            runs where a single one of either arm does not.
        pairs: seeds.
        interval: 95 %; None where the ratio is NaN or there are too few pairs.
        p_value: two-sided, of equal fluctuation; None where there is no interval.
        levene_p_value: of the check, where there is one.
        correlation: of the arms' values, between seeds; None for fluctuation within runs.
        log_sd: standard deviation of the logarithms of the pairs' ratios; None between seeds.
    """

    ratio: float
    pairs: int
    interval: Optional[Interval] = None
    p_value: Optional[float] = None
    levene_p_value: Optional[float] = None
    correlation: Optional[float] = None
    log_sd: Optional[float] = None

    @property
    def reduction(self) -> float:
        """1 - ratio: the share by which the other arm fluctuates less."""
        return 1 - self.ratio

    @property
    def reduction_interval(self) -> Optional[Interval]:
        """Interval of the reduction."""
        return None if self.interval is None else Interval(1 - self.interval.high, 1 - self.interval.low)

    def interval_with_pairs(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high, float [n] each, that int [n] pairs would give if all else stayed as it is."""
        if self.correlation is None:
            return log_ratio_interval(self.ratio, self.log_sd, pairs)
        return pitman_morgan_interval(self.ratio, self.correlation, pairs)


def pitman_morgan(baseline: Sequence[float], other: Sequence[float]) -> SpreadRatio:
    """Compare the standard deviations of paired samples, finite float [n] each, in the same order of seeds.

    The variances are equal where sum and difference do not correlate: t = r √((n−2)/(1−r²)) with n − 2
    degrees of freedom (Pitman 1939, "A Note on Normal Correlation"; Morgan 1939). It takes pairs to be
    normal. Levene's test about the median, beside it, does not, but takes the arms to be independent.
    """
    x, y = _pairs(baseline, other)
    n = len(x)
    if n < 2 or not (np.isfinite([x, y]).all() and np.ptp(x) > 0 and np.ptp(y) > 0):
        return SpreadRatio(math.nan, n)
    ratio, rho = float(y.std(ddof=1) / x.std(ddof=1)), float(np.corrcoef(x, y)[0, 1])
    if n < 3:
        return SpreadRatio(ratio, n)
    return SpreadRatio(
        ratio,
        n,
        interval=Interval(*(float(end) for end in pitman_morgan_interval(ratio, rho, n))),
        p_value=_correlation_p_value(_sum_with_difference(ratio, rho), n),
        levene_p_value=float(stats.levene(x, y, center="median").pvalue),
        correlation=rho,
    )


def pitman_morgan_interval(ratio: float, correlation: float, pairs, confidence: float = 0.95):
    """Low and high of a ratio of standard deviations: those that :func:`pitman_morgan` does not reject.

    ratio² · (K ± √(K² − 1)), K = 1 + 2 t² (1 − ρ²)/(n − 2), bounds the ratio of variances (Pitman 1939).

    Args:
        ratio, correlation: of the arms.
        pairs: n >= 3, int or [n].
    """
    t = stats.t.ppf((1 + confidence) / 2, pairs - 2)
    k = 1 + 2 * t**2 * max(0.0, 1 - correlation**2) / (pairs - 2)
    factor = np.sqrt(k + np.sqrt(k**2 - 1))
    return ratio / factor, ratio * factor


def _sum_with_difference(ratio: float, correlation: float) -> float:
    # (q² - 1) / √((q² + 1)² - 4ρ²q²), which is 0/0 where the arms are equal but for a constant.
    below = (ratio**2 + 1) ** 2 - 4 * (correlation * ratio) ** 2
    return (ratio**2 - 1) / math.sqrt(below) if below > 0 else 0.0


def _correlation_p_value(r: float, n: int) -> float:
    if abs(r) >= 1:
        return 0.0
    return float(2 * stats.t.sf(abs(r) * math.sqrt((n - 2) / (1 - r**2)), n - 2))


def within_run_fluctuation(steps: Sequence[int], values: Sequence[float], total_steps: int) -> float:
    """Standard deviation of a validation metric about its straight trend late in a run.

    Of the evaluations that are late (:func:`is_late`); √(Σ residual²/(n − 2)).

    Args:
        steps, values: of the evaluations, such as every 20 steps.
        total_steps: of the run.

    Returns:
        0 where the values lie on a line but for rounding; NaN where fewer than :data:`FEWEST_EVALUATIONS`, or
        one that is not finite, stand in the window.
    """
    steps, values = np.asarray(steps, float), np.asarray(values, float)
    late = is_late(steps, total_steps)
    if late.sum() < FEWEST_EVALUATIONS or not np.isfinite(values[late]).all():
        return math.nan
    x = steps[late] - steps[late].mean()
    y = values[late] - values[late].mean()
    residual = y - x * (x @ y) / (x @ x)
    if np.abs(residual).max() <= ROUNDING * np.abs(values[late]).max():
        return 0.0
    return float(math.sqrt(residual @ residual / (late.sum() - 2)))


def fluctuation_ratio(baseline: Sequence[float], other: Sequence[float]) -> SpreadRatio:
    """Compare within-run fluctuations of paired runs, float [n] each, by the t-interval of their log ratio.

    The ratio is the geometric mean of the runs' ratios, which a run that does not fluctuate leaves undefined.
    """
    x, y = _pairs(baseline, other)
    n = len(x)
    if not n or not ((x > 0) & (y > 0)).all():
        return SpreadRatio(math.nan, n)
    logs = np.log(y / x)
    ratio = float(np.exp(logs.mean()))
    if n < 2:
        return SpreadRatio(ratio, n)
    sd = float(logs.std(ddof=1))
    interval = Interval(*(float(end) for end in log_ratio_interval(ratio, sd, n)))
    p_value = float(stats.ttest_1samp(logs, 0).pvalue) if sd else float(ratio == 1)
    return SpreadRatio(ratio, n, interval, p_value, log_sd=sd)


def log_ratio_interval(ratio: float, log_sd: float, pairs, confidence: float = 0.95):
    """Low and high of a geometric mean: ratio · exp(± t · sd/√n), n - 1 degrees of freedom, n >= 2."""
    factor = np.exp(stats.t.ppf((1 + confidence) / 2, pairs - 1) * log_sd / np.sqrt(pairs))
    return ratio / factor, ratio * factor


def _pairs(baseline: Sequence[float], other: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(baseline, float), np.asarray(other, float)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"found samples {x.shape} and {y.shape}, expected pairs")
    return x, y


@dataclass(frozen=True)
class SpreadSources:
    """Standard deviations due to the draw of the training data and to initialisation and order.

    Attributes:
        seeds: of initialisation and order, on each draw.
    """

    draw: float
    initialisation: float
    seeds: int


def spread_sources(values: np.ndarray) -> SpreadSources:
    """Where the variance between runs comes from: two-way random effects, crossed, a run a cell.

    Runs of one seed start from the same weights on every draw, so that means of draws share what the seeds
    give all of them. Within a draw, the variance is σ²_initialisation; the variance between means of draws,
    less 1/n of the mean square of the residuals, is σ²_draw, 0 where that is negative (Searle, Casella and
    McCulloch 1992, "Variance Components").

    Args:
        values: float [draws of data, initialisations], two or more of each: ``data.seed`` by ``train.seed``.
    """
    values = np.asarray(values, float)
    if values.ndim != 2 or min(values.shape) < 2 or not np.isfinite(values).all():
        raise ValueError(f"found values {values.shape}, expected finite ones of 2 x 2 runs or more")
    draws, initialisations = values.shape
    within = float(values.var(axis=1, ddof=1).mean())
    between = float(values.mean(axis=1).var(ddof=1))
    by_seed = values - values.mean(axis=1, keepdims=True)
    residual = by_seed - by_seed.mean(axis=0)
    own = float((residual**2).sum()) / ((draws - 1) * (initialisations - 1))
    draw = math.sqrt(max(0.0, between - own / initialisations))
    return SpreadSources(draw, math.sqrt(within), initialisations)

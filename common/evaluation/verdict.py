"""What a comparison says of a claim, how many seeds would say more, and Holm's correction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from common.evaluation.comparison import Comparison, Interval, t_interval

MARGIN = 0.005
MOST_SEEDS = 1000

REACHED = "reached"
SMALLER = "smaller than claimed"
NO_EFFECT = "no relevant effect"
OPPOSITE = "opposite"
NOT_DECIDED = "not decided"


@dataclass(frozen=True)
class Verdict:
    """What a comparison says of a claim.

    Attributes:
        verdict: one of :data:`REACHED`, :data:`SMALLER`, :data:`NO_EFFECT`, :data:`OPPOSITE` and
            :data:`NOT_DECIDED`.
        contradicts_figure: the whole interval lies below the claim's figure.
        seeds_needed: that would decide; None where it is decided, where one pair gives no interval, or
            where even :data:`MOST_SEEDS` would not do with this test set.
        exploratory: there are fewer than five seeds.
    """

    verdict: str
    contradicts_figure: bool
    seeds_needed: Optional[int] = None
    exploratory: bool = False

    def __str__(self) -> str:
        """Such as ``not decided (12 seeds would decide), contradicts the figure; exploratory``."""
        if self.verdict != NOT_DECIDED:
            seeds = ""
        elif self.seeds_needed:
            seeds = f" ({self.seeds_needed} seeds would decide)"
        else:
            seeds = f" ({MOST_SEEDS} seeds would not decide)"
        beside = ", contradicts the figure" if self.contradicts_figure else ""
        return self.verdict + seeds + beside + ("; exploratory" if self.exploratory else "")


def classify(
    estimate: float, interval: Optional[Interval], figure: float = 0.0, margin: float = MARGIN
) -> str:
    """The verdict on a gain of ``figure``, positive values being gains, the first that holds of

    *reached* low > 0 and estimate ≥ figure; *smaller than claimed* low > 0 and estimate < figure;
    *no relevant effect* −margin < low and high < margin; *opposite* high < 0; *not decided*.
    """
    if interval is None:
        return NOT_DECIDED
    if interval.low > 0:
        return REACHED if estimate >= figure else SMALLER
    if -margin < interval.low and interval.high < margin:
        return NO_EFFECT
    return OPPOSITE if interval.high < 0 else NOT_DECIDED


def judge(
    comparison: Comparison,
    figure: Optional[float] = None,
    lower_is_better: bool = False,
    margin: float = MARGIN,
) -> Verdict:
    """Judge a claim on a difference of means.

    Args:
        comparison: baseline against the arm of the claim.
        figure: the gain claimed, positive, in the metric's units (0.032 for 3.2 points); None where the
            claim has a direction only.
        lower_is_better: the claim is a decrease, as of miss rates.
        margin: what is not relevant, in the metric's units.
    """
    sign = -1 if lower_is_better else 1
    estimate, interval = sign * comparison.estimate, gain(comparison.interval, lower_is_better)
    verdict = classify(estimate, interval, figure or 0.0, margin)
    contradicts = figure is not None and interval is not None and interval.high < figure
    needed = None
    if verdict == NOT_DECIDED and interval is not None:
        needed = seeds_needed(comparison, figure or 0.0, lower_is_better, margin)
    return Verdict(verdict, contradicts, needed, comparison.exploratory)


def gain(interval: Optional[Interval], lower_is_better: bool) -> Optional[Interval]:
    """An interval of differences as one of gains."""
    if interval is None or not lower_is_better:
        return interval
    return Interval(-interval.high, -interval.low)


def seeds_needed(
    comparison: Comparison, figure: float = 0.0, lower_is_better: bool = False, margin: float = MARGIN
) -> Optional[int]:
    """The fewest seeds, more than there are, that would decide if estimate and variances stayed as they are.

    More seeds divide s_d² and the items' interaction with seeds, not what items give every seed alike. A
    plan, not a promise: the estimate moves as well. None where :data:`MOST_SEEDS` would not do.
    """
    estimate = -comparison.estimate if lower_is_better else comparison.estimate
    had = len(comparison.seeds)
    seeds = np.arange(had + 1, MOST_SEEDS + 1)
    variances, degrees = [comparison.seed_variance * had / seeds], [seeds - 1]
    if comparison.units:
        common = max(0.0, comparison.item_variance - comparison.interaction / had)
        variances.append(common + comparison.interaction / seeds)
        degrees.append(np.full(len(seeds), comparison.units - 1))
    low, high, _ = t_interval(estimate, variances, degrees)
    for number, ends in zip(seeds, zip(low, high)):
        if classify(estimate, Interval(*ends), figure, margin) != NOT_DECIDED:
            return int(number)
    return None


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjusted p-values, float [n], in the order given: max over j ≤ i of min(1, (n − j + 1) p_(j)).

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    p = np.asarray(p_values, float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"found p-values {p_values}, expected 0 to 1")
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(np.minimum(1, (len(p) - np.arange(len(p))) * p[order]))
    adjusted = np.empty(len(p))
    adjusted[order] = stepped
    return adjusted

"""What a comparison says of a claim, how many seeds would say more, and Holm's correction."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np

from common.evaluation.comparison import ENOUGH_SEEDS, Comparison, Interval, t_interval
from common.evaluation.fluctuation import SpreadRatio

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
        seeds_needed: the fewest that would decide if estimate and variances stayed as they are: a plan, not
            a promise. None where it is decided, where there is no interval, or where even
            :data:`MOST_SEEDS` would not do with this test set.
        seeds: pairs of runs that it rests on.
        interval: of the gain; None where there is none.
    """

    verdict: str
    contradicts_figure: bool
    seeds_needed: Optional[int]
    seeds: int
    interval: Optional[Interval] = None

    @property
    def exploratory(self) -> bool:
        """Whether there are fewer pairs than :data:`ENOUGH_SEEDS`."""
        return self.seeds < ENOUGH_SEEDS

    def __str__(self) -> str:
        """Such as ``not decided (12 seeds would decide), contradicts the figure; exploratory``."""
        needed = ""
        if self.verdict == NOT_DECIDED and self.interval is not None:
            needed = f" ({self.seeds_needed or f'not even {MOST_SEEDS}'} seeds would decide)"
        beside = ", contradicts the figure" if self.contradicts_figure else ""
        return self.verdict + needed + beside + ("; exploratory" if self.exploratory else "")


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
    estimate = -comparison.estimate if lower_is_better else comparison.estimate
    interval = comparison.interval
    if interval is not None and lower_is_better:
        interval = Interval(-interval.high, -interval.low)

    def with_seeds(seeds: np.ndarray):
        return interval_with_seeds(comparison, seeds, estimate)

    return _verdict(estimate, interval, figure, margin, len(comparison.seeds), with_seeds)


def judge_spread(spread: SpreadRatio, figure: Optional[float] = None) -> Verdict:
    """Judge a claim that the other arm fluctuates less, by the share ``figure`` (0.4 for 40 %).

    Never :data:`NO_EFFECT`: half a point is no measure of a ratio.
    """

    def with_seeds(seeds: np.ndarray):
        low, high = spread.interval_with_pairs(seeds)
        return 1 - high, 1 - low

    return _verdict(spread.reduction, spread.reduction_interval, figure, 0.0, spread.pairs, with_seeds)


def interval_with_seeds(comparison: Comparison, seeds: np.ndarray, estimate: float):
    """Low and high, float [n] each, that int [n] seeds would give if ``estimate`` and variances stayed.

    More seeds divide s_d² and the items' interaction with seeds, not what items give every seed alike.
    """
    had = len(comparison.seeds)
    variances, degrees = [comparison.seed_variance * had / seeds], [seeds - 1]
    if comparison.units:
        alike = max(0.0, comparison.item_variance - comparison.interaction / had)
        variances.append(alike + comparison.interaction / seeds)
        degrees.append(np.full(len(seeds), comparison.item_degrees))
    return t_interval(estimate, variances, degrees)[:2]


def _verdict(estimate, interval, figure, margin, seeds: int, with_seeds: Callable) -> Verdict:
    verdict = classify(estimate, interval, figure or 0.0, margin)
    contradicts = figure is not None and interval is not None and interval.high < figure
    needed = None
    if verdict == NOT_DECIDED and interval is not None:
        more = np.arange(seeds + 1, MOST_SEEDS + 1)
        ends = zip(more, *with_seeds(more))
        needed = next((int(n) for n, *end in ends if _decided(estimate, Interval(*end), margin)), None)
    return Verdict(verdict, contradicts, needed, seeds, interval)


def _decided(estimate: float, interval: Interval, margin: float) -> bool:
    return classify(estimate, interval, margin=margin) != NOT_DECIDED


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

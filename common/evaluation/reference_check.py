"""Whether new runs give what stored reference runs gave."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Optional

import numpy as np
from scipy import stats

from common.evaluation.comparison import Interval

IDENTICAL = "identical"
INSIDE = "inside the 95 % prediction interval"
OUTSIDE = "outside the 95 % prediction interval"
DIVERGED = "diverged, and not so in the reference"
NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class ReferenceCheck:
    """One metric of new runs against reference runs.

    Attributes:
        status: :data:`IDENTICAL`, every new value equals that of its seed; else where the new mean lies,
            :data:`INSIDE` or :data:`OUTSIDE`; :data:`DIVERGED` where a run did that has a value in the
            reference, or that is not in it; :data:`NOT_COMPARABLE` where there is no interval.
        mean, reference_mean: over runs that have a value; NaN where none has.
        interval: of the mean of as many new runs, were their seeds others; None without two reference values
            that differ.
        largest_difference: of the two values of a seed, without sign; None where no seed has both values.
        seeds: that have a value in both.
    """

    status: str
    mean: float
    reference_mean: float
    interval: Optional[Interval]
    largest_difference: Optional[float] = None
    seeds: int = 0


def prediction_interval(values, runs: int, confidence: float = 0.95) -> Optional[Interval]:
    """Where the mean of ``runs`` new runs is expected: mean ± t·s·√(1/n + 1/runs), n − 1 degrees of freedom.

    Hahn and Meeker 1991, "Statistical Intervals", section 4.8. None for fewer than two values, and where all
    are equal: a spread of 0 in a few runs, as of rates over a few boxes, does not say that there is none.
    """
    values = np.asarray(list(values), float)
    n = len(values)
    if n < 2 or runs < 1 or np.ptp(values) == 0:
        return None
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    half = t * values.std(ddof=1) * math.sqrt(1 / n + 1 / runs)
    return Interval(float(values.mean() - half), float(values.mean() + half))


def check_against_reference(reference: Mapping[int, float], found: Mapping[int, float]) -> ReferenceCheck:
    """Compare values by seed, NaN for runs that diverged.

    Runs of one seed that both diverged are identical. New seeds that the reference lacks cannot be.

    The interval is that of other seeds. Runs of the same seeds share draw, initialisation and order, and lie
    outside far less often than 1 in 20 times; how far they are apart, seed by seed, says more.
    """
    known, new = _finite(reference), _finite(found)
    interval = prediction_interval(known.values(), len(new))
    mean, reference_mean = (float(np.mean(list(v.values()))) if v else math.nan for v in (new, known))
    diverged, reference_diverged = set(found) - set(new), set(reference) - set(known)
    if found and all(seed in reference and _same(reference[seed], found[seed]) for seed in found):
        status = IDENTICAL
    elif diverged - reference_diverged:
        status = DIVERGED
    elif interval is None:
        status = NOT_COMPARABLE
    else:
        status = INSIDE if interval.low <= mean <= interval.high else OUTSIDE
    apart = [abs(new[seed] - known[seed]) for seed in new.keys() & known.keys()]
    return ReferenceCheck(status, mean, reference_mean, interval, max(apart, default=None), len(apart))


def _finite(values: Mapping[int, float]) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if math.isfinite(value)}


def _same(reference: float, found: float) -> bool:
    if not (math.isfinite(reference) and math.isfinite(found)):
        return math.isfinite(reference) == math.isfinite(found)
    return reference == found

"""Claims and further comparisons, tested on the runs of a suite."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Optional, Union

import tasks
from common.config import nearest
from common.errors import UserError
from common.evaluation.comparison import Arm, Comparison, compare, pair_seeds, paired_values, summarize
from common.evaluation.fluctuation import (
    SpreadRatio,
    SpreadSources,
    fluctuation_ratio,
    pitman_morgan,
    spread_sources,
)
from common.evaluation.resampling import Draws
from common.evaluation.verdict import Verdict, holm, judge, judge_spread
from tasks.reproduce.results import Result, Results, headline_metrics
from tasks.reproduce.suite import Claim, Sources

# Comparisons that no claim rests on are many, so that each gets fewer draws.
EXPLORATORY_SHARE = 0.2


@dataclass(frozen=True)
class Pair:
    """What two arms are compared by."""

    baseline: str
    arm: str
    regime: str
    split: str
    metric: str


@dataclass(frozen=True)
class Tested:
    """A comparison of two arms and what it says.

    Attributes:
        found: of means or of spreads.
        clustered: of means again, with whole groups of items drawn; None where there are none.
        claim: None of an exploratory one.
        adjusted: p-value after Holm's correction over all exploratory ones.
        diverged: (arm, seed) of every run without a value, whose pair has no part in it.
    """

    pair: Pair
    found: Union[Comparison, SpreadRatio]
    verdict: Verdict
    clustered: Optional[Comparison] = None
    claim: Optional[Claim] = None
    adjusted: Optional[float] = None
    diverged: tuple[tuple[str, int], ...] = ()


class Analysis:
    """Tests on results; predictions are read once for all of them."""

    def __init__(self, results: Results, data_root: Path):
        self.results, self.data_root = results, data_root
        self._items: dict[str, Any] = {}

    def claims(self) -> list[Tested]:
        """Every claim of the suite, also one whose runs are still to come or all diverged.

        Raises:
            UserError: a finished run has no such metric.
        """
        return [self._claim(claim) for claim in self.results.suite.claims]

    def exploratory(self) -> list[Tested]:
        """Arms against their task's baseline, where no claim is: every regime, split, headline metric."""
        suite = self.results.suite
        primary = {_pair(claim) for claim in suite.claims if claim.kind == "difference"}
        found = [self._difference(pair, EXPLORATORY_SHARE) for pair in self._pairs() if pair not in primary]
        found = [tested for tested in found if len(tested.found.seeds) > 1]
        adjusted = iter(holm([t.found.p_value for t in found if t.found.p_value is not None]).tolist())
        return [replace(t, adjusted=None if t.found.p_value is None else next(adjusted)) for t in found]

    def sources(self, plan: Sources, arm: str) -> Optional[SpreadSources]:
        """How far the draw of the data, and all else, spread a metric, by seeds with a value on every draw.

        None of fewer than two such seeds.

        Raises:
            UserError: a finished run has no such metric.
        """
        for regime in plan.regimes:
            self._require_metric(f"sources: {arm}", self.results.of(arm, regime), plan.split, plan.metric)
        by_draw = [self.results.values(arm, name, plan.split, plan.metric) for name in plan.regimes]
        known = [{seed for seed, value in found.items() if math.isfinite(value)} for found in by_draw]
        seeds = sorted(set.intersection(*known))
        return (
            spread_sources([[found[seed] for seed in seeds] for found in by_draw]) if len(seeds) > 1 else None
        )

    def items(self, task: str) -> Any:
        """The task's reader of predictions."""
        if task not in self._items:
            self._items[task] = tasks.load(task, "items").Items(self.data_root)
        return self._items[task]

    def _claim(self, claim: Claim) -> Tested:
        pair = _pair(claim)
        for arm in (claim.baseline, claim.arm):
            runs = self.results.of(arm, claim.regime)
            self._require_metric(f"claims: {claim.text}", runs, claim.split, claim.metric)
        if claim.kind == "difference":
            return self._difference(pair, 1.0, claim)
        values = [self._values(pair, name, claim.kind) for name in (pair.baseline, pair.arm)]
        arms = _with_common_seeds(pair, values)
        seeds, diverged = pair_seeds(*arms) if arms else ((), ())
        measure = pitman_morgan if claim.kind == "spread_over_seeds" else fluctuation_ratio
        found = measure(*(paired_values(*arms, seeds) if arms else ([], [])))
        return Tested(pair, found, judge_spread(found, claim.figure), claim=claim, diverged=diverged)

    def _require_metric(self, place: str, runs: list[Result], split: str, metric: str) -> None:
        for result in runs:
            known = result.metrics.get(split, {})
            if known and metric not in known:
                raise UserError(
                    f"{place}: metric: found {metric!r}, which {result.cell.name} has not; the nearest is "
                    f"{nearest(metric, list(known))}"
                )

    def _values(self, pair: Pair, arm: str, kind: str) -> dict[int, float]:
        if kind == "spread_within_run":
            return {r.cell.seed: r.within_run(pair.metric) for r in self.results.of(arm, pair.regime)}
        return self.results.values(arm, pair.regime, pair.split, pair.metric)

    def _difference(self, pair: Pair, share: float, claim: Optional[Claim] = None) -> Tested:
        values = [
            self.results.values(a, pair.regime, pair.split, pair.metric) for a in (pair.baseline, pair.arm)
        ]
        seeds = _common(*values)
        if not seeds:
            found = Comparison(*(summarize(known.values()) for known in values), (), (), math.nan)
            return Tested(pair, found, judge(found), claim=claim)
        arms = [self._arm(pair, name, known, seeds) for name, known in zip((pair.baseline, pair.arm), values)]
        lower = claim.better == "lower" if claim else lower_is_better(pair.metric)
        items = next(iter(arms[0].metrics.values())).items if all(arm.metrics for arm in arms) else None
        if items is None:
            found, clustered = compare(*arms), None
        else:
            task = self.results.task_of(pair.arm)
            replicates = max(2, int(share * tasks.load(task, "items").REPLICATES))
            found = self._compare(pair, arms, Draws(items, replicates))
            clustered = self._clustered(pair, arms, items, replicates) if claim else None
        verdict = judge(found, claim.figure if claim else None, lower)
        return Tested(pair, found, verdict, clustered, claim, diverged=found.diverged)

    def _compare(self, pair: Pair, arms: list[Arm], draws: Draws) -> Comparison:
        try:
            return compare(*arms, draws)
        except UserError as error:
            folder = self.results.store.folder / "runs"
            wanted = f"expected the run's folder in {folder} as it was written, or removed"
            raise UserError(f"{pair.regime}, {pair.split}: {error}; {wanted}") from None

    def _arm(self, pair: Pair, name: str, values: dict[int, float], seeds: list[int]) -> Arm:
        metrics = {}
        for result in self.results.of(name, pair.regime):
            seed = result.cell.seed
            if seed in seeds and math.isfinite(values[seed]):
                metrics[seed] = self.items(result.task).metric(result.run, pair.split, pair.metric)
        known = metrics if all(metric is not None for metric in metrics.values()) else {}
        return Arm(name, {seed: values[seed] for seed in seeds}, known)

    def _clustered(self, pair: Pair, arms: list[Arm], items, replicates: int) -> Optional[Comparison]:
        result = next(r for r in self.results.of(pair.arm, pair.regime) if r.failure is None)
        groups = self.items(result.task).groups(result.run, pair.split)
        if groups is None or len(set(groups)) < 2:
            return None
        return compare(*arms, Draws(items, replicates, groups=groups))

    def _pairs(self) -> list[Pair]:
        results, pairs = self.results, []
        for regime in results.suite.regimes:
            arms = results.arms(regime)
            for baseline in (arm for arm in results.suite.baselines if arm in arms):
                task = results.task_of(baseline)
                others = [a for a in arms if results.task_of(a) == task and a not in results.suite.baselines]
                pairs += [
                    Pair(baseline, arm, regime, split, metric)
                    for arm in others
                    for split in results.splits(arm, regime)
                    if split != "train"
                    for metric in dict.fromkeys(
                        (*headline_metrics(task), *self._claimed(baseline, arm, regime))
                    )
                ]
        return pairs

    def _claimed(self, baseline: str, arm: str, regime: str) -> list[str]:
        """Metrics that claims are about, which are shown on the other split too."""
        return [
            claim.metric
            for claim in self.results.suite.claims
            if claim.kind == "difference"
            and (claim.baseline, claim.arm, claim.regime) == (baseline, arm, regime)
        ]


def lower_is_better(metric: str) -> bool:
    """Of losses, misses, false alarms and errors of calibration."""
    return metric.startswith(("loss", "miss_rate", "false_alarms", "ece"))


def _pair(claim: Claim) -> Pair:
    return Pair(claim.baseline, claim.arm, claim.regime, claim.split, claim.metric)


def _with_common_seeds(pair: Pair, values: list[dict[int, float]]) -> list[Arm]:
    """Both arms with the seeds that they share; none where they share none."""
    seeds = _common(*values)
    names = (pair.baseline, pair.arm)
    return [Arm(name, {seed: known[seed] for seed in seeds}) for name, known in zip(names, values) if seeds]


def _common(first: dict[int, float], second: dict[int, float]) -> list[int]:
    return sorted(set(first) & set(second))

"""Everything that a suite has found as plain values: what reports are made from and references hold."""

import dataclasses
import math
from typing import Any, Optional

from common.evaluation.comparison import Comparison
from tasks.reproduce.analysis import Analysis, Tested
from tasks.reproduce.results import Result, Results, choose_best, environment, headline_metrics

# Not a verdict: there is nothing yet to give one on.
NO_RUNS = "no pair of runs yet"


def summarize_suite(results: Results, analysis: Analysis, name: str) -> dict[str, Any]:
    """Raw values of every run, then what was computed from them.

    Args:
        name: of the suite.
    """
    suite, done = results.suite, [r for r in results.found if r.failure is None]
    tasks = sorted({result.task for result in results.found})
    return {
        "suite": name,
        "title": suite.title,
        "note": suite.note,
        "environment": environment(done[0]) if done else {},
        "differing": differing([environment(result) for result in done]),
        "planned": results.planned,
        "headline": {task: list(headline_metrics(task)) for task in tasks},
        "claims": [_tested(tested) for tested in analysis.claims()],
        "exploratory": [_tested(tested) for tested in analysis.exploratory()],
        "sources": _sources(results, analysis),
        "best": {} if results.later else choose_best(results),
        "runs": {result.cell.name: _run(result) for result in results.found},
    }


def _run(result: Result) -> dict[str, Any]:
    cell = result.cell
    within = {}
    if result.failure is None:
        within = {m: result.within_run(m) for m in headline_metrics(result.task) if _has(result, m)}
    return {
        "task": result.task,
        "arm": cell.arm,
        "regime": cell.regime,
        "seed": cell.seed,
        "steps": cell.steps,
        "overrides": dict(cell.overrides),
        "config_sha256": cell.config_hash(),
        "seconds": result.seconds,
        "failure": result.failure,
        "environment": environment(result) if result.failure is None else {},
        "metrics": {s: {m: finite(v) for m, v in values.items()} for s, values in result.metrics.items()},
        "within_run": {metric: finite(value) for metric, value in within.items() if math.isfinite(value)},
    }


def _has(result: Result, metric: str) -> bool:
    return f"validation_{metric}" in result.history()


def _tested(tested: Tested) -> dict[str, Any]:
    claim, found = tested.claim, tested.found
    values = {
        **dataclasses.asdict(tested.pair),
        "text": claim.text if claim else "",
        "kind": claim.kind if claim else "difference",
        "figure": claim.figure if claim else None,
        "better": claim.better if claim else "",
        # Of many comparisons a verdict holds only after the correction, which depends on all of them.
        "verdict" if claim else "uncorrected_verdict": _verdict(tested),
        "p_value": finite(found.p_value),
        "diverged": [list(run) for run in tested.diverged],
    }
    if isinstance(found, Comparison):
        values.update(_difference(found), adjusted=finite(tested.adjusted))
        if tested.clustered is not None:
            values["clustered"] = _difference(tested.clustered)
        return values
    low, high = (found.interval.low, found.interval.high) if found.interval else (None, None)
    return {
        **values,
        "estimate": finite(found.ratio),
        "low": finite(low),
        "high": finite(high),
        "seeds": found.pairs,
        "levene_p_value": finite(found.levene_p_value),
    }


def _verdict(tested: Tested) -> str:
    return str(tested.verdict) if tested.verdict.seeds or tested.diverged else NO_RUNS


def _difference(found: Comparison) -> dict[str, Any]:
    interval, percentile = found.interval, found.percentile
    return {
        "estimate": finite(found.estimate),
        "low": finite(interval.low) if interval else None,
        "high": finite(interval.high) if interval else None,
        "percentile": [percentile.low, percentile.high] if percentile else None,
        "seeds": len(found.seeds),
        "units": found.units,
    }


def _sources(results: Results, analysis: Analysis) -> list[dict[str, Any]]:
    rows = []
    for plan in results.suite.sources:
        for arm in plan.arms:
            found = analysis.sources(plan, arm)
            if found is not None:
                rows.append(
                    {
                        "arm": arm,
                        "regimes": plan.regimes,
                        "metric": plan.metric,
                        "split": plan.split,
                        **dataclasses.asdict(found),
                    }
                )
    return rows


def differing(found: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Fields that are not the same in all environments, with all their values."""
    names = dict.fromkeys(name for one in found for name in one)
    values = {name: list(dict.fromkeys(str(one.get(name)) for one in found)) for name in names}
    return {name: several for name, several in values.items() if len(several) > 1}


def finite(value: Optional[float]) -> Optional[float]:
    """The value where JSON has one for it."""
    return value if value is None or not isinstance(value, float) or math.isfinite(value) else None

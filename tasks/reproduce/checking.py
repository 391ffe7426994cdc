"""Whether the runs of a suite give again what its reference results have."""

import math
from collections import Counter
from typing import Any

from common.evaluation.reference_check import check_against_reference
from common.reporting.tables import show
from tasks.reproduce.results import Result, Results, environment
from tasks.reproduce.tables import Summary, of, select_runs, value_of

CHECK_COLUMNS = [
    "arm",
    "regime",
    "metric",
    "reference",
    "now",
    "seeds",
    "95 % prediction interval",
    "largest difference",
    "says",
]
NO_RUN, NO_REFERENCE = "no run now", "no reference"
BY_CHANCE = (
    "Identical: each seed that was run has the reference's value; means are over all seeds of either. The "
    "interval is that of other seeds, with which 1 in 20 rows lies outside by chance alone; with the same "
    "seeds hardly any does, and the largest difference of a seed's two values says more."
)


def compare_with_reference(reference: Summary, results: Results) -> list[list[str]]:
    """A row (:data:`CHECK_COLUMNS`) an arm, regime, metric and split, or one that says why there is none."""
    rows = []
    now = [(result.cell.arm, result.cell.regime) for result in results.found]
    before = [(run["arm"], run["regime"]) for run in reference["runs"].values()]
    for arm, regime in dict.fromkeys((*now, *before)):
        known, found = select_runs(reference, arm=arm, regime=regime), results.of(arm, regime)
        why = _incomparable(reference, known, found)
        if why:
            rows.append([arm, regime, *["-"] * (len(CHECK_COLUMNS) - 3), why])
        else:
            rows += [[arm, regime, *row] for row in _compared(reference, results, known, found)]
    return rows


def differences(reference: Summary, results: Results) -> list[str]:
    """A line a field of the environment that is another now than in the reference's run of the same name."""
    lines: Counter = Counter()
    compared = 0
    for result in results.found:
        known = reference["runs"].get(result.cell.name, {}).get("environment")
        if result.failure is not None or not known:
            continue
        compared += 1
        now = environment(result)
        for name in dict.fromkeys((*known, *now)):
            if known.get(name) != now.get(name):
                lines[f"{name}: reference {known.get(name)}, now {now.get(name)}"] += 1
    if not compared:
        return ["environment: no run in common with the reference"]
    return [f"{line} ({of(number, compared)} runs)" for line, number in lines.items()]


def _incomparable(reference: Summary, known: list[dict[str, Any]], found: list[Result]) -> str:
    if not (known and found):
        return NO_RUN if known else NO_REFERENCE
    hashes = {result.cell.name: result.cell.config_hash() for result in found}
    common = [name for name in hashes if name in reference["runs"]]
    if not common:
        return "not comparable, no seed in common"
    changed = any(reference["runs"][name]["config_sha256"] != hashes[name] for name in common)
    return "not comparable, of another configuration" if changed else ""


def _compared(
    reference: Summary, results: Results, known: list[dict[str, Any]], found: list[Result]
) -> list[list[str]]:
    cell, task = found[0].cell, known[0]["task"]
    claimed = [c.metric for c in results.suite.claims if cell.arm in (c.baseline, c.arm)]
    names = dict.fromkeys((*reference["headline"].get(task, ()), *claimed))
    splits = [split for run in (*(k["metrics"] for k in known), *(f.metrics for f in found)) for split in run]
    rows = []
    # Of runs that all diverged, then and now, no split is known.
    for split in dict.fromkeys(splits or ["validation"]):
        for metric in names:
            values = results.values(cell.arm, cell.regime, split, metric)
            before = _by_seed(known, split, metric)
            if values and before:
                rows.append([f"{metric}, {split}", *_said(before, values)])
            elif values or before:
                says = NO_REFERENCE if values else NO_RUN
                rows.append([f"{metric}, {split}", *["-"] * (len(CHECK_COLUMNS) - 4), says])
    return rows


def _by_seed(known: list[dict[str, Any]], split: str, metric: str) -> dict[int, float]:
    values = {}
    for run in known:
        value = value_of(run, split, metric)
        if run["failure"] is not None or split in run["metrics"]:
            values[run["seed"]] = math.nan if value is None else value
    return values


def _said(before: dict[int, float], now: dict[int, float]) -> list[str]:
    check = check_against_reference(before, now)
    interval = f"[{show(check.interval.low)}, {show(check.interval.high)}]" if check.interval else "-"
    largest = "-" if check.largest_difference is None else show(check.largest_difference)
    means = show(check.reference_mean), show(check.mean)
    return [*means, of(check.seeds, len(before)), interval, largest, check.status]

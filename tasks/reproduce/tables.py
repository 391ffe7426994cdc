"""Tables of a suite from its summary, for the page and for Markdown alike."""

import math
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from common.evaluation.comparison import ENOUGH_SEEDS, summarize
from common.reporting.page import HtmlTable
from common.reporting.tables import show
from tasks.reproduce.results import GAP

Summary = dict[str, Any]
PREFIXES = ("ap_50_", "precision_", "recall_", "f1_", "miss_rate_", "deeppcb_", "false_alarms_")


def splits_of(summary: Summary, regime: str, task: str) -> list[str]:
    """Splits that runs of a task in a regime were evaluated on, training's left out."""
    runs = select_runs(summary, regime=regime, task=task)
    return [split for split in ("validation", "test") if any(split in run["metrics"] for run in runs)]


def regime_table(summary: Summary, regime: str, task: str, split: str) -> HtmlTable:
    """A row an arm: mean ± sample standard deviation of the headline metrics, and the gap to training."""
    runs = select_runs(summary, regime=regime, task=task)
    runs = [run for run in runs if _belongs(run, summary, split)]
    timed = _comparable_in_time(runs)
    names = list(summary["headline"][task])
    if any(GAP in run["metrics"].get(split, {}) for run in runs):
        names.append(GAP)
    rows = []
    for arm in dict.fromkeys(run["arm"] for run in runs):
        some = [run for run in runs if run["arm"] == arm]
        done = [run for run in some if run["failure"] is None]
        cells = [mean_and_sd(value_of(run, split, name) for run in done) for name in names]
        rows.append([_few(arm, done), *cells, of(len(done), len(some)), *_minutes(some, timed)])
    shown = [f"train - {split}" if name == GAP else name for name in names]
    return HtmlTable([f"{split}: arm", *shown, "runs", *(["minutes a run"] if timed else [])], rows)


def metric_table(summary: Summary, metric: str, split: str) -> HtmlTable:
    """A row an arm, a column a regime: mean ± sample standard deviation of one metric.

    Runs are counted where some diverged, or where they are fewer than :data:`ENOUGH_SEEDS`.
    """
    runs = [run for run in summary["runs"].values() if _belongs(run, summary, split)]
    having = {run["task"] for run in runs if value_of(run, split, metric) is not None}
    runs = [run for run in runs if run["task"] in having]
    arms, regimes = (list(dict.fromkeys(run[name] for run in runs)) for name in ("arm", "regime"))
    rows = []
    for arm in arms:
        cells = []
        for regime in regimes:
            some = [run for run in runs if (run["arm"], run["regime"]) == (arm, regime)]
            done = [value_of(run, split, metric) for run in some if run["failure"] is None]
            few = bool(some) and len(done) < max(ENOUGH_SEEDS, len(some))
            cells.append(mean_and_sd(done) + (f" ({of(len(done), len(some))} runs)" if few else ""))
        rows.append([arm, *cells])
    return HtmlTable(["arm", *regimes], rows)


def detail_table(summary: Summary, regime: str, task: str, split: str, arms: Sequence[str]) -> HtmlTable:
    """A row a metric of a class, a size or a group, a column an arm."""
    runs = [run for run in select_runs(summary, regime=regime, task=task) if run["failure"] is None]
    names = dict.fromkeys(
        name
        for run in runs
        for name in run["metrics"].get(split, {})
        if name.startswith(PREFIXES) and name not in summary["headline"][task]
    )
    rows = [
        [name, *(mean_and_sd(value_of(r, split, name) for r in runs if r["arm"] == arm) for arm in arms)]
        for name in names
    ]
    return HtmlTable(["metric", *arms], rows)


def trials_table(
    summary: Summary, trials: Sequence[str], regime: str, metric: str, planned: int
) -> HtmlTable:
    """A row a trial of a search with ``planned`` runs each, the best mean on validation first."""
    found = []
    for trial in trials:
        runs = [run for run in select_runs(summary, regime=regime) if run["arm"] == trial]
        values = [value_of(run, "validation", metric) for run in runs]
        mean = summarize(v for v in values if v is not None).mean
        number = of(sum(run["failure"] is None for run in runs), planned)
        chosen = "yes" if trial in summary["best"].values() else ""
        found.append((-math.inf if math.isnan(mean) else mean, [trial, mean_and_sd(values), number, chosen]))
    rows = [row for _, row in sorted(found, key=lambda pair: -pair[0])]
    return HtmlTable(["trial", f"{metric}, validation", "runs", "chosen"], rows)


def failure_table(summary: Summary) -> HtmlTable:
    """Runs that failed twice, which count as diverged."""
    broken = {name: run["failure"] for name, run in summary["runs"].items() if run["failure"] is not None}
    return HtmlTable(["run", "what it said last"], [list(item) for item in broken.items()], words=True)


def sources_table(summary: Summary) -> HtmlTable:
    """Standard deviations from the draw of the data and from initialisation and order."""
    rows = [
        [
            row["arm"],
            f"{row['metric']}, {row['split']}",
            f"{len(row['regimes'])} x {row['seeds']}",
            show(row["draw"]),
            show(row["initialisation"]),
        ]
        for row in summary["sources"]
    ]
    columns = ["arm", "metric", "draws x seeds", "draw of the data", "initialisation, order, dropout"]
    return HtmlTable(columns, rows)


def select_runs(summary: Summary, **wanted: Any) -> list[dict[str, Any]]:
    """Runs whose fields have these values."""
    return [r for r in summary["runs"].values() if all(r[name] == value for name, value in wanted.items())]


def value_of(run: dict[str, Any], split: str, metric: str) -> Optional[float]:
    """A metric of a run, or None."""
    return run["metrics"].get(split, {}).get(metric)


def mean_and_sd(values) -> str:
    """Such as ``0.8834 ± 0.0041``; a dash for none, no deviation for one."""
    found = summarize(value for value in values if value is not None)
    if not found.runs:
        return "-"
    return show(found.mean) + ("" if found.sd is None else f" ± {show(found.sd)}")


def _belongs(run: dict[str, Any], summary: Summary, split: str) -> bool:
    """Whether a run was to be evaluated on a split; of one that failed, others of its arm tell."""
    if run["failure"] is None:
        return split in run["metrics"]
    others = select_runs(summary, arm=run["arm"], regime=run["regime"], failure=None)
    return not others or any(split in other["metrics"] for other in others)


def _comparable_in_time(runs: list[dict[str, Any]]) -> set[int]:
    """Seeds all of whose runs were done in one go, on one kind of processor."""
    seconds: dict[int, list] = {}
    processors: dict[int, set] = {}
    for run in runs:
        seconds.setdefault(run["seed"], []).append(run["seconds"])
        processors.setdefault(run["seed"], set()).add(run["environment"].get("processor"))
    return {seed for seed in seconds if all(seconds[seed]) and len(processors[seed]) == 1}


def _minutes(runs: list[dict[str, Any]], timed: set[int]) -> list[str]:
    """Mean over the seeds that are comparable in time; no cell where there are none in the whole table."""
    seconds = [run["seconds"] for run in runs if run["seed"] in timed]
    return [f"{np.mean(seconds) / 60:.1f}" if seconds else "-"] if timed else []


def of(done: int, all_: int) -> str:
    """Such as ``4 of 5``, and 5 for ``5 of 5``."""
    return str(done) if done == all_ else f"{done} of {all_}"


def _few(arm: str, done: list) -> str:
    return arm if len(done) >= ENOUGH_SEEDS else f"{arm} (exploratory)"

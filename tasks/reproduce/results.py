"""What the runs of a suite have given: metrics by cell, and by arm, regime and seed."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import pandas as pd

import tasks
from common.config import nearest
from common.errors import UserError
from common.evaluation.fluctuation import within_run_fluctuation
from common.json_file import read_object
from common.table_file import read_table
from common.training.run_folder import RunFolder
from tasks.reproduce.cells import Cell, trials_of
from tasks.reproduce.store import BROKEN, FINISHED, Store
from tasks.reproduce.suite import Suite

# Metric of training minus that of a split, at the best epoch: what regularization claims to close.
GAP = "gap"


@dataclass(frozen=True)
class Result:
    """One cell that is finished or broken.

    Attributes:
        metrics: {split: {metric: value}}; empty for a broken one.
        seconds: of a run that was done in one go; None of others.
        failure: why it is broken, or None.
    """

    cell: Cell
    run: RunFolder
    task: str
    metrics: dict[str, dict[str, float]]
    seconds: Optional[float]
    failure: Optional[str] = None

    def history(self) -> pd.DataFrame:
        """``history.csv``."""
        return read_table(self.run.history)

    def within_run(self, metric: str) -> float:
        """Fluctuation of a validation metric late in the run; NaN without ``train.evaluate_every``.

        Raises:
            UserError: the run was not evaluated by this metric while it was trained.
        """
        if self.failure is not None or not self.run.evaluations.exists():
            return math.nan
        rows = read_table(self.run.evaluations, ("step",))
        if f"validation_{metric}" not in rows:
            known = [name.partition("_")[2] for name in rows if name.startswith("validation_")]
            raise UserError(
                f"{self.run.evaluations}: found no metric {metric}; the nearest is {nearest(metric, known)}"
            )
        return within_run_fluctuation(rows["step"], rows[f"validation_{metric}"], self.cell.steps)


class Results:
    """Finished and broken cells of a suite.

    Args:
        cells: that are known; others than the finished and broken ones are still to come.
        later: how many more there will be, once a search has said which.
    """

    def __init__(self, suite: Suite, cells: Sequence[Cell], store: Store, later: int = 0):
        self.suite, self.store, self.later = suite, store, later
        self.planned = len(cells) + later
        self.planned_seeds = Counter((cell.arm, cell.regime) for cell in cells)
        self.found = [result for cell in cells if (result := read_result(cell, store)) is not None]

    def task_of(self, arm: str) -> str:
        """Name of an arm's task, once one of its cells is done."""
        return next((r.task for r in self.found if r.cell.arm == arm), "")

    def of(self, arm: str, regime: str) -> list[Result]:
        """Cells of an arm in a regime, by seed."""
        some = [r for r in self.found if (r.cell.arm, r.cell.regime) == (arm, regime)]
        return sorted(some, key=lambda result: result.cell.seed)

    def values(self, arm: str, regime: str, split: str, metric: str) -> dict[int, float]:
        """The metric by seed, NaN where the run is broken; without runs that are still to come."""
        return {
            r.cell.seed: math.nan if r.failure else r.metrics.get(split, {}).get(metric, math.nan)
            for r in self.of(arm, regime)
            if r.failure or split in r.metrics
        }

    def arms(self, regime: str) -> list[str]:
        """Arms with a cell in the regime, in the suite's order."""
        return list(dict.fromkeys(r.cell.arm for r in self.found if r.cell.regime == regime))

    def splits(self, arm: str, regime: str) -> list[str]:
        """Splits that an arm's runs were evaluated on."""
        return list(dict.fromkeys(name for r in self.of(arm, regime) for name in r.metrics))


def read_result(cell: Cell, store: Store) -> Optional[Result]:
    """A finished or broken cell; None of one that is still to come."""
    status, record = store.status(cell), store.record(cell)
    if status not in (FINISHED, BROKEN):
        return None
    task, run = cell.task(), store.run(cell)
    if status == BROKEN:
        return Result(cell, run, task, {}, record.measured, record.failures[-1])
    wanted = {"validation", *cell.splits}
    metrics = {split: values for split, values in run.metrics().items() if split in wanted}
    check_metrics(metrics, str(run.path / "metrics.json"))
    known = _training_metric(run, task)
    for split, values in metrics.items():
        selection = values.get(selection_metric(task))
        if known is not None and selection is not None and split != "train":
            values[GAP] = known - selection
    return Result(cell, run, task, metrics, record.measured)


def check_metrics(metrics: Any, place: str, kinds: tuple[type, ...] = (int, float)) -> None:
    """Refuse what is not {split: {metric: value}} with values of these kinds.

    Raises:
        UserError: naming the ``place``, and split and metric.
    """
    for split, values in metrics.items() if isinstance(metrics, dict) else [("metrics", metrics)]:
        for name, value in values.items() if isinstance(values, dict) else [("", values)]:
            if name == "" or not isinstance(value, kinds):
                raise UserError(
                    f"{place}: {split}{name and '.'}{name}: found {value!r:.60}, expected "
                    f"{'a number' if name else 'an object'}"
                )


def choose_best(results: Results) -> dict[str, str]:
    """The trial of each confirmed sweep with the greatest mean of the selection metric on validation.

    Without sweeps none of whose trials has finished all its runs.
    """
    plan = results.suite.confirmation
    chosen = {}
    for sweep in plan.sweeps if plan else ():
        means = {}
        for trial in trials_of(results.suite, sweep):
            metric = selection_metric(results.task_of(trial)) if results.task_of(trial) else ""
            values = list(results.values(trial, plan.regime, "validation", metric).values())
            if values and all(map(math.isfinite, values)):
                means[trial] = sum(values) / len(values)
        if means:
            chosen[sweep] = max(means, key=means.get)
    return chosen


def selection_metric(task: str) -> str:
    """The validation metric that chooses a task's best epoch."""
    return tasks.load(task, "config").SELECTION_METRIC


def headline_metrics(task: str) -> tuple[str, ...]:
    """A task's metrics that tables show."""
    return tasks.load(task, "config").HEADLINE_METRICS


def environment(result: Result) -> dict[str, Any]:
    """``environment.json`` without what belongs to one run alone.

    Raises:
        UserError: it is damaged.
    """
    file = result.run.path / "environment.json"
    found = read_object(file) if file.exists() else {}
    weights = found.get("weights")
    if isinstance(weights, dict) and weights.get("file"):
        # The same weights stand at another place on another machine.
        found["weights"] = {**weights, "file": Path(weights["file"]).name}
    return {name: value for name, value in found.items() if not name.endswith("sha256") and value is not None}


def _training_metric(run: RunFolder, task: str) -> Optional[float]:
    metric = selection_metric(task)
    history = read_table(run.history)
    if f"train_{metric}" not in history:
        return None
    best = history[f"validation_{metric}"].idxmax()
    return float(history.loc[best, f"train_{metric}"])

"""How long cells take: from finished ones of the same regime, else from what the suite's file says."""

from collections.abc import Sequence

from tasks.reproduce.cells import Cell
from tasks.reproduce.store import BROKEN, FINISHED, Record, Store
from tasks.reproduce.suite import Suite


class Estimate:
    """Seconds of cells of one suite."""

    def __init__(self, suite: Suite, store: Store, cells: Sequence[Cell]):
        self.suite = suite
        self.measured: dict[str, list[float]] = {}
        for cell in cells:
            if store.status(cell) == FINISHED:
                self.learn(cell, store.record(cell))

    def learn(self, cell: Cell, record: Record) -> None:
        """Take in a finished run, if it was done in one go."""
        if record.measured is not None:
            self.measured.setdefault(cell.regime, []).append(record.measured)

    def seconds(self, cell: Cell) -> float:
        """Of a whole run, its evaluation included."""
        known = self.measured.get(cell.regime)
        if known:
            return sum(known) / len(known)
        return self.suite.seconds_per_run + cell.steps * self.suite.regimes[cell.regime].seconds_per_step


def plan_text(
    suite: Suite, cells: Sequence[Cell], store: Store, estimate: Estimate, later: Sequence[Cell] = ()
) -> str:
    """What there is to do: runs, updates and time by regime, and in all.

    Args:
        later: cells of a confirmation whose recipes are not known yet.
    """
    from common.reporting.tables import text_table

    rows, total = [], 0.0
    for regime in dict.fromkeys(cell.regime for cell in cells):
        some = [cell for cell in cells if cell.regime == regime]
        left = [cell for cell in some if store.status(cell) not in (FINISHED, BROKEN)]
        seconds = sum(estimate.seconds(cell) for cell in left)
        total += seconds
        source = "finished runs" if regime in estimate.measured else "the suite's file"
        steps = f"{suite.regimes[regime].steps:,}"
        rows.append([regime, str(len(some)), str(len(left)), steps, duration(seconds), source])
    columns = ["regime", "runs", "left", "updates a run", "time left", "estimated from"]
    left = sum(store.status(cell) not in (FINISHED, BROKEN) for cell in cells)
    last = f"{len(cells)} runs, {left} left: about {duration(total)} of one process's work"
    if later:
        last += f"; then {len(later)} of the confirmation: {duration(sum(map(estimate.seconds, later)))}"
    return f"{text_table(columns, rows)}\n{last}"


def duration(seconds: float) -> str:
    """Such as ``40 s``, ``1.5 min`` or ``2.3 hours``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} hours"

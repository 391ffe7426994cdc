"""The cells of a suite: each is one run, as a user would start it by hand."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from common import config as configuration
from common.errors import UserError
from common.evaluation.late_evaluations import FEWEST_EVALUATIONS, is_late
from tasks import runs
from tasks.reproduce.suite import Arm, Suite, best_name


@dataclasses.dataclass(frozen=True)
class Cell:
    """One run of a suite.

    Attributes:
        config: the arm's file.
        overrides: dotted fields and their values, the arm's before the regime's before the suite's.
        splits: that are evaluated; validation always is.
    """

    arm: str
    regime: str
    seed: int
    config: Path
    overrides: tuple[tuple[str, Any], ...]
    splits: tuple[str, ...]
    steps: int

    @property
    def name(self) -> str:
        """ARM-REGIME-seedN, also the name of the run's folder."""
        return f"{self.arm}-{self.regime}-seed{self.seed}"

    def flags(self) -> list[str]:
        """What train.py is called with, beside folders."""
        flags = [part for name, value in self.overrides for part in (f"--{name}", _text(value))]
        return ["--config", str(self.config), "--seed", str(self.seed), *flags]

    def task(self) -> Any:
        """Name of the task."""
        return configuration.read_yaml(self.config).get("task")

    def resolved(self) -> Any:
        """The whole configuration.

        Raises:
            UserError: the file or an override is wrong; the message names the cell.
        """
        try:
            return runs.load_config(self.config, self.seed, self.flags()[4:])
        except UserError as error:
            raise UserError(f"cell {self.name}: {error}") from None

    def config_hash(self) -> str:
        """SHA-256 of the whole configuration."""
        return hashlib.sha256(configuration.to_yaml(self.resolved()).encode()).hexdigest()


def all_arms(suite: Suite) -> dict[str, Arm]:
    """Arms and the trials of sweeps by name."""
    trials = (sweep.arms(name) for name, sweep in suite.sweeps.items())
    return {**suite.arms, **{name: arm for arms in trials for name, arm in arms.items()}}


def expand(suite: Suite, folder: Path) -> list[Cell]:
    """All cells but those of the confirmation, seed by seed, so that pairs of arms are ready early.

    Args:
        folder: of the suite's file.
    """
    found: dict[str, Cell] = {}
    for group in suite.groups:
        names = [trial for arm in group.arms for trial in trials_of(suite, arm)]
        for cell in _cells(suite, folder, names, group.regime, group.numbers(), group.splits):
            known = found.get(cell.name)
            splits = tuple(dict.fromkeys((*(known.splits if known else ()), *cell.splits)))
            found[cell.name] = dataclasses.replace(cell, splits=splits)
    return list(found.values())


def trials_of(suite: Suite, name: str) -> list[str]:
    """The arms of a sweep, or the arm of that name."""
    return list(suite.sweeps[name].arms(name)) if name in suite.sweeps else [name]


def confirming(suite: Suite, folder: Path, best: dict[str, str]) -> list[Cell]:
    """Cells of the confirmation.

    Args:
        best: the chosen trial of each sweep.
    """
    plan = suite.confirmation
    if plan is None:
        return []
    chosen = _cells(suite, folder, list(best.values()), plan.regime, plan.numbers(), plan.splits)
    sweeps = {trial: sweep for sweep, trial in best.items()}
    return [dataclasses.replace(cell, arm=best_name(sweeps[cell.arm])) for cell in chosen]


def check_cells(cells: Iterable[Cell]) -> None:
    """Refuse a suite with a wrong override before anything starts.

    Raises:
        UserError: naming the first such cell, also one whose overrides change its seed or its updates.
    """
    for cell in _one_of_each(cells):
        train = cell.resolved().train
        for name, found, expected in (("steps", train.steps, cell.steps), ("seed", train.seed, cell.seed)):
            if found != expected:
                raise UserError(
                    f"cell {cell.name}: train.{name}: found {found} among the overrides, expected {expected} "
                    f"of its {'regime' if name == 'steps' else 'group'}"
                )


def missing_files(cells: Iterable[Cell]) -> dict[str, str]:
    """Names of the cells that cannot be run now, and why: their weights are not there, or cannot be read.

    Raises:
        UserError: a configuration is wrong.
    """
    cells, reasons = list(cells), {}
    for cell in _one_of_each(cells):
        config = cell.resolved()
        try:
            config.check_files()
        except UserError as error:
            reasons[cell.arm, cell.regime] = str(error)
    return {c.name: reasons[c.arm, c.regime] for c in cells if (c.arm, c.regime) in reasons}


def check_evaluations(suite: Suite, cells: Iterable[Cell]) -> None:
    """Refuse a claim on fluctuation within runs that are read too seldom to have one.

    Raises:
        UserError: naming the first such cell.
    """
    arms = {
        (arm, c.regime) for c in suite.claims if c.kind == "spread_within_run" for arm in (c.baseline, c.arm)
    }
    for cell in cells:
        if (cell.arm, cell.regime) in arms:
            arms.remove((cell.arm, cell.regime))
            every = cell.resolved().train.evaluate_every
            late = int(is_late(np.arange(every, cell.steps + 1, every), cell.steps).sum()) if every else 0
            if late < FEWEST_EVALUATIONS:
                raise UserError(
                    f"cell {cell.name}: train.evaluate_every: found {every}, by which validation is read "
                    f"{late} times late in the run, expected {FEWEST_EVALUATIONS} for its fluctuation"
                )


def whole_parts(cells: Iterable[Cell], done: Container[str]) -> list[Cell]:
    """Cells of the arms in regimes all of whose cells are done.

    Args:
        done: names of cells.
    """
    cells = list(cells)
    missing = {(cell.arm, cell.regime) for cell in cells if cell.name not in done}
    return [cell for cell in cells if (cell.arm, cell.regime) not in missing]


def find_cell(cells: Iterable[Cell], name: str) -> Cell:
    """The cell of a name.

    Raises:
        UserError: there is none; it names the nearest.
    """
    named = {cell.name: cell for cell in cells}
    if name not in named:
        raise UserError(f"--cell: found {name!r}; the nearest is {configuration.nearest(name, list(named))}")
    return named[name]


def _one_of_each(cells: Iterable[Cell]) -> list[Cell]:
    """The first cell of each arm in each regime: all others differ in their seed alone."""
    found: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        found.setdefault((cell.arm, cell.regime), cell)
    return list(found.values())


def _cells(suite: Suite, folder: Path, names, regime: str, seeds, splits) -> list[Cell]:
    arms, plan = all_arms(suite), suite.regimes[regime]
    cells = []
    for seed in seeds:
        for name in names:
            arm = arms[name]
            overrides = {"train.steps": plan.steps, **plan.overrides, **arm.overrides}
            file = Path(os.path.normpath(folder / arm.config))
            cells.append(Cell(name, regime, seed, file, tuple(overrides.items()), tuple(splits), plan.steps))
    return cells


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

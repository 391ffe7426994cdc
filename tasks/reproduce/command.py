"""What reproduce.py does: plan, run, report, and compare with reference results."""

import argparse
import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from common.errors import NO_PLACE, UserError, refused_writing
from common.locking import is_held, wait_for_lock
from tasks import runs
from tasks.reproduce.cells import (
    Cell,
    check_cells,
    check_evaluations,
    confirming,
    expand,
    find_cell,
    missing_files,
    trials_of,
    whole_parts,
)
from tasks.reproduce.estimate import Estimate, duration, plan_text
from tasks.reproduce.flags import check_flags
from tasks.reproduce.packing import pack, unpacked
from tasks.reproduce.runner import Runner, draw_boards, evaluation, training
from tasks.reproduce.store import BROKEN, FINISHED, INTERRUPTED, RUNNING, WAITING, Store
from tasks.reproduce.suite_file import read_suite


class Reproduction:
    """One suite in one folder.

    Args:
        arguments: the flags of reproduce.py.

    Raises:
        UserError: the suite is wrong, or has no reference results where they are asked for.
    """

    def __init__(self, arguments: argparse.Namespace):
        check_flags(arguments)
        self.arguments, self.file = arguments, arguments.suite
        self.suite = read_suite(self.file)
        self.reference = None
        if arguments.check:
            from tasks.reproduce.reference import read_reference

            self.reference = read_reference(self.file)
        name = f"{self.file.stem}-check" if arguments.check else self.file.stem
        self.store = Store(arguments.output or Path("runs/reproduce") / name)
        self.before_confirmation = self._limited(expand(self.suite, self.file.parent))
        for file in arguments.unpack or ():
            self._unpack(file)
        self.cells = [*self.before_confirmation, *self._confirming()]
        self.estimate = Estimate(self.suite, self.store, self.cells)
        # An empty name too is one: of a line that another program left empty.
        self.only = None if arguments.cell is None else self._find(arguments.cell)

    def run(self) -> None:
        """Do what the flags ask for.

        Raises:
            UserError: something is wrong with the suite, the data or the place; all that is finished is kept.
        """
        try:
            self._run()
        except OSError as error:
            if error.errno not in NO_PLACE:
                raise
            raise UserError(
                f"{error.filename or self.store.folder}: cannot be written: {error.strerror}"
            ) from None

    def _run(self) -> None:
        if self.arguments.list:
            self._list()
            return
        for cell in self.cells:
            self.store.check_unchanged(cell)
        if self.arguments.pack is not None:
            number = pack(self.cells, self.store, self.arguments.pack)
            print(f"packed {number} of {len(self.cells)} runs: {self.arguments.pack}")
            return
        if self.arguments.report_only:
            self._report()
            return
        check_cells(self.cells)
        check_evaluations(self.suite, self.cells)
        print(plan_text(self.suite, self.cells, self.store, self.estimate, self._later()), flush=True)
        if self.arguments.dry_run:
            if left_out := self._left_out(self.cells):
                print(_told(left_out, self.cells))
            for cell in self.cells:
                others = [split for split in cell.splits if split != "validation"]
                lines = [evaluation(cell, split, self.store, self._data_root()) for split in others]
                for line in (training(cell, self.store, self._data_root()), *lines):
                    print("python scripts/" + shlex.join(line))
            return
        self._work()

    def _unpack(self, file: Path) -> None:
        with unpacked(file, self.store) as packed:
            packed.take(self.before_confirmation, self.store)
            # Of a confirmation nobody knows the cells before the search is there.
            packed.take(self._confirming(), self.store)
        print(packed.told(), file=sys.stderr)

    def _work(self) -> None:
        root, cells = self._data_root(), [self.only] if self.only else self.cells
        with refused_writing(self.store.folder):
            self.store.folder.mkdir(parents=True, exist_ok=True)
        if self.only and (missing := self._left_out(cells)):
            raise UserError(f"cell {self.only.name}: {missing[self.only.name]}")
        if self.suite.boards:
            draw_boards(self.suite.boards, self.store)
        self._check_data(cells, root)
        runner = Runner(self.store, self.estimate, root)
        if self.only:
            if not runner.run_one(self.only):
                print(f"{self.only.name}: another process is at it")
            self._complain(cells, runner.killed)
            return
        self._run_possible(runner, self.before_confirmation)
        further = self._confirming()
        for cell in further:
            # A broken trial that came to its end on this start may be the best now.
            self.store.check_unchanged(cell)
        if further:
            print(f"confirmation: {len(further)} runs with fresh seeds", flush=True)
            check_cells(further)
            self._run_possible(runner, further)
        self.cells = [*self.before_confirmation, *further]
        if any(self.store.status(cell) in (FINISHED, BROKEN) for cell in self.cells):
            self._report()
        self._complain(self.cells, runner.killed)

    def _run_possible(self, runner: Runner, cells: list[Cell]) -> None:
        """Run every cell whose weights are there, also those whose weights come meanwhile."""
        tried: set[str] = set()
        while True:
            not_now = {*tried, *self._left_out(cells)}
            ready = [cell for cell in cells if cell.name not in not_now]
            if not ready:
                return
            runner.run(ready)
            tried.update(cell.name for cell in ready)

    def _left_out(self, cells: list[Cell]) -> dict[str, str]:
        """Cells still to be trained whose weights are not there, and what is said of these."""
        return missing_files(
            c for c in cells if self.store.status(c) != FINISHED and not self.store.trained(c)
        )

    def _report(self) -> None:
        from tasks.reproduce.analysis import Analysis
        from tasks.reproduce.report import write_reports
        from tasks.reproduce.results import Results

        results = Results(self.suite, self.cells, self.store, len(self._later()))
        if not results.found:
            raise UserError(f"{self.store.folder}: found no finished run of {self.file}, expected one")
        if self.suite.boards:
            # Unpacked runs come without.
            draw_boards(self.suite.boards, self.store)
        checks = self._check_against_reference(results) if self.reference else []
        # Processes that share a suite come to its end together, and to the same plots.
        with wait_for_lock(self.store.lock("report")):
            summary = write_reports(results, Analysis(results, self._data_root()), self.file.stem, checks)
        for claim in summary["claims"]:
            print(f"{claim['text']} ({claim['metric']}, {claim['split']}): {claim['verdict']}")
        print(f"report: {self.store.folder / 'report.html'}")
        if self.arguments.write_reference:
            self._write_reference(results, summary)

    def _write_reference(self, results: Any, summary: dict[str, Any]) -> None:
        from tasks.reproduce.analysis import Analysis
        from tasks.reproduce.reference import write_reference
        from tasks.reproduce.results import Results
        from tasks.reproduce.summary import summarize_suite

        cells, later = self.cells, self._later()
        whole = whole_parts(cells, {result.cell.name for result in results.found})
        if not whole:
            found = f"found {len(results.found)} of {results.planned} runs"
            raise UserError(f"--write-reference: {found}, expected at least all seeds of an arm in a regime")
        if len(whole) < results.planned:
            some = Results(self.suite, whole, self.store, results.planned - len(whole))
            found = summarize_suite(some, Analysis(some, self._data_root()), self.file.stem)
            summary = {**found, "best": summary["best"]}
        planned = {c.name: ((c.arm, c.regime), c.config_hash()) for c in cells}
        planned |= {c.name: ((c.arm, c.regime), None) for c in later}
        written = ", ".join(map(str, write_reference(self.file, summary, planned)))
        print(f"kept {len(whole)} of {results.planned} runs, arms with all their seeds: {written}")

    def _check_against_reference(self, results: Any) -> list[list[str]]:
        from common.reporting.tables import text_table
        from tasks.reproduce.checking import BY_CHANCE, CHECK_COLUMNS, compare_with_reference, differences

        rows = compare_with_reference(self.reference, results)
        print(text_table(CHECK_COLUMNS, rows, "against the reference results"))
        counts = Counter(row[-1] for row in rows)
        print(", ".join(f"{status}: {number}" for status, number in counts.items()))
        print(BY_CHANCE)
        for line in differences(self.reference, results) or ["environment: equal"]:
            print(line)
        return rows

    def _find(self, name: str) -> Cell:
        if name in {cell.name for cell in self._later()}:
            raise UserError(f"--cell: found {name!r}, which is known once every run of the search is done")
        return find_cell(self.cells, name)

    def _data_root(self) -> Path:
        return self.store.folder / "data" if self.suite.boards else runs.data_root(self.arguments.data_root)

    def _searched(self) -> bool:
        return all(self.store.status(cell) in (FINISHED, BROKEN) for cell in self.before_confirmation)

    def _confirming(self) -> list[Cell]:
        """Cells of the confirmation, once every run of the search is done."""
        if self.suite.confirmation is None or not self._searched():
            return []
        from tasks.reproduce.results import Results, choose_best

        best = choose_best(Results(self.suite, self.before_confirmation, self.store))
        return self._limited(confirming(self.suite, self.file.parent, best))

    def _later(self) -> list[Cell]:
        """As many cells as the confirmation will have, as long as its recipes are not known."""
        plan = self.suite.confirmation
        if plan is None or self._searched():
            return []
        first = {sweep: trials_of(self.suite, sweep)[0] for sweep in plan.sweeps}
        return self._limited(confirming(self.suite, self.file.parent, first))

    def _limited(self, cells: list[Cell]) -> list[Cell]:
        """With ``--seeds N`` the first N of each arm in each regime."""
        seen: Counter = Counter()
        kept = []
        for cell in cells:
            seen[cell.arm, cell.regime] += 1
            if self.arguments.seeds is None or seen[cell.arm, cell.regime] <= self.arguments.seeds:
                kept.append(cell)
        return kept

    def _check_data(self, cells: list[Cell], root: Path) -> None:
        """Read each task's data once, so that missing ones are told of before hours of work."""
        seen, left_out = set(), self._left_out(cells)
        for cell in (cell for cell in cells if cell.name not in left_out):
            task = cell.task()
            if task not in seen and self.store.status(cell) not in (FINISHED, BROKEN):
                seen.add(task)
                runs.load_data(cell.resolved(), root)

    def _list(self) -> None:
        left_out = self._left_out(self.cells)
        for cell in self.cells:
            status, seconds = self.store.status(cell), self.store.record(cell).measured
            locks = self.store.lock(cell.name), self.store.script_lock(cell.name)
            if status not in (FINISHED, BROKEN) and any(map(is_held, locks)):
                status = RUNNING
            why = left_out.get(cell.name) if status in (WAITING, INTERRUPTED) else None
            print("\t".join(filter(None, (cell.name, status, seconds and duration(seconds), why))))

    def _complain(self, cells: list[Cell], killed: dict[str, str]) -> None:
        """Say which runs are broken, were killed here or are left out, and leave with an exit code.

        Raises:
            UserError: some are left out, for want of their weights.
        """
        broken = [cell for cell in cells if self.store.status(cell) == BROKEN]
        name, said = next(iter(killed.items()), ("", ""))
        if broken:
            name, said = broken[0].name, self.store.record(broken[0]).failures[-1]
        if name:
            print(
                f"{len(broken)} of {len(cells)} runs are broken, {len(killed)} were killed by a signal, the "
                f"first {name}: {said}; another start tries them again",
                file=sys.stderr,
            )
        if left_out := self._left_out(cells):
            raise UserError(f"{_told(left_out, cells)}; another start runs them")
        if name:
            sys.exit(1)


def _told(left_out: dict[str, str], cells: list[Cell]) -> str:
    """Which runs are left out and why, in one line."""
    arms: dict[str, list[str]] = {}
    for cell in cells:
        if cell.name in left_out:
            arms.setdefault(left_out[cell.name], []).append(cell.arm)
    parts = [f"{len(some)} of {', '.join(dict.fromkeys(some))}: {why}" for why, some in arms.items()]
    return f"left out are {len(left_out)} of {len(cells)} runs, {'; '.join(parts)}"

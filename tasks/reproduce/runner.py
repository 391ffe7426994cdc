"""Runs cells one after the other, each by the commands that a user would type; may be stopped anywhere."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Optional

from common.locking import try_lock
from tasks.reproduce.cells import Cell
from tasks.reproduce.estimate import Estimate, duration
from tasks.reproduce.store import BROKEN, FINISHED, MOST_ATTEMPTS, Record, Store
from tasks.reproduce.suite import Boards

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
INTERRUPTED_CODE = 130
POLL_SECONDS = 1.0


class Runner:
    """Works through cells beside any number of other processes that do the same.

    Args:
        data_root: what train.py and evaluate.py get as theirs.
    """

    def __init__(self, store: Store, estimate: Estimate, data_root: Path):
        self.store, self.estimate, self.data_root = store, estimate, data_root

    def run(self, cells: Sequence[Cell]) -> None:
        """Return when every cell is finished or broken, here or in another process.

        Raises:
            KeyboardInterrupt: asked to stop; the cell that was being run continues next time.
        """
        left, told = list(cells), False
        while left:
            elsewhere = [cell for cell in left if not self._try(cell, cells)]
            if len(elsewhere) == len(left):
                if not told:
                    print(f"waiting for {len(left)} run(s) of other processes", flush=True)
                told = True
                time.sleep(POLL_SECONDS)
            left = elsewhere

    def run_one(self, cell: Cell) -> bool:
        """Run a cell unless it is finished, a broken one again; whether nobody else is at it."""
        return self._try(cell, [cell], again=True)

    def _try(self, cell: Cell, cells: Sequence[Cell], again: bool = False) -> bool:
        with try_lock(self.store.lock(cell.name)) as free:
            if free and again and self.store.status(cell) == BROKEN:
                self.store.write(cell, Record(seconds=self.store.record(cell).seconds))
            if free and self.store.status(cell) not in (FINISHED, BROKEN):
                self._work(cell, cells)
            return free

    def _work(self, cell: Cell, cells: Sequence[Cell]) -> None:
        done = sum(self.store.status(c) in (FINISHED, BROKEN) for c in cells)
        expected = duration(self.estimate.seconds(cell))
        log = self.store.log(cell)
        print(f"[{done + 1}/{len(cells)}] {cell.name}: about {expected}, {log}", flush=True)
        record = self.store.record(cell)
        record.finished, record.config_sha256 = False, cell.config_hash()
        while not record.finished and len(record.failures) < MOST_ATTEMPTS:
            started = time.monotonic()
            failure = self._attempt(cell)
            record.seconds += round(time.monotonic() - started, 1)
            record.finished = failure is None
            record.failures = [] if failure is None else [*record.failures, failure]
            self.store.write(cell, record)
            if failure is not None:
                again = "trying once more" if len(record.failures) < MOST_ATTEMPTS else "broken"
                print(f"  {cell.name}: {failure}; {again}", flush=True)
        if record.finished:
            self.estimate.learn(cell, record.seconds)
        left = sum(self.estimate.seconds(c) for c in cells if self.store.status(c) not in (FINISHED, BROKEN))
        print(f"  {duration(record.seconds)}; about {duration(left)} of work left", flush=True)

    def _attempt(self, cell: Cell) -> Optional[str]:
        """Train and evaluate; the last line of what failed, or None."""
        run = self.store.run(cell)
        self._wait_for_orphan(cell)
        if run.path.exists() and not (run.path / "config.yaml").exists():
            # Killed before there was anything to resume.
            shutil.rmtree(run.path)
        root = ["--data-root", str(self.data_root)]
        commands = [["train.py", *cell.flags(), "--run-dir", str(run.path), "--resume", *root]]
        code = call(commands[0], self.store.log(cell))
        for split in self.store.missing_splits(cell) if code == 0 else ():
            line = ["evaluate.py", "--run", str(run.path), "--split", split, *root]
            code = code or call(line, self.store.log(cell))
        return None if code == 0 else last_line(self.store.log(cell), code)

    def _wait_for_orphan(self, cell: Cell) -> None:
        # A training whose reproduce.py was killed goes on alone.
        run, told = self.store.run(cell), False
        while run.path.exists():
            with try_lock(run.lock) as free:
                if free:
                    return
            if not told:
                print(f"  waiting for the process that still trains {run.path}", flush=True)
            told = True
            time.sleep(POLL_SECONDS)


def call(line: Sequence[str], log: Path) -> int:
    """Run a script with its output appended to ``log``; its exit code.

    Raises:
        KeyboardInterrupt: asked to stop; the script has been told and has ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    script, *arguments = line
    with open(log, "ab") as output, _stopped_with_us() as started:
        output.write(f"$ python scripts/{' '.join(line)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPTS / script), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C reaches this process alone, which passes it on once.
            start_new_session=True,
        )
        started.append(process)
        return process.wait()


@contextlib.contextmanager
def _stopped_with_us() -> Iterator[list[subprocess.Popen]]:
    """When this process is asked to stop, so is the one in the list, and it may save."""
    started: list[subprocess.Popen] = []
    try:
        yield started
    except BaseException:
        for process in started:
            process.terminate()
            try:
                process.wait()
            except KeyboardInterrupt:
                process.kill()
                process.wait()
        raise


def last_line(log: Path, code: int) -> str:
    """What a script complained of: the last line of its log that is not empty, and how it ended."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    how = f"exit code {code}" if code >= 0 else f"killed by signal {-code}"
    said = lines[-1].strip() if lines and not lines[-1].startswith("$") else "nothing said"
    return f"{said} ({how})"


def draw_boards(boards: Boards, store: Store) -> Path:
    """The data root with the suite's synthetic boards, drawn once."""
    root = store.folder / "data"
    while not (root / "boards").exists():
        with try_lock(store.lock("boards")) as free:
            if free and not (root / "boards").exists():
                _draw(boards, store, root / "boards")
        time.sleep(0.1)
    return root


def _draw(boards: Boards, store: Store, folder: Path) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    size = ["--number", str(boards.number), "--size", str(boards.size)]
    log = store.folder / "state" / "boards.log"
    code = call(["make_boards.py", "--output", str(partial), *size], log)
    if code:
        raise RuntimeError(f"make_boards.py: {last_line(log, code)}")
    os.replace(partial, folder)

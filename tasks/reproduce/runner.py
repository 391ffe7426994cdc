"""Runs cells one after the other, each by the commands that a user would type; may be stopped anywhere."""

import contextlib
import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from common.errors import UserError
from common.json_file import read_object
from common.locking import is_held, lock_with_children, try_lock, wait_for_lock
from common.training.run_folder import write_text
from tasks.reproduce.cells import Cell
from tasks.reproduce.estimate import Estimate, duration
from tasks.reproduce.store import BROKEN, FINISHED, MOST_ATTEMPTS, Record, Store
from tasks.reproduce.suite import Boards

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
INTERRUPTED_CODE = 130
POLL_SECONDS = 1.0
MISTAKE_CODE = 2
# How train.py says that a run diverged: a result of its recipe, though it ends like a mistake.
DIVERGED = "training loss is "
NO_SPACE = ("No space left on device", "Disk quota exceeded", "Read-only file system")
LEAST_SPACE = 2**20


class Runner:
    """Works through cells beside any number of other processes that do the same.

    Args:
        data_root: what train.py and evaluate.py get as theirs.
    """

    def __init__(self, store: Store, estimate: Estimate, data_root: Path):
        self.store, self.estimate, self.data_root = store, estimate, data_root
        self.killed: dict[str, str] = {}
        self._broken_before: dict[str, Record] = {}

    def run(self, cells: Sequence[Cell]) -> None:
        """Return when every cell is finished, broken or given up, here or in another process.

        Cells that were broken before are tried once more. One whose scripts are killed by a signal twice
        is given up here and waits for the next start: ``killed`` says how, by name.

        Raises:
            KeyboardInterrupt: asked to stop; the cell that was being run continues next time.
            UserError: a script was refused its input or its place; every other cell might be too.
        """
        broken = [cell for cell in cells if self.store.status(cell) == BROKEN]
        self._broken_before = {cell.name: self.store.record(cell) for cell in broken}
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
        for _ in range(3):
            if self._try(cell, [cell], again=True):
                return True
            # A process that only looks at the states holds a lock for a moment.
            time.sleep(POLL_SECONDS / 5)
        return False

    def _try(self, cell: Cell, cells: Sequence[Cell], again: bool = False) -> bool:
        with try_lock(self.store.lock(cell.name)) as free:
            # There is other work to do until a script has ended whose reproduce.py was killed.
            free = free and (again or not is_held(self.store.script_lock(cell.name)))
            if free and self.store.status(cell) == BROKEN:
                self._allow_again(cell, MOST_ATTEMPTS if again else 1)
            if free and cell.name not in self.killed and self.store.status(cell) not in (FINISHED, BROKEN):
                self._work(cell, cells)
            return free

    def _allow_again(self, cell: Cell, attempts: int) -> None:
        record = self.store.record(cell)
        # Of several processes that found it broken the first tries it again, which changes its record.
        if attempts == MOST_ATTEMPTS or record == self._broken_before.get(cell.name):
            record.failures = record.failures[: MOST_ATTEMPTS - attempts]
            self.store.write(cell, record)

    def _work(self, cell: Cell, cells: Sequence[Cell]) -> None:
        # Of a confirmation's run nobody knew before the search ended.
        self.store.check_unchanged(cell)
        done = sum(self.store.status(c) in (FINISHED, BROKEN) for c in cells)
        expected = duration(self.estimate.seconds(cell))
        log = self.store.log(cell)
        print(f"[{done + 1}/{len(cells)}] {cell.name}: about {expected}, {log}", flush=True)
        record = self.store.record(cell)
        begun = (self.store.run(cell).path / "config.yaml").exists()
        if not (begun and record.finished):
            # Nobody has measured what was done before, by a process that was killed or its script alone.
            record.interrupted = begun
            record.seconds = record.seconds if begun else 0.0
        record.finished, record.config_sha256 = False, cell.config_hash()
        killed = 0
        while not record.finished and len(record.failures) + killed < MOST_ATTEMPTS:
            killed += self._attempt(cell, record)
            record.interrupted = record.interrupted or not record.finished
        if record.finished:
            self.estimate.learn(cell, record)
        left = sum(self.estimate.seconds(c) for c in cells if self.store.status(c) not in (FINISHED, BROKEN))
        print(f"  {duration(record.seconds)}; about {duration(left)} of work left", flush=True)

    def _attempt(self, cell: Cell, record: Record) -> bool:
        """Work on a cell once, and keep in its record how that ended; whether a signal killed a script."""
        started = time.monotonic()
        try:
            code = self._call_scripts(cell)
            record.finished = code == 0
            said = "" if code == 0 else last_line(self.store.log(cell), code)
            failed = code > 0 and not self._stops_all(code, said)
            record.failures = [] if code == 0 else [*record.failures, *([said] if failed else [])]
        finally:
            record.seconds += round(time.monotonic() - started, 1)
            self.store.write(cell, record)
        if self._stops_all(code, said):
            raise UserError(f"{cell.name}: {said}; the suite goes on from here when it is started again")
        if code < 0:
            self.killed[cell.name] = said
        else:
            self.killed.pop(cell.name, None)
        if code:
            print(f"  {cell.name}: {said}", flush=True)
        return code < 0

    def _stops_all(self, code: int, said: str) -> bool:
        """Whether an end says nothing of the cell: what it was given is wrong, or the disk is full."""
        if code == 0:
            return False
        full = any(words in said for words in NO_SPACE)
        # A script that found no space may have found none for saying so.
        full = full or shutil.disk_usage(self.store.folder).free < LEAST_SPACE
        return full or (code == MISTAKE_CODE and DIVERGED not in said)

    def _call_scripts(self, cell: Cell) -> int:
        """Train and evaluate; the exit code of what failed, negative where a signal killed it, or 0."""
        run, log, lock = self.store.run(cell), self.store.log(cell), self.store.script_lock(cell.name)
        self._wait_for_orphan(cell)
        if run.path.exists() and not (run.path / "config.yaml").exists():
            # Killed before there was anything to resume.
            shutil.rmtree(run.path)
        code = 0
        if not self.store.trained(cell):
            code = call(training(cell, self.store, self.data_root), log, lock)
        for split in self.store.missing_splits(cell) if code == 0 else ():
            code = code or call(evaluation(cell, split, self.store, self.data_root), log, lock)
        if code == 0 and self.store.has_old_page(cell):
            # Killed after the metrics of a split and before the page; to read validation again costs nothing.
            code = call(evaluation(cell, "validation", self.store, self.data_root), log, lock)
        return code

    def _wait_for_orphan(self, cell: Cell) -> None:
        # A script whose reproduce.py was killed goes on alone; on another machine only its run's lock tells.
        locks, told = (self.store.script_lock(cell.name), self.store.run(cell).lock), False
        while any(map(is_held, locks)):
            if not told:
                print(f"  waiting for the process that still works on {cell.name}", flush=True)
            told = True
            time.sleep(POLL_SECONDS)


def training(cell: Cell, store: Store, data_root: Path) -> list[str]:
    """The command that trains a cell or goes on with it, and evaluates it on validation."""
    root = ["--data-root", str(data_root)]
    return ["train.py", *cell.flags(), "--run-dir", str(store.run(cell).path), "--resume", *root]


def evaluation(cell: Cell, split: str, store: Store, data_root: Path) -> list[str]:
    """The command that evaluates a trained cell on another split."""
    root = ["--data-root", str(data_root)]
    return ["evaluate.py", "--run", str(store.run(cell).path), "--split", split, *root]


def call(line: Sequence[str], log: Path, lock: Path) -> int:
    """Run a script with its output appended to ``log``; its exit code.

    Args:
        lock: held until the script has ended, even if this process is killed before.

    Raises:
        KeyboardInterrupt: asked to stop, or the script was; it has saved and ended.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    script, *arguments = line
    with open(log, "ab") as output, lock_with_children(lock) as inherited, _stopped_with_us() as started:
        output.write(f"$ python scripts/{shlex.join(line)}\n".encode())
        output.flush()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPTS / script), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C reaches this process alone, which passes it on once.
            start_new_session=True,
            pass_fds=inherited,
        )
        started.append(process)
        code = process.wait()
    if code == INTERRUPTED_CODE:
        # A batch system stops all processes of a job, in any order: that is no failure of the cell.
        raise KeyboardInterrupt(f"with {script}")
    return code


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
    """The data root with the suite's synthetic boards, drawn once.

    Raises:
        UserError: other boards than these were drawn before, or they cannot be drawn.
    """
    root, asked = store.folder / "data", dataclasses.asdict(boards)
    folder, record = root / "boards", root / "boards.json"
    with wait_for_lock(store.lock("boards")):
        # Killed between the two, it left boards of which nobody knows what they are.
        if not (folder.exists() and record.exists()):
            _draw(boards, store, folder)
            write_text(record, json.dumps(asked))
        elif (found := read_object(record)) != asked:
            raise UserError(
                f"{folder}: drawn with {found}, asked for {asked}; expected another --output, or the folder "
                f"{store.folder} removed"
            )
    return root


def _draw(boards: Boards, store: Store, folder: Path) -> None:
    partial = folder.with_name(f"{folder.name}.partial")
    size = ["--number", str(boards.number), "--size", str(boards.size)]
    log = store.folder / "state" / "boards.log"
    # A script whose reproduce.py was killed may still draw there.
    with wait_for_lock(store.script_lock("boards")):
        shutil.rmtree(partial, ignore_errors=True)
    code = call(["make_boards.py", "--output", str(partial), *size], log, store.script_lock("boards"))
    if code:
        raise UserError(f"{log}: make_boards.py: {last_line(log, code)}")
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)

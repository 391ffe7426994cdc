"""Runs of a suite in one file, so that days and machines add up.

Of each run that is finished it holds the record, configuration, environment, metrics, curves and
predictions; of a broken one the record. Neither weights nor texts or pictures of the data are in it: what
boards are compared by is read from the data again.
"""

import contextlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Optional

import tasks
from common.archives import DamagedDownload, unpack
from common.checksums import file_sha256
from common.errors import UserError, refused_writing
from common.json_file import read_object
from common.locking import is_held, try_lock, wait_for_lock
from common.training.run_folder import RunFolder
from common.whole_file import whole_file
from tasks.reproduce.cells import Cell, check_cells
from tasks.reproduce.store import BROKEN, FINISHED, Store

RUN_FILES = (
    "config.yaml",
    "environment.json",
    "metrics.json",
    "history.csv",
    "evaluations.csv",
    "test_readings.csv",
)
# Of what a file unpacks to; 1,000 runs of 10,000 reviews each are less.
LIMIT = 2 * 2**30

# A member's name, and what reads its content.
Member = tuple[str, Callable[[], bytes]]


def pack(cells: Sequence[Cell], store: Store, file: Path) -> int:
    """Write the finished and broken cells to a ``.tar.xz`` file; how many.

    The same runs give the same bytes, wherever they were unpacked before.

    Raises:
        UserError: there is none, or too much; the name ends otherwise; or the file cannot be written.
    """
    if file.suffixes[-2:] != [".tar", ".xz"]:
        raise UserError(f"--pack: found {file}, expected a name that ends with .tar.xz")
    done = [cell for cell in cells if store.status(cell) in (FINISHED, BROKEN)]
    if not done:
        raise UserError(f"{store.folder}: found no finished run, expected one to pack")
    # Files that resemble each other side by side: hashes of the same reviews then cost nothing.
    members = sorted((member for cell in done for member in _members(cell, store)), key=_by_kind)
    left = LIMIT
    with whole_file(file) as unfinished, tarfile.open(unfinished, "w:xz") as archive:
        for name, read in members:
            content = read()
            left -= len(content)
            if left < 0:
                raise UserError(f"--pack: found more than {LIMIT:,} bytes, expected fewer runs in a file")
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return len(done)


class Archive(Store):
    """The folder that a file of packed runs was unpacked to.

    A run of the same configuration, which has the seed in it, is the same run whatever its name is.

    Attributes:
        configs: by name of each run, the SHA-256 that its record claims for its configuration; empty for a
            damaged record, of which :meth:`record` tells.
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        # A name of dots would be the folder itself.
        records = [file for file in (folder / "state").glob("*.json") if file.stem.strip(".")]
        self.configs = {file.stem: _claimed_config(file) for file in sorted(records)}
        self._names: dict[str, str] = {}

    def name_of(self, cell: Cell) -> Optional[str]:
        """The name that the cell's run has in the file; of several that are the same a finished one's."""
        wanted = cell.config_hash()
        same = [name for name, config in self.configs.items() if config == wanted]
        if cell.name in self.configs and (cell.name in same or not same):
            # One of its name and another configuration is told of.
            same = [cell.name, *(name for name in same if name != cell.name)]
        if not same:
            return None
        for name in same:
            self._names[cell.name] = name
            if self.status(cell) == FINISHED:
                return name
        self._names[cell.name] = same[0]
        return same[0]

    def run(self, cell: Cell) -> RunFolder:
        """The run's folder, by the name that :meth:`name_of` found."""
        return RunFolder(self.folder / "runs" / self._names[cell.name])

    def record_file(self, cell: Cell) -> Path:
        """Where the run's record stands, by the name that :meth:`name_of` found."""
        return self.folder / "state" / f"{self._names[cell.name]}.json"


@dataclass
class Packed:
    """What is in a file of packed runs, and what became of each run.

    Attributes:
        file: that was unpacked.
        content: its runs.
        matched: names in the file of runs that the suite has too.
        unpacked, kept, refused: names of cells that were taken over; that the folder had already, finished,
            resumable or in work; and of another configuration or without a split that is asked for now.
    """

    file: Path
    content: Archive
    matched: set[str] = field(default_factory=set)
    unpacked: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def take(self, cells: Sequence[Cell], store: Store) -> None:
        """Put the runs of those cells into a suite's folder, also runs that another suite has made.

        Raises:
            UserError: a run is damaged, a cell's overrides are wrong, or the folder cannot be written to.
        """
        check_cells(cells)
        for cell in cells:
            try:
                with refused_writing(store.folder):
                    name = self.content.name_of(cell)
                    if name is not None:
                        self.matched.add(name)
                        getattr(self, _take(cell, self.content, store)).append(cell.name)
            except UserError as error:
                said = str(error).replace(f"{self.content.folder}/", "")
                raise UserError(f"{self.file}: {said}") from None

    def told(self) -> str:
        """What was done, in one line.

        Raises:
            UserError: nothing, since no run in the file is one of the suite.
        """
        unknown = sorted(self.content.configs.keys() - self.matched)
        if not self.matched:
            raise UserError(f"{self.file}: found no run of this suite, expected one")
        said = f"{self.file}: {len(self.unpacked)} runs unpacked, {len(self.kept)} kept as they were"
        if self.refused:
            said += (
                f", {len(self.refused)} left out, of another configuration or fewer splits than now, the "
                f"first {self.refused[0]}"
            )
        if unknown:
            said += f", {len(unknown)} left out that are no runs of it now, the first {unknown[0]}"
        return said


@contextlib.contextmanager
def unpacked(file: Path, store: Store) -> Iterator[Packed]:
    """What a file of packed runs holds, in a folder that is gone afterwards.

    Raises:
        UserError: the file is not what :func:`pack` writes, or there is no place for it.
    """
    try:
        file.open("rb").close()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; expected what --pack writes") from None
    folder = store.folder / "unpacking"
    with refused_writing(folder), wait_for_lock(store.lock("unpacking")):
        # One that was killed left it.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            unpack(file, ("state", "runs"), folder, LIMIT)
            yield Packed(file, Archive(folder))
        except DamagedDownload as error:
            raise UserError(f"{file}: {error}; expected what --pack writes") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _take(cell: Cell, content: Archive, store: Store) -> str:
    record, status = content.record(cell), content.status(cell)
    if record.config_sha256 != cell.config_hash() or status not in (FINISHED, BROKEN):
        return "refused"
    with try_lock(store.lock(cell.name)) as free:
        run, known = store.run(cell), store.status(cell)
        # A script goes on alone when its reproduce.py was killed.
        busy = not free or any(map(is_held, (store.script_lock(cell.name), run.lock)))
        done = known == FINISHED or (known == BROKEN and status == BROKEN)
        if busy or done or (known != BROKEN and run.last.exists()):
            return "kept"
        if status == FINISHED:
            _check_config(content.run(cell), cell)
        shutil.rmtree(run.path, ignore_errors=True)
        # First, because a record without a run is one to be trained, and a run without its state cannot be.
        store.write(cell, record)
        if status == FINISHED:
            _copy(content.run(cell).path, run.path, cell)
    return "unpacked"


def _claimed_config(record: Path) -> str:
    try:
        return str(read_object(record).get("config_sha256"))
    except UserError:
        return ""


def _check_config(run: RunFolder, cell: Cell) -> None:
    """Refuse a run whose configuration is another than its record claims."""
    file = run.path / "config.yaml"
    if not file.is_file() or file_sha256(file) != cell.config_hash():
        raise UserError(f"{file}: found another configuration than the run's record says, or none")


def _copy(source: Path, target: Path, cell: Cell) -> None:
    """The files that :func:`pack` writes of a run, and no others."""
    # No member of the file stands there.
    part = source.parents[1] / "taken"
    for name in (*RUN_FILES, *(f"predictions/{split}.csv" for split in _splits(cell))):
        if (source / name).is_file():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            # Another cell of the suite may be the same run.
            shutil.copyfile(source / name, part / name)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(part, target)


def _members(cell: Cell, store: Store) -> Iterator[Member]:
    yield f"state/{cell.name}.json", store.record_file(cell).read_bytes
    if store.status(cell) != FINISHED:
        return
    run = store.run(cell)
    for name in RUN_FILES:
        if (run.path / name).exists():
            yield f"runs/{cell.name}/{name}", (run.path / name).read_bytes
    for split in _splits(cell):
        file = run.predictions(split)
        yield f"runs/{cell.name}/predictions/{file.name}", partial(_published, cell, file)


def _published(cell: Cell, file: Path) -> bytes:
    return tasks.load(cell.task(), "items").published_predictions(file).encode()


def _splits(cell: Cell) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("validation", *cell.splits)))


def _by_kind(member: Member) -> tuple[str, str]:
    name = member[0]
    return Path(name).name if name.startswith("runs") else "", name

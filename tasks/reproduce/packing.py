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

import tasks
from common.archives import DamagedDownload, unpack
from common.errors import UserError, refused_writing
from common.json_file import read_object
from common.locking import is_held, try_lock, wait_for_lock
from common.whole_file import whole_file
from tasks.reproduce.cells import Cell
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
# Where runs of a file stand that have another name there than in the suite.
RENAMED = "renamed"

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


@dataclass
class Packed:
    """What is in a file of packed runs, and what became of each run.

    Attributes:
        file: that was unpacked.
        content: its cells.
        configs: the SHA-256 of each one's configuration by its name.
        matched: names in the file of runs that the suite has too, under whatever name.
        unpacked, kept, refused: names of cells that were taken over; that the folder had already, finished,
            resumable or in work; and of another configuration or without a split that is asked for now.
    """

    file: Path
    content: Store
    configs: dict[str, str]
    matched: set[str] = field(default_factory=set)
    unpacked: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def take(self, cells: Sequence[Cell], store: Store) -> None:
        """Put the runs of those cells into a suite's folder, also runs that another suite has made.

        Raises:
            UserError: a run is damaged, or the folder cannot be written to.
        """
        for cell in cells:
            try:
                with refused_writing(store.folder):
                    content = self._content(cell)
                    if content.record_file(cell).exists():
                        getattr(self, _take(cell, content, store)).append(cell.name)
            except UserError as error:
                said = str(error).replace(f"{self.content.folder}/", "").replace(f"{RENAMED}/", "")
                raise UserError(f"{self.file}: {said}") from None

    def told(self) -> str:
        """What was done, in one line.

        Raises:
            UserError: nothing, since no run in the file is one of the suite.
        """
        unknown = sorted(self.configs.keys() - self.matched)
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

    def _content(self, cell: Cell) -> Store:
        """Where the file's run of the cell stands under the cell's name, if there is one.

        A run of the same configuration, which has the seed in it, is the same run whatever its name is.
        """
        wanted = cell.config_hash()
        same = [name for name, config in self.configs.items() if config == wanted]
        found = cell.name if cell.name in same or not same else same[0]
        self.matched.update({found} & self.configs.keys())
        if found == cell.name:
            return self.content
        renamed = Store(self.content.folder / RENAMED)
        renamed.record_file(cell).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.content.folder / "state" / f"{found}.json", renamed.record_file(cell))
        run = self.content.folder / "runs" / found
        if run.exists():
            shutil.copytree(run, renamed.run(cell).path, dirs_exist_ok=True)
        return renamed


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
            yield Packed(file, Store(folder), _configs(folder))
        except DamagedDownload as error:
            raise UserError(f"{file}: {error}") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _take(cell: Cell, content: Store, store: Store) -> str:
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
        shutil.rmtree(run.path, ignore_errors=True)
        # First, because a record without a run is one to be trained, and a run without its state cannot be.
        store.write(cell, record)
        if status == FINISHED:
            _copy(content.run(cell).path, run.path, cell)
    return "unpacked"


def _configs(folder: Path) -> dict[str, str]:
    records = sorted((folder / "state").glob("*.json"))
    try:
        return {record.stem: str(read_object(record).get("config_sha256")) for record in records}
    except UserError as error:
        raise UserError(str(error).replace(f"{folder}/", "")) from None


def _copy(source: Path, target: Path, cell: Cell) -> None:
    """The files that :func:`pack` writes of a run, and no others."""
    part = source.with_name(f"{source.name}.part")
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

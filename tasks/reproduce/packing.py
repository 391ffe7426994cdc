"""Runs of a suite in one file: all that its verdicts rest on, so that days and machines add up.

Of each run it holds the record, configuration, environment, metrics, curves and predictions, and
neither weights nor texts or pictures of the data.
"""

import contextlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import tasks
from common.archives import DamagedDownload, unpack
from common.errors import UserError, refused_writing
from common.locking import is_held, try_lock
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


def pack(cells: Sequence[Cell], store: Store, file: Path) -> int:
    """Write the finished and broken cells to a ``.tar.xz`` file; how many.

    The same cells give the same bytes.

    Raises:
        UserError: there is none, the name ends otherwise, or the file cannot be written.
    """
    if file.suffixes[-2:] != [".tar", ".xz"]:
        raise UserError(f"--pack: found {file}, expected a name that ends with .tar.xz")
    done = [cell for cell in cells if store.status(cell) in (FINISHED, BROKEN)]
    if not done:
        raise UserError(f"{store.folder}: found no finished run, expected one to pack")
    # Files that resemble each other side by side: hashes of the same reviews then cost nothing.
    members = sorted((member for cell in done for member in _members(cell, store)), key=_by_kind)
    with whole_file(file) as partial, tarfile.open(partial, "w:xz") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return len(done)


def unpack_cells(cells: Sequence[Cell], store: Store, file: Path) -> dict[str, list[str]]:
    """Put packed cells into a suite's folder; names of what was ``unpacked``, ``kept`` and ``refused``.

    Kept is what the folder has already: a run that is finished, can be resumed, or is being trained.
    Refused is a cell that was run with another configuration than the suite's now.

    Raises:
        UserError: the file is not what :func:`pack` writes, or the folder cannot be written to.
    """
    names: dict[str, list[str]] = {"unpacked": [], "kept": [], "refused": []}
    if not file.is_file():
        raise UserError(f"{file}: no such file, expected what --pack writes")
    with refused_writing(store.folder), _temporary_folder(store.folder) as folder:
        packed = Store(folder)
        try:
            unpack(file, ("state", "runs"), packed.folder, LIMIT)
        except DamagedDownload as error:
            raise UserError(f"{file}: {error}") from None
        for cell in cells:
            if packed.status(cell) in (FINISHED, BROKEN):
                names[_take(cell, packed, store)].append(cell.name)
    return names


def told(found: Mapping[str, Sequence[str]], file: Path) -> str:
    """What :func:`unpack_cells` did, in one line.

    Raises:
        UserError: nothing: no run in the file is one of the suite.
    """
    if not any(found.values()):
        raise UserError(f"{file}: found no run of this suite, expected one")
    said = f"{file}: {len(found['unpacked'])} runs unpacked, {len(found['kept'])} kept as they were"
    if refused := found["refused"]:
        said += f", {len(refused)} left out, of another configuration than now, the first {refused[0]}"
    return said


@contextlib.contextmanager
def _temporary_folder(beside: Path) -> Iterator[Path]:
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="unpacking-", dir=beside) as folder:
        yield Path(folder)


def _take(cell: Cell, packed: Store, store: Store) -> str:
    if packed.record(cell).config_sha256 != cell.config_hash():
        return "refused"
    with try_lock(store.lock(cell.name)) as free:
        run, known = store.run(cell), store.status(cell) in (FINISHED, BROKEN)
        # A script goes on alone when its reproduce.py was killed.
        busy = not free or any(map(is_held, (store.script_lock(cell.name), run.lock)))
        if known or busy or run.last.exists():
            return "kept"
        target = run.path
        shutil.rmtree(target, ignore_errors=True)
        if packed.run(cell).path.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(packed.run(cell).path, target)
        # Last, because with its record a cell is done.
        store.write(cell, packed.record(cell))
    return "unpacked"


def _members(cell: Cell, store: Store) -> Iterator[tuple[str, bytes]]:
    run = store.run(cell)
    yield f"state/{cell.name}.json", store.record_file(cell).read_bytes()
    for name in RUN_FILES:
        if (run.path / name).exists():
            yield f"runs/{cell.name}/{name}", (run.path / name).read_bytes()
    published = tasks.load(cell.task(), "items").published_predictions
    for split in dict.fromkeys(("validation", *cell.splits)):
        file = run.predictions(split)
        if file.exists():
            yield f"runs/{cell.name}/predictions/{file.name}", published(file).encode()


def _by_kind(member: tuple[str, bytes]) -> tuple[str, str]:
    name = member[0]
    return Path(name).name if name.startswith("runs") else "", name

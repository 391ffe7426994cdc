"""What a suite leaves in its folder: a run and a record for each cell, and the locks."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Optional

from common.errors import UserError
from common.json_file import read_object
from common.training.run_folder import RunFolder, write_text
from tasks.reproduce.cells import Cell

MOST_ATTEMPTS = 2
FINISHED, BROKEN, RUNNING, INTERRUPTED, WAITING = "finished", "broken", "running", "interrupted", "waiting"


@dataclasses.dataclass
class Record:
    """What became of a cell.

    Attributes:
        finished: trained to its end and evaluated on all its splits.
        seconds: of work on it, all attempts together; those of a process that was killed are lost.
        interrupted: it was not done in one go, so that ``seconds`` are not what a run takes.
        failures: the last line of each attempt that ended in an error, since the last success.
        config_sha256: of the configuration that it was started with.
    """

    finished: bool = False
    seconds: float = 0.0
    failures: list[str] = dataclasses.field(default_factory=list)
    config_sha256: str = ""
    interrupted: bool = False

    @property
    def measured(self) -> Optional[float]:
        """Seconds of a run that was done in one go, else None."""
        return None if self.interrupted else self.seconds


class Store:
    """Paths and files of one suite."""

    def __init__(self, folder: Path):
        self.folder = Path(folder)

    def run(self, cell: Cell) -> RunFolder:
        """The run's folder, as train.py makes it."""
        return RunFolder(self.folder / "runs" / cell.name)

    def log(self, cell: Cell) -> Path:
        """What train.py and evaluate.py said."""
        return self.folder / "state" / f"{cell.name}.log"

    def record_file(self, cell: Cell) -> Path:
        """Where a cell's record stands."""
        return self.folder / "state" / f"{cell.name}.json"

    def lock(self, name: str) -> Path:
        """Held by the process that works on something."""
        return self.folder / "locks" / f"{name}.lock"

    def script_lock(self, name: str) -> Path:
        """Held by the script that works on something, which may outlive its reproduce.py."""
        return self.lock(f"{name}.script")

    def record(self, cell: Cell) -> Record:
        """What is known of a cell.

        Raises:
            UserError: the file is not what :meth:`write` wrote.
        """
        file = self.record_file(cell)
        if not file.exists():
            return Record()
        try:
            record = Record(**read_object(file))
        except TypeError as error:
            raise UserError(f"{file}: found other keys than reproduce.py writes: {error}") from None
        kinds = {"finished": bool, "interrupted": bool, "seconds": (int, float), "config_sha256": str}
        wrong = [name for name, kind in kinds.items() if not isinstance(getattr(record, name), kind)]
        if not isinstance(record.failures, list) or not all(isinstance(f, str) for f in record.failures):
            wrong.append("failures")
        for name in wrong:
            raise UserError(f"{file}: {name}: found {getattr(record, name)!r:.60}, which is of a wrong type")
        return record

    def write(self, cell: Cell, record: Record) -> None:
        """Keep a record."""
        write_text(self.record_file(cell), json.dumps(dataclasses.asdict(record), indent=2) + "\n")

    def status(self, cell: Cell) -> str:
        """FINISHED, BROKEN, INTERRUPTED or WAITING; who works on it is not asked."""
        record = self.record(cell)
        if record.finished and not self.missing_splits(cell):
            return FINISHED
        if len(record.failures) >= MOST_ATTEMPTS:
            return BROKEN
        return INTERRUPTED if self.run(cell).path.exists() else WAITING

    def missing_splits(self, cell: Cell) -> list[str]:
        """Splits whose metrics or predictions are not there yet."""
        run = self.run(cell)
        metrics = run.metrics()
        wanted = dict.fromkeys(("validation", *cell.splits))
        return [name for name in wanted if name not in metrics or not run.predictions(name).exists()]

    def has_old_page(self, cell: Cell) -> bool:
        """Whether a run's page was made before the last of its predictions."""
        run = self.run(cell)
        page = run.path / "report.html"
        written = [run.predictions(split) for split in ("validation", *cell.splits)]
        return not page.exists() or any(file.stat().st_mtime > page.stat().st_mtime for file in written)

    def trained(self, cell: Cell) -> bool:
        """Whether train.py has come to its end, of which the run's page is the last."""
        run = self.run(cell)
        files = run.history, run.path / "report.html"
        ended = "validation" not in self.missing_splits(cell) and all(file.exists() for file in files)
        return ended and _last_step(run.history) == cell.steps

    def check_unchanged(self, cell: Cell) -> None:
        """Refuse a cell that was started, or is broken, with another configuration than the suite's now.

        Raises:
            UserError: it names the first field that differs.
        """
        run, record = self.run(cell), self.record(cell)
        if record.config_sha256 == cell.config_hash():
            return
        if not (run.path / "config.yaml").exists():
            if self.status(cell) == BROKEN:
                raise UserError(
                    f"cell {cell.name} has changed since it failed: {self.record_file(cell)} is of another "
                    "configuration; expected another --output, or the file removed"
                )
            return
        try:
            run.check(cell.resolved(), resume=True)
        except UserError as error:
            raise UserError(
                f"cell {cell.name} has changed since it was run: {error}; expected another --output, or the "
                f"folder {run.path} removed"
            ) from None


def _last_step(history: Path) -> int:
    with open(history, encoding="utf-8", newline="") as file:
        return max(int(row["step"]) for row in csv.DictReader(file))

"""The folder of one run: what is in it, who may write it, and that nothing half-written stays."""

import contextlib
import csv
import dataclasses
import datetime
import hashlib
import io
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from common import config as configuration
from common.csv_lines import csv_writer
from common.errors import UserError
from common.json_file import read_object
from common.locking import try_lock
from common.whole_file import whole_file

# In the assets of a run that did not start from scratch: file, SHA-256 and revision of its first weights.
ORIGIN = "weights.json"
PACKAGES = ("paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "paddledet", "numpy", "opencv-python")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` so that a reader sees the old file or the new one, never a part.

    Raises:
        UserError: it cannot be written; the old file stays.
    """
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(path: Path, rows: list[dict[str, Any]], columns: Iterable[str] = ()) -> None:
    """Write rows with the given columns, then those of all of them, in order of first appearance."""
    columns = list(dict.fromkeys([*columns, *(name for row in rows for name in row)]))
    text = io.StringIO()
    writer = csv_writer(text)
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    write_text(path, text.getvalue())


class RunFolder:
    """Paths and files of one run."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.history = self.path / "history.csv"
        self.evaluations = self.path / "evaluations.csv"
        self.assets = self.path / "assets"
        self.lock = self.path / ".lock"
        self.last = self.path / "checkpoints/last.safetensors"
        self.best = self.path / "checkpoints/best.safetensors"

    def check(self, config: Any, resume: bool) -> None:
        """Refuse, before anything is done, a folder in which ``config`` must not be trained.

        Raises:
            UserError: the folder exists and ``resume`` is off, it holds another configuration, or its state
                to resume from is lost.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"{self.path}: is a file, expected a folder for the run")
        # What a task leaves in assets before it fails is no run yet.
        nothing = {"assets", self.lock.name}
        occupied = self.path.exists() and any(entry.name not in nothing for entry in self.path.iterdir())
        if occupied and not resume:
            raise UserError(f"{self.path}: run folder exists; expected --resume or another --run-dir")
        if occupied:
            self._refuse_other_configuration(config, self.path / "config.yaml")
            # The state is saved first, so that a history without it is that of a lost one.
            if self.history.exists() and not self.last.exists():
                raise UserError(
                    f"{self.last}: no such file, expected the state that {self.history.name} is of; bring it "
                    "back, or take another --run-dir to train from the beginning"
                )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in the folder, as long as this one lives.

        Raises:
            UserError: another one does already.
        """
        with try_lock(self.lock) as free:
            if not free:
                raise UserError(f"{self.path}: another process is training this run")
            yield

    def start(self, config: Any) -> None:
        """Make the folder and write ``config.yaml`` in it."""
        write_text(self.path / "config.yaml", configuration.to_yaml(config))

    def _refuse_other_configuration(self, config: Any, file: Path) -> None:
        if not file.exists():
            raise UserError(f"{self.path}: found no config.yaml, expected the folder of a run")
        found = dict(_leaves(configuration.read_yaml(file)))
        asked = dict(_leaves(dataclasses.asdict(config)))
        for name in [*asked, *found]:
            if found.get(name) != asked.get(name):
                raise UserError(
                    f"{file}: {name}: found {found.get(name)!r}, asked for {asked.get(name)!r}; "
                    "a run is resumed with the configuration it was started with"
                )

    def check_data(self, data_hash: str) -> None:
        """Refuse other data than the run was trained on: their splits would overlap.

        Raises:
            UserError: the hash is not the one in ``environment.json``.
        """
        file = self.path / "environment.json"
        recorded = json.loads(file.read_text(encoding="utf-8"))["data_sha256"] if file.exists() else data_hash
        if recorded != data_hash:
            raise UserError(
                f"{file}: data_sha256: found data with {data_hash[:12]}, expected {recorded[:12]}, "
                "what the run was trained on"
            )

    def write_environment(self, device: str, data_hash: str) -> None:
        """Write ``environment.json``: versions, processor or GPU, commit, hashes of all that was read."""
        origin = self.assets / ORIGIN
        environment = {
            "python": platform.python_version(),
            **installed_versions(PACKAGES),
            "platform": platform.platform(),
            "processor": processor(),
            "device": device,
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "mkl_debug_cpu_type": os.environ.get("MKL_DEBUG_CPU_TYPE"),
            "git_commit": git_commit(),
            "config_sha256": _sha256((self.path / "config.yaml").read_bytes()),
            "data_sha256": data_hash,
            "weights": read_object(origin) if origin.exists() else None,
        }
        write_text(self.path / "environment.json", json.dumps(environment, indent=2) + "\n")

    def write_parameters(self, settings: list[Any]) -> None:
        """Write ``parameters.csv`` from the parameter settings."""
        write_csv(self.path / "parameters.csv", [setting.row() for setting in settings])

    def predictions(self, split: str) -> Path:
        """File of what the metrics of a split were computed from."""
        return self.path / "predictions" / f"{split}.csv"

    def write_predictions(self, split: str, rows: list[dict[str, Any]]) -> None:
        """Write what the metrics of a split were computed from."""
        write_csv(self.predictions(split), rows)

    def count_test_reading(self, metrics: dict[str, Any]) -> int:
        """Append a reading of the test split to ``test_readings.csv``; return how many there are."""
        file = self.path / "test_readings.csv"
        readings = []
        if file.exists():
            with open(file, encoding="utf-8", newline="") as text:
                readings = list(csv.DictReader(text))
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        write_csv(file, [*readings, {"time": now, "git_commit": git_commit(), **metrics}])
        return len(readings) + 1

    def write_history(self, rows: list[dict[str, Any]]) -> None:
        """Write ``history.csv``, a row an epoch."""
        write_csv(self.history, rows)

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Contents of ``metrics.json``: {split: {metric: value}}.

        Raises:
            UserError: it is damaged.
        """
        file = self.path / "metrics.json"
        return read_object(file) if file.exists() else {}

    def add_metrics(self, split: str, metrics: dict[str, Any]) -> None:
        """Put the metrics of one split into ``metrics.json``, other splits kept."""
        merged = {**self.metrics(), split: metrics}
        write_text(self.path / "metrics.json", json.dumps(merged, indent=2, ensure_ascii=False) + "\n")


def git_commit() -> str:
    """Commit of the code, with ``-dirty`` where files differ from it; ``unknown`` outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    root = Path(__file__).resolve().parents[2]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions by name, of those packages that are installed."""
    found = {}
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _leaves(values: dict[str, Any], prefix: str = ""):
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Name and number of cores; on x86 also family and model, since speed and digits depend on them."""
    fields: dict[str, list[str]] = {}
    for line in (cpuinfo.read_text(errors="replace") if cpuinfo.exists() else "").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), []).append(value.strip())
    names = fields.get("model name")
    if not names:
        return platform.processor()
    kind = ", ".join(f"{name} {fields[name][0]}" for name in ("cpu family", "model") if name in fields)
    return f"{names[0]}{kind and f' ({kind})'} x {len(names)}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

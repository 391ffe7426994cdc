"""Training beside the library that people come from: samples a second, in alternating runs on this machine.

Reviews are trained beside Hugging Face's Trainer, boards beside PaddleDetection's reader, target operator,
loss and optimizer. Both sides train the same network from scratch on the same data for two epochs, of
which the second counts. `equal` gives both the same threads and matrix-library path, and the other side
length grouping, or pictures that are decoded once; `as-they-come` leaves the environment alone and the
other side at its defaults.
"""

import os

from common import runtime

# As the user has set it; prepare() adds to it.
ENVIRONMENT = dict(os.environ)
RUNTIME = runtime.prepare()

import argparse  # noqa: E402
import json  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, Optional  # noqa: E402

import pandas  # noqa: E402

import tasks  # noqa: E402
from common import config as configuration  # noqa: E402
from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from common.reporting.tables import rows_table  # noqa: E402
from common.training.run_folder import write_text  # noqa: E402
from tasks import runs  # noqa: E402

SCRIPTS = Path(__file__).resolve().parent
CONFIG = SCRIPTS.parent / "configs/sentiment/scratch.yaml"
MODES = ("equal", "as-they-come")


def main() -> None:
    """Alternate both trainers and print samples a second and their ratio."""
    arguments, config = parse_arguments()
    root = runs.data_root(arguments.data_root).resolve()
    data = runs.load_data(config, root)
    print(RUNTIME)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sides = Sides(work, config, data, root, arguments.torch_python)
        rows = []
        for round_ in range(arguments.rounds):
            for mode in arguments.mode:
                rows.append(measure(sides, mode, round_))
                print(rows_table(rows[-1:]), flush=True)
    found = [summary(rows, mode, sides.other) for mode in arguments.mode]
    print(rows_table(found, f"{sides.unit} a second, median of {arguments.rounds}"))
    if arguments.output:
        write_text(arguments.output, json.dumps({"runs": rows, "summary": found}, indent=1))


def parse_arguments() -> tuple[argparse.Namespace, Any]:
    """The flags and the configuration that they name."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", help="a Python that has torch, transformers and accelerate")
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES), help="[both]")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each trainer in each mode [5]")
    parser.add_argument("--output", type=Path, help="JSON file for every figure")
    parser.add_argument(
        "--config",
        type=Path,
        default=CONFIG,
        help="YAML file of either task [that of reviews]",
    )
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    arguments, flags = parser.parse_known_args()
    if arguments.rounds < 1:
        raise UserError(f"--rounds: found {arguments.rounds}, expected at least 1")
    config = runs.config_of(arguments.config, flags, parser)
    if config.task == "sentiment":
        require_torch(arguments.torch_python)
    elif arguments.torch_python:
        raise UserError(f"--torch-python: is for another task than {config.task}, that of {arguments.config}")
    if config.task == "pcb":
        tasks.load("pcb", "benchmark").require_comparable(config)
    config.check_files()
    return arguments, config


def require_torch(python: Optional[str]) -> None:
    """Refuse an interpreter that cannot run the other side of the reviews."""
    expected = "expected a Python with torch, transformers and accelerate"
    if python is None:
        raise UserError(f"--torch-python: missing, {expected}")
    try:
        subprocess.run(
            [python, "-c", "import torch, transformers, accelerate"], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"--torch-python: found {python}, {expected}") from None


class Sides:
    """Our trainer and the other library's, on the same work.

    Attributes:
        other: what the other side is called.
        unit: what is counted.
    """

    def __init__(self, work: Path, config: Any, data: Any, root: Path, torch_python: Optional[str]):
        with runtime.importing_paddle():
            task = tasks.load(config.task, "benchmark")
        self.other, self.unit = task.OTHER, task.UNIT
        self.work, self.root = work, root
        self.parameters = task.write_work(config, data, work)
        write_text(work / "config.yaml", configuration.to_yaml(config))
        train = ["--config", str(work / "config.yaml"), "--train.epochs", "2"]
        self._ours = [*train, "--train.train_samples_evaluated", "0", *task.our_flags(config, data)]
        worker = SCRIPTS / "benchmarks" / task.WORKER
        self._theirs = [torch_python or sys.executable, str(worker), "--work", str(work)]
        self._mode_flags = task.MODE_FLAGS

    def ours(self, mode: str, round_: int) -> float:
        """Samples a second of the second epoch of `train.py`."""
        folder = self.work / f"{mode}-{round_}"
        line = [sys.executable, str(SCRIPTS / "train.py"), *self._ours, "--run-dir", str(folder)]
        run(line, environment_of(mode, self.root))
        return float(pandas.read_csv(folder / "history.csv")["items/s"].iloc[-1])

    def theirs(self, mode: str) -> float:
        """Samples a second of the second epoch of the other library."""
        printed = run([*self._theirs, *self._mode_flags[mode]], environment_of(mode, self.root))
        found = json.loads(printed.splitlines()[-1])
        if found["parameters"] != self.parameters:
            raise RuntimeError(
                f"models differ: {self.parameters} parameters here, {found['parameters']} there"
            )
        return found["items_per_second"]


def environment_of(mode: str, root: Path) -> dict[str, str]:
    """The variables of both sides in a mode."""
    return {**(ENVIRONMENT if mode == "as-they-come" else os.environ), "DATA_ROOT": str(root)}


def measure(sides: Sides, mode: str, round_: int) -> dict:
    """One run of each, in an order that changes from round to round."""
    run_of = {"ours": lambda: sides.ours(mode, round_), sides.other: lambda: sides.theirs(mode)}
    order = list(run_of) if round_ % 2 == 0 else list(run_of)[::-1]
    speeds = {name: run_of[name]() for name in order}
    return {"mode": mode, "round": round_ + 1, **speeds, "ratio": speeds["ours"] / speeds[sides.other]}


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a command printed.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def summary(rows: list[dict], mode: str, other: str) -> dict:
    """Medians of one mode; the ratio is the median over rounds, with the smallest and the largest."""
    chosen = [row for row in rows if row["mode"] == mode]
    ratios = [row["ratio"] for row in chosen]
    return {
        "mode": mode,
        "ours": statistics.median(row["ours"] for row in chosen),
        other: statistics.median(row[other] for row in chosen),
        "ratio": statistics.median(ratios),
        "smallest": min(ratios),
        "largest": max(ratios),
    }


if __name__ == "__main__":
    run_command(main)

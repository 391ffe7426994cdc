"""Sentiment training beside Hugging Face's Trainer: reviews a second, in alternating runs on this machine.

Both train a BERT of the same size from scratch on the same token ids for two epochs, of which the
second counts. `equal` gives both the same threads, matrix-library path and length grouping;
`as-they-come` leaves the environment alone and the Trainer at its defaults.
"""

import os

from common import runtime

# As the user has set it; prepare() adds to it.
ENVIRONMENT = dict(os.environ)
RUNTIME = runtime.prepare()

import json  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402

import pandas  # noqa: E402

import tasks  # noqa: E402
from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from common.reporting.tables import rows_table  # noqa: E402
from common.training.run_folder import write_text  # noqa: E402
from tasks import runs  # noqa: E402

SCRIPTS = Path(__file__).resolve().parent
CONFIG = SCRIPTS.parent / "configs/sentiment/regularized.yaml"
MODES = ("equal", "as-they-come")


def main() -> None:
    """Alternate both trainers and print reviews a second and their ratio."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument(
        "--torch-python", required=True, help="a Python that has torch, transformers and accelerate"
    )
    parser.add_argument("--mode", nargs="+", choices=MODES, default=list(MODES), help="[both]")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each trainer in each mode [5]")
    parser.add_argument("--output", type=Path, help="JSON file for every figure")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        raise UserError(f"--rounds: found {arguments.rounds}, expected at least 1")
    require_torch(arguments.torch_python)
    root = runs.data_root(arguments.data_root).resolve()
    print(RUNTIME)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        parameters = write_work(work, root)
        rows = []
        for round_ in range(arguments.rounds):
            for mode in arguments.mode:
                rows.append(measure(work, root, arguments.torch_python, mode, round_, parameters))
                print(rows_table(rows[-1:]), flush=True)
    found = [summary(rows, mode) for mode in arguments.mode]
    print(rows_table(found, f"reviews a second, median of {arguments.rounds}"))
    if arguments.output:
        write_text(arguments.output, json.dumps({"runs": rows, "summary": found}, indent=1))


def require_torch(python: str) -> None:
    """Refuse an interpreter that cannot run the other side."""
    try:
        subprocess.run(
            [python, "-c", "import torch, transformers, accelerate"], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError):
        raise UserError(
            f"--torch-python: found {python}, expected a Python with torch, transformers and accelerate"
        ) from None


def write_work(folder: Path, root: Path) -> int:
    """Token ids, labels and settings for the other side; returns the number of our parameters."""
    config = runs.load_config(CONFIG)
    data = runs.load_data(config, root)
    task = tasks.load("sentiment", "task").Task(config, data, folder / "assets")
    reviews = data.splits["train"]
    work = {
        "token_ids": [ids.tolist() for ids in task.classifier.encode([review.text for review in reviews])],
        "labels": [review.label for review in reviews],
        "vocabulary_size": task.model.encoder.config.vocab_size,
        "model": {
            "type_vocab_size": task.model.encoder.config.type_vocab_size,
            "hidden_size": config.model.hidden_size,
            "num_hidden_layers": config.model.layers,
            "num_attention_heads": config.model.heads,
            "intermediate_size": 4 * config.model.hidden_size,
            "classifier_dropout": config.model.dropout,
        },
        "training": {
            "per_device_train_batch_size": config.train.batch_size,
            "learning_rate": config.optim.learning_rate,
            "weight_decay": config.optim.weight_decay,
            "max_grad_norm": config.optim.clip_norm,
            "warmup_ratio": config.optim.warmup,
        },
    }
    write_text(folder / "work.json", json.dumps(work))
    return sum(parameter.size for parameter in task.model.parameters())


def environment_of(mode: str, root: Path) -> dict[str, str]:
    """The variables of both sides in a mode."""
    return {**(ENVIRONMENT if mode == "as-they-come" else os.environ), "DATA_ROOT": str(root)}


def measure(work: Path, root: Path, python: str, mode: str, round_: int, parameters: int) -> dict:
    """One run of each, in an order that changes from round to round."""
    environment = environment_of(mode, root)
    sides = {
        "ours": lambda: ours(work / f"{mode}-{round_}", environment),
        "Trainer": lambda: theirs(work, python, mode, environment, parameters),
    }
    order = list(sides) if round_ % 2 == 0 else list(sides)[::-1]
    speeds = {name: sides[name]() for name in order}
    return {"mode": mode, "round": round_ + 1, **speeds, "ratio": speeds["ours"] / speeds["Trainer"]}


def ours(folder: Path, environment: dict[str, str]) -> float:
    """Reviews a second of the second epoch of `train.py`."""
    flags = ["--train.epochs", "2", "--train.train_samples_evaluated", "0", "--run-dir", str(folder)]
    run([sys.executable, str(SCRIPTS / "train.py"), "--config", str(CONFIG), *flags], environment)
    return float(pandas.read_csv(folder / "history.csv")["items/s"].iloc[-1])


def theirs(work: Path, python: str, mode: str, environment: dict[str, str], parameters: int) -> float:
    """Reviews a second of the second epoch of Hugging Face's Trainer."""
    flags = ["--group-by-length"] if mode == "equal" else []
    worker = SCRIPTS / "benchmarks/hugging_face_trainer.py"
    printed = run([python, str(worker), "--work", str(work), *flags], environment)
    found = json.loads(printed.splitlines()[-1])
    if found["parameters"] != parameters:
        raise RuntimeError(f"models differ: {parameters} parameters here, {found['parameters']} there")
    return found["reviews_per_second"]


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a command printed.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


def summary(rows: list[dict], mode: str) -> dict:
    """Medians of one mode; the ratio is the median over rounds, with the smallest and the largest."""
    chosen = [row for row in rows if row["mode"] == mode]
    ratios = [row["ratio"] for row in chosen]
    return {
        "mode": mode,
        "ours": statistics.median(row["ours"] for row in chosen),
        "Trainer": statistics.median(row["Trainer"] for row in chosen),
        "ratio": statistics.median(ratios),
        "smallest": min(ratios),
        "largest": max(ratios),
    }


if __name__ == "__main__":
    run_command(main)

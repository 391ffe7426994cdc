"""Commands that are given a bad input, and what must be true of their answers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tasks.sentiment.labels import Labels
from tests.conftest import ROOT

INPUTS = Path("tests/sentiment/bad_inputs")
GOOD = ["--config", f"{INPUTS}/good.yaml", "--data-root", f"{INPUTS}"]
# A folder with one of these looks as if something were finished.
FINISHED = {"config.yaml", "metrics.json", "predictions.csv", "best.safetensors"}


def write_run(folder: Path) -> None:
    """A run that predict.py takes until its weights are loaded."""
    for file in ("config.yaml", "assets/vocab.txt", "checkpoints/best.safetensors"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / INPUTS / "good.yaml", folder / file)
    Labels(("差", "好"), "text", "label").write(folder / "assets")


def command_of(kind: str, name: str, folder: Path) -> list[str]:
    """Script and arguments that give a file of :data:`INPUTS`, or weights in ``folder``, to a command."""
    file, output = str(INPUTS / name), str(folder / "output" / kind / name)
    if kind == "predict":
        return ["predict.py", "--run", str(folder / "trained"), "--input", file, "--output", output]
    flags = {
        "train": [*GOOD, "--data.train", name],
        "validation": [*GOOD, "--data.validation", name],
        "configuration": ["--config", file, "--data-root", str(INPUTS)],
    }
    weights = [
        "--model.weights",
        str(folder / kind / name),
        "--model.layers=null",
        "--model.hidden_size=null",
    ]
    return ["train.py", *flags.get(kind, [*GOOD, *weights]), "--run-dir", output]


def answers_of(commands: list[list[str]]) -> list[dict]:
    """What commands answer that run one after another in one process, as ``one_process.py`` tells it."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests/sentiment/one_process.py"],
        input=json.dumps([[script, arguments] for script, *arguments in commands]),
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def check_answer(answer: dict, line: str, kind: str, name: str, folder: Path) -> None:
    """That nothing but one line is said, that it is ``line``, and that nothing looks finished."""
    output = folder / "output" / kind / name
    places = {"{file}": INPUTS / name, "{folder}": folder / kind / name, "{assets}": output / "assets"}
    for place, path in places.items():
        line = line.replace(place, str(path))
    assert answer["code"] == 2, answer["stderr"]
    assert answer["stdout"] == ""
    assert answer["stderr"].endswith("\n") and answer["stderr"].count("\n") == 1
    begins = f"error: {line}\n" if not line.endswith("...") else f"error: {line[:-3]}"
    assert answer["stderr"][: len(begins)] == begins
    assert not FINISHED & {file.name for file in output.rglob("*")}

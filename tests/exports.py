"""For the tests of exports of both tasks: formats that can be written here, and folders to damage."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

ONNX = importlib.util.find_spec("onnxruntime") is not None
with_onnx = pytest.mark.skipif(not ONNX, reason="the extra onnx is not installed")
FORMATS = ["paddle", pytest.param("onnx", marks=with_onnx)]
# The files of a network: Paddle 3 and Paddle 2 call theirs differently.
NETWORKS = {
    "paddle": [{file, "model.pdiparams"} for file in ("model.json", "model.pdmodel")],
    "onnx": [{"model.onnx"}],
}


def export_all(export: Callable, run: Path, folder: Path, *arguments) -> dict[str, Path]:
    """A run as a Paddle model and, where that can be, as ONNX: folders by format."""
    folders = {name: folder / name for name in ("paddle", *["onnx"] * ONNX)}
    for name, output in folders.items():
        export(run, name, output, *arguments)
    return folders


def cut(name: str, size: int = 100) -> Callable[[Path], None]:
    """What leaves of a file in a folder its beginning alone."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def gone(name: str) -> Callable[[Path], None]:
    """What deletes a file in a folder."""
    return lambda folder: (folder / name).unlink()


def changed(name: str, **fields) -> Callable[[Path], None]:
    """What gives a JSON file in a folder other values."""

    def change(folder: Path) -> None:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(json.dumps({**found, **fields}), encoding="utf-8")

    return change

"""A run as an inference model of Paddle or as ONNX, with the proof that it computes the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from common import runtime
from common.errors import UserError
from common.inference.new_folder import new_folder, require_new
from common.inference.running import CONVERTERS, PACKAGES, require_packages
from common.table_file import read_table
from common.training.run_folder import RunFolder, installed_versions, write_text
from tasks.runs import EXPORT
from tasks.sentiment.classifier import Classifier
from tasks.sentiment.data import EMBEDDED
from tasks.sentiment.exported import load_classifier
from tasks.sentiment.source import TrainedRun

TEXTS = 100
ALLOWED = 1e-5
# No divisor of the texts, so that batches of several sizes are compared.
BATCH = 32
VERSIONS = ("paddlepaddle", "paddlepaddle-gpu", "paddlenlp", "paddle2onnx", "onnx", "onnxruntime")


def export(run: Path, format: str, output: Path, allowed: float = ALLOWED) -> None:
    """Write a folder that predicts like the run: model, tokenizer, label map, ``export.json``.

    Everything is written beside the folder, which gets its name when the written files have been
    loaded and found to give the run's probabilities.

    Args:
        format: ``paddle`` or ``onnx``.
        output: folder, which must not be there or be empty.
        allowed: difference of probabilities.

    Raises:
        UserError: the run is not complete, the folder is not empty or cannot be written, a
            package is missing, or probabilities differ by more than ``allowed``.
    """
    trained = TrainedRun.find(run)
    require_new(output)
    require_packages(*CONVERTERS[format], *PACKAGES[format])
    texts = texts_to_compare(trained.run)
    with new_folder(output) as partial:
        differences = _fill(partial, trained, format, texts, allowed)
    shown = ", ".join(f"{name} {difference:.1e}" for name, difference in differences.items())
    print(f"largest difference of a probability on {len(texts)} texts: {shown}; allowed {allowed:.0e}")
    print(f"exported to {output}")


def texts_to_compare(run: RunFolder) -> list[str]:
    """Different texts: of the run's validation split, then, if those are too few, the project's own.

    One more is all of them joined, which is cut at the greatest length that the model is given.
    """
    texts: list[str] = []
    for file, column in ((run.predictions("validation"), "text"), (EMBEDDED, "review")):
        if file.is_file():
            texts += read_table(file, (column,), text=True)[column].to_list()
    chosen = list(dict.fromkeys(texts))[:TEXTS]
    return [*chosen, "".join(chosen)]


def require_agreement(probabilities: dict[str, np.ndarray], allowed: float) -> dict[str, float]:
    """The largest difference of each from the first, if no two differ by more than ``allowed``.

    Args:
        probabilities: [texts, classes], by what computed them.

    Raises:
        UserError: two differ by more, or one is no number.
    """
    names = list(probabilities)
    for number, name in enumerate(names):
        for other in names[:number]:
            difference = float(np.abs(probabilities[name] - probabilities[other]).max())
            if not difference <= allowed:
                raise UserError(
                    f"export: probabilities of {name} and {other} differ by {difference:.1e}, "
                    f"expected at most {allowed:.0e}; nothing was exported"
                )
    first = probabilities[names[0]]
    return {name: float(np.abs(probabilities[name] - first).max()) for name in names[1:]}


def _fill(folder: Path, trained: TrainedRun, kind: str, texts: list[str], allowed: float) -> dict[str, float]:
    """Write everything to a folder; return the largest differences from the run, by format."""
    # On a GPU the run itself would be less exact than what is compared with it.
    task = trained.load(device="cpu")
    with runtime.importing_paddle():
        from paddlenlp.utils.log import logger

        from tasks.sentiment.inference_model import save_onnx, save_paddle

    logger.set_level("WARNING")
    found = {"run": _probabilities(task.classifier, texts)}
    task.tokenizer.save_pretrained(str(folder))
    trained.labels.write(folder)
    max_length = trained.config.data.max_length
    save_paddle(task.model, folder)
    found["paddle"] = _probabilities(load_classifier(folder, "paddle", max_length), texts)
    if kind == "onnx":
        save_onnx(folder)
        for file in folder.glob("model.*"):
            if file.suffix != ".onnx":
                file.unlink()
        found["onnx"] = _probabilities(load_classifier(folder, "onnx", max_length), texts)
    differences = require_agreement(found, allowed)
    compared = {"texts": len(texts), "allowed": allowed, "largest_difference": differences}
    _describe(folder, task, kind, compared)
    return differences


def _describe(folder: Path, task: Any, kind: str, compared: dict[str, Any]) -> None:
    description = {
        "task": "sentiment",
        "format": kind,
        "input": "token_ids, int64 [batch, tokens]",
        "output": "probabilities, float32 [batch, classes], in the order of labels.json",
        "max_length": task.classifier.max_length,
        "pad_token_id": int(task.tokenizer.pad_token_id),
        "compared": compared,
        "versions": installed_versions(VERSIONS),
    }
    write_text(folder / EXPORT, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def _probabilities(classifier: Classifier, texts: list[str]) -> np.ndarray:
    return classifier.probabilities(classifier.encode(texts), BATCH)

"""An exported model: what its folder holds, and how it is run; Paddle is imported when it is loaded."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from common import runtime
from common.errors import UserError
from common.json_file import read_object
from tasks.runs import EXPORT
from tasks.sentiment.classifier import Classifier
from tasks.sentiment.labels import Labels, read_labels

PACKAGES = {"paddle": (), "onnx": ("onnxruntime",)}
ONNX_FILE = "model.onnx"
PARAMETERS_FILE = "model.pdiparams"
# As Paddle 3 and as Paddle 2 call it.
NETWORK_FILES = ("model.json", "model.pdmodel")


@dataclass(frozen=True)
class Exported:
    """The model in a folder.

    Attributes:
        format: ``paddle`` or ``onnx``.
        max_length: tokens; longer texts are cut.
    """

    folder: Path
    format: str
    max_length: int
    labels: Labels

    def load(self) -> Classifier:
        """Tokenizer and model, on the processor.

        Raises:
            UserError: one of them cannot be loaded, or the model has other classes than the label map.
        """
        classifier = load_classifier(self.folder, self.format, self.max_length)
        found = classifier.probabilities(classifier.encode([""])).shape[1]
        if found != len(self.labels.classes):
            raise UserError(
                f"{self.folder}: found a model of {found} classes, "
                f"expected {len(self.labels.classes)}, as in labels.json"
            )
        return classifier


def find_exported(folder: Path) -> Exported:
    """The model in a folder, checked as far as that goes without loading it.

    Raises:
        UserError: a file is missing or damaged, or the format needs a package that is not installed.
    """
    file = folder / EXPORT
    found = read_object(file)
    kind, max_length = found.get("format"), found.get("max_length")
    if kind not in PACKAGES:
        raise UserError(f"{file}: format: found {kind!r}, expected one of {', '.join(PACKAGES)}")
    if type(max_length) is not int or max_length < 1:
        raise UserError(f"{file}: max_length: found {max_length!r}, expected a number of tokens")
    require_packages(*PACKAGES[kind])
    _model_files(folder, kind)
    if not (folder / "tokenizer_config.json").is_file():
        raise UserError(f"{folder}: found no tokenizer_config.json, expected what export.py has written")
    return Exported(folder, kind, max_length, read_labels(folder))


def require_packages(*names: str) -> None:
    """Refuse to go on without packages of the extra ``onnx``.

    Raises:
        UserError: naming the first that is missing.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise UserError(
                f"{name} is not installed, expected the extra onnx: "
                "pip install --constraint constraints.txt --editable '.[onnx]'"
            )


def load_classifier(folder: Path, kind: str, max_length: int) -> Classifier:
    """What predicts with the files of a folder, in which there need not be an ``export.json`` yet.

    Raises:
        UserError: tokenizer or model cannot be loaded.
    """
    files = _model_files(folder, kind)
    with runtime.importing_paddle():
        from paddlenlp.transformers import AutoTokenizer
        from paddlenlp.utils.log import logger
    logger.set_level("WARNING")
    try:
        # A relative folder called bert-base-chinese would be taken for a hub's model of that name.
        tokenizer = AutoTokenizer.from_pretrained(str(folder.resolve()))
    except (AssertionError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise UserError(f"{folder}: the tokenizer cannot be loaded: {error}") from None
    forward = _onnx_forward(*files) if kind == "onnx" else _paddle_forward(*files)
    return Classifier(tokenizer, max_length, forward)


def _model_files(folder: Path, kind: str) -> list[Path]:
    network = next((name for name in NETWORK_FILES if (folder / name).is_file()), NETWORK_FILES[0])
    names = [ONNX_FILE] if kind == "onnx" else [network, PARAMETERS_FILE]
    for name in names:
        if not (folder / name).is_file():
            raise UserError(f"{folder}: found no {name}, expected what export.py has written")
    return [folder / name for name in names]


def _paddle_forward(network: Path, parameters: Path) -> Callable[[np.ndarray], np.ndarray]:
    from paddle import inference

    config = inference.Config(str(network), str(parameters))
    config.disable_gpu()
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(_threads())
    try:
        predictor = inference.create_predictor(config)
    except Exception as error:
        raise UserError(f"{network}: Paddle cannot load the model: {_first_line(error)}") from None
    source = predictor.get_input_handle(predictor.get_input_names()[0])
    target = predictor.get_output_handle(predictor.get_output_names()[0])

    def forward(token_ids: np.ndarray) -> np.ndarray:
        source.copy_from_cpu(token_ids)
        predictor.run()
        return target.copy_to_cpu()

    return forward


def _onnx_forward(file: Path) -> Callable[[np.ndarray], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3  # warnings are of constants that its own optimizer has made idle
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"{file}: onnxruntime cannot load the model: {_first_line(error)}") from None
    name = session.get_inputs()[0].name
    return lambda token_ids: session.run(None, {name: token_ids})[0]


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or runtime.choose_threads())


def _first_line(error: Any) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

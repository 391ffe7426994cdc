"""An exported model's files and what runs them; Paddle is imported only to run its own format."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from common import runtime
from common.errors import UserError

# Formats, and the packages that run them beside Paddle.
PACKAGES = {"paddle": (), "onnx": ("onnxruntime",)}
CONVERTERS = {"paddle": (), "onnx": ("paddle2onnx", "onnx")}
ONNX_FILE = "model.onnx"
PARAMETERS_FILE = "model.pdiparams"
# As Paddle 3 and as Paddle 2 call it.
NETWORK_FILES = ("model.json", "model.pdmodel")

# The outputs of a model, in its order, for its only input.
Forward = Callable[[np.ndarray], list[np.ndarray]]


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


def require_format(file: Path, found: Any) -> str:
    """The format that an ``export.json`` names, if it is known and can be run.

    Raises:
        UserError: it is not, or a package is missing.
    """
    if found not in PACKAGES:
        raise UserError(f"{file}: format: found {found!r}, expected one of {', '.join(PACKAGES)}")
    require_packages(*PACKAGES[found])
    return found


def model_files(folder: Path, kind: str) -> list[Path]:
    """The file of an ONNX model, or network and parameters of a Paddle model.

    Raises:
        UserError: one is missing.
    """
    network = next((name for name in NETWORK_FILES if (folder / name).is_file()), NETWORK_FILES[0])
    names = [ONNX_FILE] if kind == "onnx" else [network, PARAMETERS_FILE]
    for name in names:
        if not (folder / name).is_file():
            raise UserError(f"{folder}: found no {name}, expected what export.py has written")
    return [folder / name for name in names]


def load_forward(folder: Path, kind: str) -> Forward:
    """What computes the outputs of the model in a folder, on the processor.

    Raises:
        UserError: a file is missing, or is no model.
    """
    files = model_files(folder, kind)
    return _onnx_forward(*files) if kind == "onnx" else _paddle_forward(*files)


def _paddle_forward(network: Path, parameters: Path) -> Forward:
    with runtime.importing_paddle():
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
    targets = [predictor.get_output_handle(name) for name in predictor.get_output_names()]

    def forward(values: np.ndarray) -> list[np.ndarray]:
        source.copy_from_cpu(values)
        predictor.run()
        return [target.copy_to_cpu() for target in targets]

    return forward


def _onnx_forward(file: Path) -> Forward:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3  # warnings are of constants that its own optimizer has made idle
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise UserError(f"{file}: onnxruntime cannot load the model: {_first_line(error)}") from None
    name = session.get_inputs()[0].name
    return lambda values: session.run(None, {name: values})


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or runtime.choose_threads())


def _first_line(error: Any) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__

"""Writing a layer as an inference model of Paddle, and that as ONNX."""

import warnings
from pathlib import Path
from typing import Optional

import paddle

from common.errors import UserError
from common.inference.running import NETWORK_FILES, ONNX_FILE, PARAMETERS_FILE

OPSET = 13


def save_paddle(layer: paddle.nn.Layer, folder: Path, specification: paddle.static.InputSpec) -> None:
    """Write network and parameters, for every size that the specification leaves open."""
    layer.eval()
    with warnings.catch_warnings():
        # PaddleNLP asks every tensor for its place; those of a network have none.
        warnings.filterwarnings("ignore", message=".*place.*")
        paddle.jit.save(layer, str(folder / "model"), input_spec=[specification])


def save_onnx(folder: Path, outputs: dict[str, tuple[Optional[str], ...]], sizes: tuple[str, ...]) -> None:
    """Write ``model.onnx`` from the Paddle model in the folder.

    Args:
        outputs: for each output its name and, by axis, what sizes that are open are to be called.
        sizes: what those of the input are to be called, by axis.

    Raises:
        UserError: paddle2onnx does not work with this Paddle, or cannot convert the model.
    """
    import onnx

    try:
        # It refuses a Paddle that is too old as it is imported.
        import paddle2onnx
    except (ImportError, ValueError) as error:
        raise UserError(f"--format onnx: paddle2onnx cannot be used: {error}") from None
    network = next(folder / name for name in NETWORK_FILES if (folder / name).is_file())
    try:
        # Its optimizer installs packages into this environment; it also acts on written files alone.
        content = paddle2onnx.export(
            str(network),
            str(folder / PARAMETERS_FILE),
            save_file=None,
            opset_version=OPSET,
            optimize_tool="None",
        )
    except SystemExit:
        raise UserError("--format onnx: paddle2onnx cannot convert this model, see above") from None
    model = onnx.load_model_from_string(content)
    _name(model.graph, outputs, sizes)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(folder / ONNX_FILE))


def _name(graph, outputs: dict[str, tuple[Optional[str], ...]], sizes: tuple[str, ...]) -> None:
    """Give outputs and open sizes names that can be understood."""
    names = {found.name: name for found, name in zip(graph.output, outputs)}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = names[output.name]
    for tensor, axes in zip((*graph.input, *graph.output), (sizes, *outputs.values())):
        for size, name in zip(tensor.type.tensor_type.shape.dim, axes):
            if size.dim_param or not size.HasField("dim_value"):
                size.dim_param = name

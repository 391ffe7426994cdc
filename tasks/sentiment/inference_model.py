"""Writing a trained model as an inference model of Paddle, and that as ONNX."""

import warnings
from pathlib import Path

import paddle

from common.errors import UserError
from tasks.sentiment.exported import NETWORK_FILES, ONNX_FILE, PARAMETERS_FILE

INPUT, OUTPUT = "token_ids", "probabilities"
OPSET = 13


class Probabilities(paddle.nn.Layer):
    """A classifier of token ids, int64 [batch, tokens], with softmax at its end: float32 [batch, classes]."""

    def __init__(self, model: paddle.nn.Layer):
        super().__init__()
        self.model = model

    def forward(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        return paddle.nn.functional.softmax(self.model(token_ids).astype("float32"))


def save_paddle(model: paddle.nn.Layer, folder: Path) -> None:
    """Write network and parameters, for any number of texts and of tokens."""
    layer = Probabilities(model)
    layer.eval()
    specification = paddle.static.InputSpec([None, None], "int64", name=INPUT)
    with warnings.catch_warnings():
        # PaddleNLP asks every tensor for its place; those of a network have none.
        warnings.filterwarnings("ignore", message=".*place.*")
        paddle.jit.save(layer, str(folder / "model"), input_spec=[specification])


def save_onnx(source: Path, folder: Path) -> None:
    """Write ``model.onnx`` from the Paddle model in another folder.

    Raises:
        UserError: paddle2onnx does not work with this Paddle, or cannot convert the model.
    """
    import onnx

    try:
        # It refuses a Paddle that is too old as it is imported.
        import paddle2onnx
    except (ImportError, ValueError) as error:
        raise UserError(f"--format onnx: paddle2onnx cannot be used: {error}") from None
    network = next(source / name for name in NETWORK_FILES if (source / name).is_file())
    try:
        # Its optimizer installs packages into this environment; it also acts on written files alone.
        content = paddle2onnx.export(
            str(network),
            str(source / PARAMETERS_FILE),
            save_file=None,
            opset_version=OPSET,
            optimize_tool="None",
        )
    except SystemExit:
        raise UserError("--format onnx: paddle2onnx cannot convert this model, see above") from None
    model = onnx.load_model_from_string(content)
    _name(model.graph)
    onnx.checker.check_model(model)
    onnx.save_model(model, str(folder / ONNX_FILE))


def _name(graph) -> None:
    """Give the output and the sizes names that can be understood."""
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [OUTPUT if name == output.name else name for name in node.output]
    output.name = OUTPUT
    for tensor in (*graph.input, output):
        for size, name in zip(tensor.type.tensor_type.shape.dim, ("batch", "tokens")):
            if size.dim_param:
                size.dim_param = name

"""Writing a trained model as an inference model of Paddle, and that as ONNX."""

from pathlib import Path

import paddle

from common.inference import writing

INPUT, OUTPUT = "token_ids", "probabilities"


class Probabilities(paddle.nn.Layer):
    """A classifier of token ids, int64 [batch, tokens], with softmax at its end: float32 [batch, classes]."""

    def __init__(self, model: paddle.nn.Layer):
        super().__init__()
        self.model = model

    def forward(self, token_ids: paddle.Tensor) -> paddle.Tensor:
        return paddle.nn.functional.softmax(self.model(token_ids).astype("float32"))


def save_paddle(model: paddle.nn.Layer, folder: Path) -> None:
    """Write network and parameters, for any number of texts and of tokens."""
    writing.save_paddle(Probabilities(model), folder, paddle.static.InputSpec([None, None], "int64", INPUT))


def save_onnx(folder: Path) -> None:
    """Write ``model.onnx`` from the Paddle model in the folder.

    Raises:
        UserError: as :func:`common.inference.writing.save_onnx`.
    """
    writing.save_onnx(folder, {OUTPUT: ("batch",)}, ("batch", "tokens"))

"""Writing a trained detector as an inference model of Paddle, and that as ONNX."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import paddle

from common.inference import writing
from tasks.pcb.exported import CHANNELS

INPUT = "images"


class Decoded(paddle.nn.Layer):
    """A detector with decoding at its end, see :meth:`tasks.pcb.model.YOLOv3.decoded`."""

    def __init__(self, model: paddle.nn.Layer):
        super().__init__()
        self.model = model

    def forward(self, images: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Boxes [batch, boxes, 4] and scores [batch, boxes, classes] of pictures [batch, channels, ...]."""
        return self.model.decoded(images)


def save_paddle(model: paddle.nn.Layer, folder: Path) -> None:
    """Write network and parameters, for any number of pictures and any sides that the strides divide."""
    channels = CHANNELS[model.input != "tested"]
    specification = paddle.static.InputSpec([None, channels, None, None], "float32", INPUT)
    with _leaky_relu_as_maximum():
        writing.save_paddle(Decoded(model), folder, specification)


@contextlib.contextmanager
def _leaky_relu_as_maximum() -> Iterator[None]:
    """Write leaky ReLU as what it is: paddle2onnx 2.1 misreads its slope, oneDNN in Paddle 3.3.1 crashes."""
    functional = paddle.nn.functional
    original = functional.leaky_relu
    functional.leaky_relu = lambda x, slope: paddle.maximum(x, slope * x)
    try:
        yield
    finally:
        functional.leaky_relu = original


def save_onnx(folder: Path) -> None:
    """Write ``model.onnx`` from the Paddle model in the folder.

    Raises:
        UserError: as :func:`common.inference.writing.save_onnx`.
    """
    outputs = {"boxes": ("batch", "boxes", None), "scores": ("batch", "boxes", None)}
    writing.save_onnx(folder, outputs, ("batch", None, "height", "width"))

"""Dropout that is quick on a processor.

Paddle's kernel draws one number after the other on one core: a tenth of a small BERT's step.
Here NumPy draws 16 bits a value, from a seed that Paddle's generator draws: what is dropped
depends on ``paddle.seed`` as ever.
"""

import numpy as np
import paddle
from paddle import nn

STEPS = 2**16


def dropout(x: paddle.Tensor, p: float, training: bool = True) -> paddle.Tensor:
    """``paddle.nn.functional.dropout``; on a GPU and under mixed precision that function itself.

    Args:
        p: share of values set to zero, in [0, 1]; rounded to 1/65,536. The others are divided by
            the share that is kept, so that the expectation is exactly ``x``.
    """
    if not training or p == 0:
        return x
    dropped = round(p * STEPS)
    quick = paddle.in_dynamic_mode() and x.place.is_cpu_place() and x.dtype == paddle.float32
    if not quick or dropped == STEPS:
        return nn.functional.dropout(x, p)
    seed = int(paddle.randint(0, 2**31 - 1, [1]))
    bits = np.random.Generator(np.random.SFC64(seed)).integers(0, STEPS, x.shape, np.uint16)
    return x * paddle.to_tensor(np.multiply(bits >= dropped, STEPS / (STEPS - dropped), dtype=np.float32))


class ProcessorDropout(nn.Dropout):
    """``paddle.nn.Dropout`` by :func:`dropout`."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        return dropout(x, self.p, self.training)


def use_processor_dropout(model: nn.Layer) -> None:
    """Let every element-wise ``nn.Dropout`` of ``model`` drop so."""
    for layer in model.sublayers():
        if type(layer) is nn.Dropout and layer.axis is None and layer.mode == "upscale_in_train":
            layer.__class__ = ProcessorDropout

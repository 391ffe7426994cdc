"""LayerNorm with a gradient that is quick on a processor, and right where the weight is frozen.

Paddle 3.3.1's, on a processor, gives the input a wrong gradient if the weight needs none.
"""

import numpy as np
import paddle
from paddle import nn
from paddle.autograd import PyLayer


class _LayerNorm(PyLayer):
    @staticmethod
    def forward(ctx, x, weight, bias, epsilon):
        ctx.save_for_backward(x, weight)
        ctx.epsilon = epsilon
        ctx.wanted = [not tensor.stop_gradient for tensor in (x, weight, bias)]
        return nn.functional.layer_norm(x, [x.shape[1]], weight, bias, epsilon)

    @staticmethod
    def backward(ctx, gradient):
        """With x̂ = (x - mean)/σ and h = g·weight, the gradient of x is (h - mean(h) - x̂·mean(h·x̂))/σ."""
        x, weight, g = (tensor.numpy() for tensor in (*ctx.saved_tensor(), gradient))
        rows, width = x.shape
        # Sums as products with a vector: NumPy's own are slow along the short axis.
        mean, ones = np.full(width, 1 / width, x.dtype), np.ones(rows, x.dtype)
        normalised = x - (x @ mean)[:, None]
        scale = 1 / np.sqrt(np.einsum("ij,ij->i", normalised, normalised) / width + ctx.epsilon)
        normalised *= scale[:, None]
        g_normalised = g * normalised
        h = g * weight
        h -= (h @ mean)[:, None]
        h -= normalised * (g_normalised @ (weight * mean))[:, None]
        h *= scale[:, None]
        found = (h, ones @ g_normalised, ones @ g)
        return tuple(paddle.to_tensor(f) if wanted else None for f, wanted in zip(found, ctx.wanted))


class ProcessorLayerNorm(nn.LayerNorm):
    """``paddle.nn.LayerNorm`` over the last axis, whose gradient Paddle computes slowly on a processor."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """``x`` of any shape [..., width]."""
        if not (paddle.in_dynamic_mode() and x.place.is_cpu_place() and x.dtype == paddle.float32):
            return super().forward(x)
        rows = x.reshape([-1, x.shape[-1]])
        return _LayerNorm.apply(rows, self.weight, self.bias, self._epsilon).reshape(x.shape)


def use_processor_layer_norm(model: nn.Layer) -> None:
    """Let every LayerNorm of ``model`` that is over one axis, with weight and bias, compute so."""
    for layer in model.sublayers():
        if type(layer) is nn.LayerNorm and len(layer._normalized_shape) == 1 and _is_affine(layer):
            layer.__class__ = ProcessorLayerNorm


def _is_affine(layer: nn.LayerNorm) -> bool:
    return layer.weight is not None and layer.bias is not None

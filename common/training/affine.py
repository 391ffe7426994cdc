"""x·W + b with a gradient of b that uses every core."""

import paddle
from paddle.autograd import PyLayer


class _Affine(PyLayer):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        ctx.wanted = [not tensor.stop_gradient for tensor in (x, weight, bias)]
        return paddle.matmul(x, weight) + bias

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensor()
        of_x, of_weight, of_bias = ctx.wanted
        ones = paddle.ones([1, gradient.shape[0]], gradient.dtype)
        return (
            paddle.matmul(gradient, weight, transpose_y=True) if of_x else None,
            paddle.matmul(x, gradient, transpose_x=True) if of_weight else None,
            paddle.matmul(ones, gradient).reshape([-1]) if of_bias else None,
        )


def affine(x: paddle.Tensor, weight: paddle.Tensor, bias: paddle.Tensor) -> paddle.Tensor:
    """``paddle.nn.functional.linear`` of a matrix [rows, in], for training on a processor.

    Paddle sums the gradient of a bias on one core; as a product with a row of ones it is as fast as
    the rest. Elsewhere it is ``linear`` itself, which GPUs and mixed precision have kernels for.
    """
    if paddle.in_dynamic_mode() and x.place.is_cpu_place():
        return _Affine.apply(x, weight, bias)
    return paddle.nn.functional.linear(x, weight, bias)

"""Our LayerNorm against the formula, and against Paddle's."""

import numpy as np
import paddle
import pytest
from paddle import nn

from common.training.layer_norm import ProcessorLayerNorm, use_processor_layer_norm


def closed_form(x, weight, g, epsilon=1e-5):
    """Gradients of input, weight and bias in float64; rows and columns."""
    x, weight, g = (np.asarray(a, np.float64) for a in (x, weight, g))
    centred = x - x.mean(1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(1, keepdims=True) + epsilon)
    normalised, h = centred / deviation, g * weight
    of_x = h - h.mean(1, keepdims=True) - normalised * (h * normalised).mean(1, keepdims=True)
    return of_x / deviation, (g * normalised).sum(0), g.sum(0)


def layer_norm() -> nn.LayerNorm:
    layer = nn.LayerNorm(16)
    layer.weight.set_value(paddle.randn([16]))
    layer.bias.set_value(paddle.randn([16]))
    use_processor_layer_norm(nn.Sequential(layer))
    return layer


@pytest.mark.parametrize("shape", [[5, 16], [2, 3, 16], [1, 16]])
@pytest.mark.parametrize("frozen", [(), ("weight",), ("bias",), ("weight", "bias")])
def test_gradients_are_the_formulas_whatever_is_frozen(shape, frozen):
    paddle.seed(0)
    layer, x, g = layer_norm(), 3 + paddle.randn(shape), paddle.randn(shape)
    for name in frozen:
        getattr(layer, name).stop_gradient = True
    x.stop_gradient = False
    (layer(x) * g).sum().backward()
    rows = [tensor.detach().numpy().reshape(-1, 16) for tensor in (x, g)]
    of_x, of_weight, of_bias = closed_form(rows[0], layer.weight.detach().numpy(), rows[1])
    # float32's rounding of sums of at most 16 values of size 1.
    assert x.grad.numpy().reshape(-1, 16) == pytest.approx(of_x, abs=1e-5)
    for name, expected in (("weight", of_weight), ("bias", of_bias)):
        found = getattr(layer, name).grad
        assert found is None if name in frozen else found.numpy() == pytest.approx(expected, abs=1e-5)


def test_values_are_paddles():
    paddle.seed(0)
    layer, x = layer_norm(), paddle.randn([4, 16])
    found = layer(x)
    layer.__class__ = nn.LayerNorm
    assert (found == layer(x)).all()


def test_layers_are_replaced_where_they_are_the_same():
    model = nn.Sequential(nn.LayerNorm(4), nn.LayerNorm([2, 4]), nn.LayerNorm(4, bias_attr=False))
    names = [name for name, _ in model.named_parameters()]
    use_processor_layer_norm(model)
    assert [type(layer) for layer in model] == [ProcessorLayerNorm, nn.LayerNorm, nn.LayerNorm]
    assert [name for name, _ in model.named_parameters()] == names


def test_other_types_are_paddles():
    layer = nn.LayerNorm(4)
    layer.to(dtype="float64")
    use_processor_layer_norm(nn.Sequential(layer))
    assert layer(paddle.rand([2, 4]).astype("float64")).dtype == paddle.float64

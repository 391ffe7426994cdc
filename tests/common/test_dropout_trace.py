"""What the traced pass sees, and that it leaves everything as it was."""

import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn
from paddle.nn.functional import dropout as dropout_by_name

from common.regularization.placement import check_placement, faults


class Applied(nn.Layer):
    """A layer that applies a function."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def test_a_function_imported_by_name_is_seen():
    model = nn.Sequential(
        nn.Linear(8, 8), Applied(lambda x: dropout_by_name(x, 0.8)), nn.BatchNorm1D(8), nn.Linear(8, 2)
    )
    found = faults(check_placement(model, paddle.rand([4, 8])))
    assert [(finding.layer, finding.reason) for finding in found] == [
        ("1", "rate 0.8 is above 0.7"),
        ("1", "dropout reaches a batch normalisation"),
    ]


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.SimpleRNN])
def test_the_rate_between_recurrent_layers_is_seen(kind):
    model = nn.Sequential(kind(4, 4, num_layers=2, dropout=0.9), Applied(lambda outputs: outputs[0]))
    found = faults(check_placement(model, paddle.rand([2, 3, 4])))
    assert [(f.layer, f.reason) for f in found] == [("0", "rate 0.9 is above 0.7")]
    single = nn.Sequential(kind(4, 4, dropout=0.9), Applied(lambda outputs: outputs[0]))
    assert faults(check_placement(single, paddle.rand([2, 3, 4]))) == []


def test_dropout_behind_a_frozen_layer_is_seen_and_the_layer_stays_frozen():
    model = nn.Sequential(nn.Embedding(9, 8), nn.Dropout(0.8), Applied(lambda x: x.mean(1)), nn.Linear(8, 2))
    model[0].weight.stop_gradient = True
    found = faults(check_placement(model, paddle.randint(0, 9, [2, 5])))
    assert {finding.reason for finding in found} == {"rate 0.8 is above 0.7", "dropout reaches a pooling"}
    assert model[0].weight.stop_gradient


def test_of_dropout_without_gradient_the_rate_is_seen():
    @paddle.no_grad()
    def noisy(x):
        return F.dropout(x, 0.9)

    found = faults(check_placement(nn.Sequential(Applied(noisy), nn.Linear(8, 2)), paddle.rand([4, 8])))
    assert ("0", "rate 0.9 is above 0.7") in {(f.layer, f.reason) for f in found}


class Pictures(nn.Layer):
    """Drops pixels that it takes from a dictionary."""

    def __init__(self):
        super().__init__()
        self.dropout, self.last = nn.Dropout(0.2), nn.Conv2D(3, 2, 3)

    def forward(self, inputs):
        return self.last(self.dropout(inputs["image"].astype("float32") / 255))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_pixels_in_a_dictionary_are_the_models_input(dtype):
    inputs = {"image": paddle.ones([2, 3, 8, 8], dtype=dtype), "sizes": [[8, 8], (8, 8)]}
    found = faults(check_placement(Pictures(), inputs))
    assert [(f.layer, f.reason) for f in found] == [("dropout", "dropout on the model's input")]


def test_an_attribute_called_dropout_rate_is_no_dropout():
    described = Applied(lambda x: (x, x))
    described.dropout_rate = 0.9
    assert faults(check_placement(nn.Sequential(nn.Linear(8, 2), described), paddle.rand([4, 8]))) == []


class Counting(nn.Layer):
    """Counts its calls in a buffer that no checkpoint holds, and draws random numbers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", paddle.zeros([1]), persistable=False)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        self.calls = self.calls + 1
        return self.last(F.dropout(self.last(x).tile([1, 4]), 0.2))


def test_random_generators_and_buffers_are_as_before():
    model = Counting()
    paddle.seed(5)
    expected = paddle.rand([4])
    paddle.seed(5)
    check_placement(model, paddle.ones([4, 8]))
    assert (paddle.rand([4]) == expected).all()
    assert model.calls.item() == 0


def test_everything_is_as_before_when_the_model_fails():
    model = nn.Sequential(nn.Linear(8, 8), Applied(lambda x: x.no_such_method()))
    model.eval()
    before, reduction = F.dropout, paddle._C_ops.mean
    with pytest.raises(AttributeError):
        check_placement(model, paddle.rand([4, 8]))
    assert F.dropout is before and paddle._C_ops.mean is reduction
    assert not any(layer.training for layer in model.sublayers(include_self=True))

"""Our forward pass against PaddleNLP's, on the same layers."""

import numpy as np
import paddle
import pytest

from common.training.affine import affine
from tasks.sentiment.encoding import is_supported
from tasks.sentiment.model import SentimentModel
from tests.sentiment.encoder_folders import FAMILIES, new_encoder


@pytest.fixture(params=FAMILIES)
def encoder(request):
    paddle.seed(0)
    return new_encoder(request.param)


def padded_ids(encoder) -> paddle.Tensor:
    config = encoder.config
    ids = np.random.default_rng(0).integers(5, config.vocab_size, (3, 9))
    ids[1, 6:] = ids[2, 2:] = config.pad_token_id
    return paddle.to_tensor(ids)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_outputs_and_gradients_are_paddlenlps(encoder, pooling):
    model = SentimentModel(encoder, 3, 0.0, pooling)
    model.eval()
    found = {}
    for fewer in (True, False):
        model.in_fewer_operations = fewer
        logits = model(padded_ids(encoder))
        (logits * paddle.arange(9, dtype="float32").reshape([3, 3])).sum().backward()
        gradients = {n: p.grad.numpy() for n, p in model.named_parameters() if p.grad is not None}
        found[fewer] = (logits.numpy(), gradients)
        model.clear_gradients()
    # Sums in another order: float32's rounding, over gradients of size 1.
    assert found[True][0] == pytest.approx(found[False][0], abs=1e-5)
    # PaddleNLP gives a gradient of zeros to what only other tokens need; ours may give none.
    for name, expected in found[False][1].items():
        given = found[True][1].get(name, np.zeros_like(expected))
        assert given == pytest.approx(expected, abs=2e-5), name


def test_padding_changes_nothing(encoder):
    model = SentimentModel(encoder, 3, 0.0, "cls")
    model.eval()
    ids = padded_ids(encoder)
    alone = model(ids[1:2, :6])
    assert model(ids)[1].numpy() == pytest.approx(alone[0].numpy(), abs=1e-5)


def test_every_dropout_of_the_encoder_drops(encoder):
    assert is_supported(encoder)
    model = SentimentModel(encoder, 3, 0.0, "cls")
    model.train()
    places = [block.self_attn for block in encoder.encoder.layers]
    places += [
        getattr(b, name) for b in encoder.encoder.layers for name in ("dropout", "dropout1", "dropout2")
    ]
    for place in places:
        _only(model, place)
        assert (model(padded_ids(encoder)) != model(padded_ids(encoder))).any(), place


def _only(model: SentimentModel, place: paddle.nn.Layer) -> None:
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.Dropout):
            layer.p = 0.5 if layer is place else 0.0
        elif isinstance(layer, paddle.nn.MultiHeadAttention):
            layer.dropout = 0.5 if layer is place else 0.0


@pytest.mark.parametrize("frozen", [(), (0,), (1, 2)])
def test_an_affine_map_and_its_gradients_are_linears(frozen):
    paddle.seed(0)
    tensors = [paddle.randn(shape) for shape in ([7, 4], [4, 3], [3])]
    found = []
    for function in (affine, paddle.nn.functional.linear):
        given = [tensor.clone().detach() for tensor in tensors]
        for number, tensor in enumerate(given):
            tensor.stop_gradient = number in frozen
        output = function(*given)
        (output**2).sum().backward()
        gradients = [tensor.grad for tensor in given]
        assert [g is None for g in gradients] == [number in frozen for number in range(3)]
        found.append([output.numpy(), *(g.numpy() for g in gradients if g is not None)])
    for one, other in zip(*found):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-5)

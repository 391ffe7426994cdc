"""Which parameters are decayed, and how much."""

import paddle
import pytest
from hypothesis import given
from hypothesis import settings as run_with
from hypothesis import strategies as st
from paddle import nn

from common.config import Optim
from common.errors import UserError
from common.regularization.parameter_groups import merge_groups, parameter_settings
from common.training.optimizer import build_optimizer, clip_gradients


def small_model() -> nn.Layer:
    return nn.Sequential(
        nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4), nn.Flatten(), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2)
    )


def depth_of(name: str) -> int:
    return {"0": 0, "1": 0, "3": 1, "4": 1, "5": 2}[name.split(".")[0]]


def test_weights_are_decayed_biases_and_norms_are_not():
    settings = {s.name: s for s in parameter_settings(small_model(), weight_decay=0.1)}
    decayed = {name for name, s in settings.items() if s.weight_decay > 0}
    assert decayed == {"0.weight", "3.weight", "5.weight"}
    assert settings["1.weight"].rule == settings["4.bias"].rule == "normalisation"
    assert settings["0.bias"].rule == "bias"
    assert not any("_mean" in name or "_variance" in name for name in settings)


def test_attention_biases_are_biases():
    settings = parameter_settings(nn.TransformerEncoderLayer(8, 2, 16), weight_decay=0.1)
    assert all(s.rule == "bias" for s in settings if "bias" in s.name and "norm" not in s.name)
    assert sum(s.rule == "weight" for s in settings) == 6


def test_layer_wise_factors_follow_the_formula():
    settings = parameter_settings(
        small_model(),
        weight_decay=0.1,
        layer_decay=0.5,
        weight_decay_layer_decay=0.9,
        depth_of=depth_of,
    )
    found = {s.name: (s.lr_scale, s.weight_decay) for s in settings}
    assert found["5.weight"] == pytest.approx((1.0, 0.1))
    assert found["3.weight"] == pytest.approx((0.5, 0.09))
    assert found["0.weight"] == pytest.approx((0.25, 0.081))
    assert found["1.bias"] == (0.25, 0.0)


def test_a_parameter_without_a_depth_matters_only_to_layer_wise_decay():
    def unknown(name: str):
        return None if name.startswith("3") else depth_of(name)

    assert parameter_settings(small_model(), 0.1, depth_of=unknown)
    with pytest.raises(UserError, match="3.weight"):
        parameter_settings(small_model(), 0.1, layer_decay=0.9, depth_of=unknown)


def test_frozen_parameters_are_listed_but_in_no_group_and_shared_ones_come_once():
    model = small_model()
    model[0].weight.stop_gradient = True
    model.add_sublayer("again", model[5])
    settings = parameter_settings(model, weight_decay=0.1)
    assert [s.rule for s in settings if s.name == "0.weight"] == ["frozen"]
    grouped = [id(p) for group in merge_groups(settings) for p in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(settings) - 1


LAYERS = {
    "linear": lambda: nn.Linear(3, 3),
    "convolution": lambda: nn.Conv2D(3, 3, 1),
    "batch norm": lambda: nn.BatchNorm1D(3),
    "layer norm": lambda: nn.LayerNorm(3),
    "group norm": lambda: nn.GroupNorm(1, 3),
    "instance norm": lambda: nn.InstanceNorm2D(3),
    "embedding": lambda: nn.Embedding(4, 3),
    "attention": lambda: nn.TransformerEncoderLayer(4, 2, 4),
    "recurrent": lambda: nn.LSTM(3, 3),
    "parameter-free": lambda: nn.ReLU(),
}


@run_with(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6), st.data())
def test_any_model_has_every_trainable_parameter_in_one_group(names, data):
    model = nn.Sequential(*(LAYERS[name]() for name in names))
    for parameter in model.parameters():
        if not parameter.stop_gradient and data.draw(st.booleans()):
            parameter.stop_gradient = True
    found = parameter_settings(model, weight_decay=0.1)
    grouped = [id(p) for group in merge_groups(found) for p in group["params"]]
    trainable = [id(p) for p in model.parameters() if not p.stop_gradient]
    assert sorted(grouped) == sorted(trainable)
    assert not [s.name for s in found if s.weight_decay and ("bias" in s.name or "Norm" in s.layer)]


def test_equal_settings_share_a_group_and_integers_become_floats():
    groups = merge_groups(parameter_settings(small_model(), weight_decay=0))
    assert len(groups) == 1
    groups = merge_groups(parameter_settings(small_model(), weight_decay=1))
    assert sorted(group["weight_decay"] for group in groups) == [0.0, 1.0]
    assert all(isinstance(group["weight_decay"], float) for group in groups)


def step_with_zero_gradient(name: str, decay: float, rate: float) -> tuple[float, float]:
    layer = nn.Linear(1, 1)
    layer.weight.set_value(paddle.ones([1, 1]))
    layer.bias.set_value(paddle.ones([1]))
    settings = parameter_settings(layer, weight_decay=decay)
    optimizer = build_optimizer(Optim(name=name, learning_rate=rate), settings)
    (layer(paddle.zeros([1, 1])) * 0).sum().backward()
    optimizer.step()
    return float(layer.weight), float(layer.bias)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adamw", 1 - 0.1 * 0.5),
        ("sgd", 1 - 0.1 * 0.5),
        ("momentum", 1 - 0.1 * 0.5),
        # Coupled: Adam divides the decay's gradient by its own size, whatever its strength.
        ("adam", 1 - 0.1),
    ],
)
def test_one_step_without_gradient_shrinks_the_weight_by_its_closed_form(name, expected):
    weight, bias = step_with_zero_gradient(name, decay=0.5, rate=0.1)
    assert weight == pytest.approx(expected, abs=1e-6)
    assert bias == 1.0


def test_the_articles_adamw_decay_changes_no_bit_of_a_weight():
    weight, _ = step_with_zero_gradient("adamw", decay=5e-5, rate=5e-4)
    assert weight == 1.0
    weight, _ = step_with_zero_gradient("adamw", decay=0.01, rate=5e-4)
    assert weight < 1.0


def test_the_rate_scale_multiplies_the_scheduled_rate():
    model = small_model()
    settings = parameter_settings(model, 0.0, layer_decay=0.5, depth_of=depth_of)
    optimizer = build_optimizer(Optim(name="sgd", learning_rate=1.0), settings)
    before = {s.name: s.parameter.clone() for s in settings}
    for setting in settings:
        setting.parameter.grad = paddle.ones_like(setting.parameter)
    optimizer.set_lr(0.2)
    optimizer.step()
    for setting in settings:
        moved = (before[setting.name] - setting.parameter).numpy()
        assert moved == pytest.approx(0.2 * setting.lr_scale, abs=1e-6)


def test_clipping_is_over_all_groups_together():
    layer = nn.Linear(1, 1)
    settings = parameter_settings(layer, weight_decay=0.1)
    assert len(merge_groups(settings)) == 2
    layer.weight.grad = paddle.full([1, 1], 3.0)
    layer.bias.grad = paddle.full([1], 4.0)
    clip_gradients(settings, 1.0)
    assert float(layer.weight.grad) == pytest.approx(0.6, abs=1e-5)
    assert float(layer.bias.grad) == pytest.approx(0.8, abs=1e-5)


def test_small_gradients_and_a_norm_of_zero_are_left_alone():
    layer = nn.Linear(1, 1, bias_attr=False)
    settings = parameter_settings(layer, weight_decay=0.1)
    for clip_norm, gradient in ((0.0, 5.0), (10.0, 5.0)):
        layer.weight.grad = paddle.full([1, 1], gradient)
        clip_gradients(settings, clip_norm)
        assert float(layer.weight.grad) == gradient

"""Which parameters are decayed, and how much."""

import math

import paddle
import pytest
from paddle import nn

from common.config_fields import Optim
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


def test_freezing_a_layer_leaves_the_factors_of_the_others():
    def unknown(name: str):
        return None if name.startswith("4") else depth_of(name)

    model = small_model()
    expected = {s.name: s for s in parameter_settings(model, 0.1, 0.5, 0.9, depth_of=depth_of)}
    for frozen in (model[5], model[4]):
        for parameter in frozen.parameters():
            parameter.stop_gradient = True
    for setting in parameter_settings(model, 0.1, 0.5, 0.9, depth_of=unknown):
        assert setting.rule == "frozen" or setting == expected[setting.name]


def test_frozen_parameters_are_listed_but_in_no_group_and_shared_ones_come_once():
    model = small_model()
    model[0].weight.stop_gradient = True
    model.add_sublayer("again", model[5])
    settings = parameter_settings(model, weight_decay=0.1)
    assert [s.rule for s in settings if s.name == "0.weight"] == ["frozen"]
    grouped = [id(p) for group in merge_groups(settings) for p in group["params"]]
    assert len(grouped) == len(set(grouped)) == len(settings) - 1


def test_equal_settings_share_a_group_and_integers_become_floats():
    groups = merge_groups(parameter_settings(small_model(), weight_decay=0))
    assert len(groups) == 1
    groups = merge_groups(parameter_settings(small_model(), weight_decay=1))
    assert sorted(group["weight_decay"] for group in groups) == [0.0, 1.0]
    assert all(isinstance(group["weight_decay"], float) for group in groups)


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


@pytest.mark.parametrize("lost", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_is_not_hidden_from_any_weight(lost):
    layer = nn.Linear(1, 1)
    layer.weight.grad, layer.bias.grad = paddle.full([1, 1], lost), paddle.full([1], 4.0)
    clip_gradients(parameter_settings(layer, 0.1), 1.0)
    assert not math.isfinite(float(layer.weight.grad))
    assert math.isnan(lost) == math.isnan(float(layer.bias.grad))


def test_small_gradients_and_a_norm_of_zero_are_left_alone():
    layer = nn.Linear(1, 1, bias_attr=False)
    settings = parameter_settings(layer, weight_decay=0.1)
    for clip_norm, gradient in ((0.0, 5.0), (10.0, 5.0)):
        layer.weight.grad = paddle.full([1, 1], gradient)
        clip_gradients(settings, clip_norm)
        assert float(layer.weight.grad) == gradient


def test_a_parameter_that_needs_no_clipping_is_left_out_of_the_norm():
    model = nn.Sequential(nn.Linear(1, 1, bias_attr=False), nn.Linear(1, 1, bias_attr=False))
    model[1].weight.need_clip = False
    for layer, value in zip(model, (3.0, 100.0)):
        layer.weight.grad = paddle.to_tensor([[value]])
    clip_gradients(parameter_settings(model, 0.0), 1.0)
    assert [float(layer.weight.grad) for layer in model] == pytest.approx([1.0, 100.0])

"""Twelve ways in which regularization goes wrong in Paddle: the naive code, and ours beside it.

Each test first shows that the naive way does what it should not, so that a Paddle that
mends it is noticed, and then that ours does what is documented.
"""

import paddle
import pytest
from paddle import nn
from paddle.regularizer import L2Decay
from paddlenlp.ops.optimizer import AdamWDL
from ppdet.modeling.backbones.mobilenet_v1 import MobileNet

from common.config_fields import Optim
from common.regularization import policy_report
from common.regularization.l2_penalty import l2_penalty
from common.regularization.parameter_groups import merge_groups, parameter_settings
from common.training.optimizer import build_optimizer, clip_gradients, describe_decay


def ones(**attributes) -> nn.Linear:
    """One weight and one bias, both 1."""
    attr = paddle.ParamAttr(initializer=nn.initializer.Constant(1.0), **attributes)
    return nn.Linear(1, 1, weight_attr=attr, bias_attr=nn.initializer.Constant(1.0))


def step_of(model: nn.Layer, optimizer) -> None:
    """An update without gradient."""
    for parameter in model.parameters():
        if not parameter.stop_gradient:
            parameter.grad = paddle.zeros_like(parameter)
    optimizer.step()


def step(layer: nn.Layer, optimizer) -> float:
    step_of(layer, optimizer)
    return layer.weight.item()


def ours(layer: nn.Layer, name: str, decay: float, rate: float = 0.1, **policy):
    return build_optimizer(Optim(name=name, learning_rate=rate), parameter_settings(layer, decay, **policy))


def article_l2_loss(model: nn.Layer, decay: float):
    """The article's explicit penalty, as it prints it."""
    total = None
    for parameter in model.parameters():
        if parameter.regularizer is None:
            term = decay * paddle.sum(parameter**2)
            total = term if total is None else total + term
    return total


def test_1_a_filter_on_generated_names_finds_no_bias():
    layer = nn.Linear(2, 2)
    assert [p for p in layer.parameters() if "bias" in p.name] == []
    assert {s.name: s.weight_decay for s in parameter_settings(layer, 0.1)} == {"weight": 0.1, "bias": 0.0}


def test_2_running_statistics_are_listed_as_parameters():
    layer = nn.BatchNorm2D(2)
    assert {"_mean", "_variance"} <= {name for name, _ in layer.named_parameters()}
    assert [s.name for s in parameter_settings(layer, 0.1)] == ["weight", "bias"]


def test_3_groups_are_clipped_each_alone():
    layer = ones()
    groups = [{"params": [p]} for p in layer.parameters()]
    clip = nn.ClipGradByGlobalNorm(1.0)
    naive = paddle.optimizer.SGD(1.0, parameters=groups, grad_clip=clip)
    layer.weight.grad, layer.bias.grad = paddle.full([1, 1], 3.0), paddle.full([1], 4.0)
    naive.step()
    assert (layer.weight.item(), layer.bias.item()) == pytest.approx((0.0, 0.0), abs=1e-5)

    layer = ones()
    settings = parameter_settings(layer, 0.1)
    layer.weight.grad, layer.bias.grad = paddle.full([1, 1], 3.0), paddle.full([1], 4.0)
    clip_gradients(settings, 1.0)
    assert (layer.weight.grad.item(), layer.bias.grad.item()) == pytest.approx((0.6, 0.8), abs=1e-5)


def test_4_groups_erase_the_regularizer_of_a_parameter_and_momentum_changes_the_callers_groups():
    layer = ones(regularizer=L2Decay(0.0))
    group = {"params": [layer.weight], "weight_decay": 0.5}
    naive = paddle.optimizer.Momentum(0.1, 0.9, parameters=[group])
    assert group.keys() != {"params", "weight_decay"} or group["weight_decay"] != 0.5
    assert step(layer, naive) == pytest.approx(0.95)

    layer = ones(regularizer=L2Decay(0.0))
    assert step(layer, ours(layer, "momentum", 0.5)) == 1.0
    layer = ones(regularizer=L2Decay(0.0))
    assert step(layer, ours(layer, "momentum", 0.5, param_attr="override")) == pytest.approx(0.95)


def test_5_groups_mark_every_parameter_for_good():
    layer = ones(learning_rate=0.5)
    groups = [{"params": [p], "weight_decay": 0.1} for p in layer.parameters()]
    paddle.optimizer.SGD(0.1, parameters=groups)
    assert layer.weight.optimize_attr["learning_rate"] == 1.0
    assert article_l2_loss(layer, 0.1) is None

    layer = ones(learning_rate=0.5)
    first = parameter_settings(layer, 0.1)
    build_optimizer(Optim(name="sgd"), first)
    second = parameter_settings(layer, 0.1)
    assert second == first and second[0].lr_scale == 0.5
    assert l2_penalty(merge_groups(second)).item() == pytest.approx(0.05)


def test_6_ppdets_mobilenet_exempts_its_convolutions():
    model = MobileNet(feature_maps=[4, 6, 13])
    naive = paddle.optimizer.Momentum(0.1, 0.9, parameters=model.parameters(), weight_decay=0.5)
    weight = model.conv1._conv.weight
    before = weight.numpy()
    step_of(model, naive)
    assert (weight.numpy() == before).all()

    convolutions = [s for s in parameter_settings(model, 0.1) if s.layer == "Conv2D"]
    assert len(convolutions) > 20 and {s.weight_decay for s in convolutions} == {0.0}
    overridden = [
        s for s in parameter_settings(model, 0.1, param_attr="override") if s.name.endswith("conv.weight")
    ]
    assert len(overridden) > 20 and {s.weight_decay for s in overridden} == {0.1}
    step_of(model, ours(model, "momentum", 0.5, param_attr="override"))
    assert weight.numpy() == pytest.approx(0.95 * before, rel=1e-5)


def test_7_a_whole_number_as_decay_of_a_group_fails_at_the_first_step():
    layer = ones()
    groups = [{"params": layer.parameters(), "weight_decay": 0}]
    naive = paddle.optimizer.Momentum(0.1, 0.9, parameters=groups)
    with pytest.raises(TypeError, match="'int' object is not callable"):
        step(layer, naive)
    layer = ones()
    assert step(layer, ours(layer, "momentum", 0)) == 1.0
    assert step(layer, ours(layer, "momentum", 1)) == pytest.approx(0.9)


def test_8_adamw_never_takes_the_regularizer_of_a_parameter_for_its_decay():
    # An exemption is ignored, and any other strength comes on top, as Adam's coupled step of one rate.
    for strength, expected in ((0.0, 0.95), (0.3, 0.95 - 0.1)):
        layer = ones(regularizer=L2Decay(strength))
        naive = paddle.optimizer.AdamW(0.1, parameters=layer.parameters(), weight_decay=0.5)
        assert step(layer, naive) == pytest.approx(expected)
    for strength, expected in ((0.0, 1.0), (0.3, 1 - 0.1 * 0.3)):
        layer = ones(regularizer=L2Decay(strength))
        assert step(layer, ours(layer, "adamw", 0.5)) == pytest.approx(expected)


@pytest.mark.parametrize("first", ["sgd", "adam", "momentum", "adamw"])
def test_8_a_second_optimizer_finds_no_regularizer_of_the_first(first):
    layer = ones()
    ours(layer, first, 0.3)
    assert step(layer, ours(layer, "adamw", 0.5)) == pytest.approx(0.95)


def test_9_neither_paddles_nor_paddlenlps_layer_wise_rate_runs_on_a_processor():
    layer = ones()
    with pytest.raises(NotImplementedError):
        paddle.optimizer.AdamW(0.1, parameters=layer.parameters(), lr_ratio=lambda p: 0.5)
    names = {parameter.name: name for name, parameter in layer.named_parameters()}
    with pytest.raises(TypeError, match="param_group_idx"):
        step(layer, AdamWDL(0.1, parameters=layer.parameters(), layerwise_decay=0.5, name_dict=names))

    model = nn.Sequential(ones(), ones())
    settings = parameter_settings(model, 0.5, layer_decay=0.5, depth_of=lambda name: int(name[0]))
    optimizer = build_optimizer(Optim(name="adamw", learning_rate=0.1), settings)
    step_of(model, optimizer)
    assert model[0].weight.item() == pytest.approx(1 - 0.1 * 0.5 * 0.5)
    assert model[1].weight.item() == pytest.approx(1 - 0.1 * 0.5)


def test_10_adams_decay_is_coupled_and_wears_away_rows_that_are_never_seen():
    layer = ones()
    naive = paddle.optimizer.Adam(0.1, parameters=layer.parameters(), weight_decay=0.5)
    assert step(layer, naive) == pytest.approx(0.9, abs=1e-5)
    settings = parameter_settings(ones(), 0.5)
    assert ", coupled" in describe_decay(Optim(name="adam"), settings)
    assert ", decoupled" in describe_decay(Optim(name="adamw"), settings)

    moved = {}
    for name in ("adam", "adamw"):
        table = nn.Embedding(2, 1, weight_attr=nn.initializer.Constant(1.0))
        optimizer = ours(table, name, 0.01)
        table(paddle.to_tensor([0])).sum().backward()
        optimizer.step()
        moved[name] = 1 - table.weight.numpy()[1, 0]
    assert moved["adam"] == pytest.approx(0.1, rel=1e-3)
    assert moved["adamw"] == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_11_the_articles_adamw_setting_does_nothing_and_is_said_to():
    layer = ones()
    naive = paddle.optimizer.AdamW(5e-4, parameters=layer.parameters(), weight_decay=5e-5)
    assert step(layer, naive) == 1.0
    optim, rates = Optim(name="adamw"), [5e-4] * 1000
    warned = policy_report.warnings(policy_report.group_rows(parameter_settings(layer, 5e-5), optim, rates))
    assert len(warned) == 1 and "weight_decay 5e-05 (1 tensors) does nothing" in warned[0]
    assert (
        policy_report.warnings(policy_report.group_rows(parameter_settings(layer, 0.05), optim, rates)) == []
    )


def test_12_paddle_adds_its_decay_after_clipping_and_a_penalty_in_the_loss_is_clipped():
    def update(optimizer_of, loss_of=lambda layer: 0.0) -> float:
        layer = ones()
        optimizer, clip = optimizer_of(layer)
        (30.0 * layer.weight.sum() + loss_of(layer)).backward()
        clip()
        optimizer.step()
        return layer.weight.item()

    def naive(layer):
        clip = nn.ClipGradByGlobalNorm(1.0)
        weights = [layer.weight]
        return paddle.optimizer.SGD(0.1, parameters=weights, weight_decay=0.5, grad_clip=clip), lambda: None

    def mended(explicit: bool):
        def build(layer):
            settings = parameter_settings(layer, 0.5)
            optim = Optim(name="sgd", learning_rate=0.1, explicit_l2=explicit)
            return build_optimizer(optim, settings), lambda: clip_gradients(settings, 1.0)

        return build

    def penalty(layer):
        return l2_penalty(merge_groups(parameter_settings(layer, 0.5)))

    clipped_first, clipped_together = 1 - 0.1 * (1.0 + 0.5), 1 - 0.1 * 1.0
    assert update(naive) == pytest.approx(clipped_first, abs=1e-6)
    assert update(mended(False)) == pytest.approx(clipped_first, abs=1e-6)
    assert update(mended(True), penalty) == pytest.approx(clipped_together, abs=1e-6)


def test_12_a_penalty_in_each_micro_batch_counts_several_times():
    layer, micro_batches = ones(), 4
    settings = parameter_settings(layer, 0.5)
    for _ in range(micro_batches):
        (layer.weight.sum() * 0 + article_l2_loss(layer, 0.5)).backward()
    # The article's penalty also lacks the 1/2 of its own formula and takes the bias in.
    assert layer.weight.grad.item() == pytest.approx(micro_batches * 2 * 0.5)
    layer.clear_gradients()
    for _ in range(micro_batches):
        (layer.weight.sum() * 0).backward()
    l2_penalty(merge_groups(settings)).backward()
    assert layer.weight.grad.item() == pytest.approx(0.5)

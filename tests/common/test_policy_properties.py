"""The policy on random models."""

import re

import paddle
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle import nn
from paddle.regularizer import L2Decay

from common.config_fields import Rule
from common.regularization.parameter_groups import merge_groups, parameter_settings

EXEMPT_BY_ATTR = paddle.ParamAttr(learning_rate=0.5, regularizer=L2Decay(0.0))

# What a layer is made of: its parameters that are normalisation or bias, and its running statistics.
LAYERS = {
    "linear": (lambda: nn.Linear(3, 3), {"bias"}),
    "declared": (lambda: nn.Linear(3, 3, weight_attr=EXEMPT_BY_ATTR), {"bias", "weight"}),
    "convolution": (lambda: nn.Conv2D(3, 3, 1), {"bias"}),
    "batch norm 1d": (lambda: nn.BatchNorm1D(3), {"weight", "bias"}),
    "batch norm 2d": (lambda: nn.BatchNorm2D(3), {"weight", "bias"}),
    "synchronised batch norm": (lambda: nn.SyncBatchNorm(3), {"weight", "bias"}),
    "layer norm": (lambda: nn.LayerNorm(3), {"weight", "bias"}),
    "group norm": (lambda: nn.GroupNorm(1, 3), {"weight", "bias"}),
    "instance norm": (lambda: nn.InstanceNorm2D(3), {"scale", "bias"}),
    "weight norm": (lambda: nn.utils.weight_norm(nn.Linear(3, 3)), {"weight_g", "bias"}),
    "embedding": (lambda: nn.Embedding(4, 3), set()),
    "recurrent": (lambda: nn.LSTM(3, 3), {"bias_ih_l0", "bias_hh_l0"}),
    "parameter-free": (lambda: nn.ReLU(), set()),
}


@st.composite
def models(draw) -> nn.Sequential:
    """Layers, some of them twice, some tables and matrices shared, some parameters frozen."""
    names = draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6))
    layers = [LAYERS[name][0]() for name in names]
    for layer, name in zip(layers, names):
        layer.exempt = LAYERS[name][1]
    layers += draw(st.lists(st.sampled_from(layers), max_size=2, unique_by=id))
    if draw(st.booleans()):
        tied = nn.Linear(4, 3, bias_attr=False)
        table = nn.Embedding(4, 3)
        tied.weight, tied.exempt, table.exempt = table.weight, set(), set()
        layers += draw(st.permutations([tied, table]))
    model = nn.Sequential(*layers)
    for parameter in model.parameters():
        if not parameter.stop_gradient and draw(st.booleans()):
            parameter.stop_gradient = True
    return model


def statistics(model: nn.Layer) -> set[int]:
    return {id(p) for name, p in model.named_parameters() if name.endswith(("._mean", "._variance"))}


@settings(max_examples=60, deadline=None)
@given(models(), st.data())
def test_every_trainable_parameter_is_in_one_group_and_no_bias_or_norm_decays(model, data):
    layer_decay = data.draw(st.sampled_from([1.0, 0.5]))
    parameters = {id(p): p for p in model.parameters()}
    listed = {i: p for i, p in parameters.items() if i not in statistics(model)}
    names = [n for n, p in model.named_parameters() if id(p) in listed and not p.stop_gradient]
    rules = []
    if names and data.draw(st.booleans()):
        rules = [Rule(re.escape(data.draw(st.sampled_from(names))), weight_decay=2.0, learning_rate=3.0)]
    found = parameter_settings(
        model, 0.1, layer_decay, 1.0, lambda name: int(name.split(".")[0]), rules=rules
    )
    grouped = [p for group in merge_groups(found) for p in group["params"]]
    trainable = {i for i, p in listed.items() if not p.stop_gradient}
    assert sorted(map(id, grouped)) == sorted(trainable)
    assert {id(s.parameter) for s in found} == set(listed) and len(found) == len(listed)
    assert sum(int(p.size) for p in grouped) == sum(int(listed[i].size) for i in trainable)
    exempt = {id(getattr(layer, name)) for layer in model for name in layer.exempt}
    assert all((s.weight_decay == 0) == (id(s.parameter) in exempt or s.rule == "frozen") for s in found)


@settings(max_examples=30, deadline=None)
@given(models())
def test_each_depth_and_rule_has_its_factor(model):
    def depth_of(name: str) -> int:
        return int(name.split(".")[0])

    flat = {s.name: s for s in parameter_settings(model, 0.1)}
    top = max((depth_of(name) for name in flat), default=0)
    for setting in parameter_settings(model, 0.1, 0.5, 0.25, depth_of):
        below, before = top - depth_of(setting.name), flat[setting.name]
        assert setting.lr_scale == before.lr_scale * 0.5**below
        assert setting.weight_decay == before.weight_decay * 0.25**below

"""Rules by name, what ParamAttr says, and embeddings, on top of the type of the layer."""

import copy

import paddle
import pytest
from paddle import nn
from paddle.incubate import nn as fused
from paddle.regularizer import L1Decay, L2Decay
from paddlenlp.transformers import LlamaConfig
from paddlenlp.transformers.llama.modeling import LlamaRMSNorm
from paddlenlp.transformers.t5.modeling import T5LayerNorm

from common.config_fields import Optim, Rule
from common.errors import UserError
from common.regularization.parameter_groups import parameter_settings
from common.training.optimizer import build_optimizer


def network() -> nn.Layer:
    return nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 4), nn.LayerNorm(4), nn.Linear(4, 2))


def declared_layer() -> nn.Linear:
    """Its weight is exempt and slow by ParamAttr, as the convolutions of ppdet's MobileNets."""
    return nn.Linear(2, 2, weight_attr=paddle.ParamAttr(learning_rate=0.5, regularizer=L2Decay(0.0)))


def by_name(*arguments, **options):
    return {setting.name: setting for setting in parameter_settings(*arguments, **options)}


def test_the_first_matching_rule_multiplies_both_and_is_named():
    rules = [Rule("1[.].*", weight_decay=0.5, learning_rate=0.1), Rule("[13][.]weight", weight_decay=3.0)]
    found = by_name(network(), 0.1, rules=rules)
    assert found["1.weight"].weight_decay == pytest.approx(0.05)
    assert found["1.weight"].lr_scale == pytest.approx(0.1)
    assert found["1.weight"].rule == "1[.].*"
    assert found["3.weight"].weight_decay == pytest.approx(0.3)
    assert found["3.weight"].lr_scale == 1.0


def test_a_rule_cannot_make_a_bias_decay():
    found = by_name(network(), 0.1, rules=[Rule(".*", weight_decay=7.0, learning_rate=2.0)])
    assert found["1.bias"].weight_decay == 0.0 and found["2.weight"].weight_decay == 0.0
    assert found["1.bias"].lr_scale == 2.0


@pytest.mark.parametrize("pattern", ["weight", "4[.].*"])
def test_a_rule_that_matches_no_whole_name_is_an_error_that_names_a_near_one(pattern):
    with pytest.raises(UserError, match="matches no whole parameter name, expected one such as"):
        parameter_settings(network(), 0.1, rules=[Rule(pattern)])


def test_a_rule_that_decides_nothing_is_an_error():
    with pytest.raises(UserError, match="pattern '1.weight' decides nothing"):
        parameter_settings(network(), 0.1, rules=[Rule(".*"), Rule("1.weight")])
    model = network()
    model[0].weight.stop_gradient = True
    with pytest.raises(UserError, match="pattern '0.*' decides nothing"):
        parameter_settings(model, 0.1, rules=[Rule("0.*")])


def test_rules_multiply_the_layer_wise_factors():
    found = by_name(network(), 0.1, 0.5, 0.9, lambda name: int(name[0]), rules=[Rule("1[.]weight", 2.0, 3.0)])
    assert found["1.weight"].lr_scale == pytest.approx(3.0 * 0.5**2)
    assert found["1.weight"].weight_decay == pytest.approx(0.1 * 2.0 * 0.9**2)


def test_embeddings_are_decayed_by_choice():
    assert by_name(network(), 0.1)["0.weight"].weight_decay == 0.1
    exempt = by_name(network(), 0.1, decay_embeddings=False)
    assert exempt["0.weight"].weight_decay == 0.0 and exempt["0.weight"].rule == "embedding"
    assert exempt["1.weight"].weight_decay == 0.1


def test_param_attr_is_respected_or_overridden():
    respected = by_name(declared_layer(), 0.1)["weight"]
    assert (respected.weight_decay, respected.lr_scale, respected.rule) == (0.0, 0.5, "ParamAttr")
    overridden = by_name(declared_layer(), 0.1, param_attr="override")["weight"]
    assert (overridden.weight_decay, overridden.lr_scale, overridden.rule) == (0.1, 1.0, "weight")


def test_a_regularizer_that_is_not_l2_is_refused_unless_overridden():
    layer = nn.Linear(2, 2, weight_attr=paddle.ParamAttr(regularizer=L1Decay(0.1)))
    with pytest.raises(UserError, match="parameter weight: found ParamAttr.regularizer=L1Decay"):
        parameter_settings(layer, 0.1)
    assert by_name(layer, 0.1, param_attr="override")["weight"].weight_decay == 0.1


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("param_attr", ["respect", "override"])
def test_a_second_optimizer_on_the_same_model_gets_the_same_groups(name, param_attr):
    layer = declared_layer()

    def settings():
        return parameter_settings(layer, 0.1, param_attr=param_attr)

    first = settings()
    build_optimizer(Optim(name=name), first)
    assert settings() == first
    # Trap 5: Paddle's groups have overwritten the attributes that a naive second look reads.
    assert layer.weight.optimize_attr["learning_rate"] == first[0].lr_scale


def test_a_deep_copy_made_after_an_optimizer_keeps_what_paramattr_said():
    layer = declared_layer()
    build_optimizer(Optim(name="sgd"), parameter_settings(layer, 0.1, param_attr="override"))
    copied = by_name(copy.deepcopy(layer), 0.1)["weight"]
    assert (copied.weight_decay, copied.lr_scale, copied.rule) == (0.0, 0.5, "ParamAttr")


def test_a_rate_of_paramattr_is_named_as_what_decided():
    layer = nn.Linear(2, 2, weight_attr=paddle.ParamAttr(learning_rate=0.5))
    setting = by_name(layer, 0.1)["weight"]
    assert (setting.weight_decay, setting.lr_scale, setting.rule) == (0.1, 0.5, "ParamAttr")


@pytest.mark.parametrize("head_first", [False, True])
def test_a_table_that_the_output_layer_shares_is_an_embedding(head_first):
    table, head = nn.Embedding(5, 4), nn.Linear(5, 4, bias_attr=False)
    head.weight = table.weight
    model = nn.Sequential(*((head, table) if head_first else (table, head)))
    setting = by_name(model, 0.1, decay_embeddings=False)["0.weight"]
    assert (setting.weight_decay, setting.rule, setting.layer) == (0.0, "embedding", "Embedding")


def test_an_embedding_with_sparse_gradients_is_refused_unless_frozen():
    model = nn.Sequential(nn.Embedding(5, 4, sparse=True), nn.Linear(4, 2))
    with pytest.raises(UserError, match="parameter 0.weight: found an embedding with sparse=True"):
        parameter_settings(model, 0.1)
    model[0].weight.stop_gradient = True
    assert by_name(model, 0.1)["0.weight"].rule == "frozen"


NORMALISATIONS = [
    nn.BatchNorm(4),
    nn.BatchNorm1D(4),
    nn.BatchNorm2D(4),
    nn.BatchNorm3D(4),
    nn.SyncBatchNorm(4),
    nn.InstanceNorm1D(4),
    nn.InstanceNorm2D(4),
    nn.InstanceNorm3D(4),
    nn.LayerNorm(4),
    nn.GroupNorm(2, 4),
]


@pytest.mark.parametrize("layer", NORMALISATIONS, ids=lambda layer: type(layer).__name__)
def test_every_normalisation_is_exempt_and_its_running_statistics_never_appear(layer):
    settings = parameter_settings(nn.Sequential(layer), 0.1)
    assert len(settings) == 2
    assert {(s.weight_decay, s.rule) for s in settings} == {(0.0, "normalisation")}


def test_the_vectors_of_spectral_normalisation_never_appear():
    assert parameter_settings(nn.SpectralNorm([4, 3]), 0.1) == []


class ScaleNorm(nn.Layer):
    """A normalisation of somebody else, known by the end of its name."""

    def __init__(self):
        super().__init__()
        self.gain = self.create_parameter([4])


INNER = {
    "FusedBiasDropoutResidualLayerNorm": (
        lambda: fused.FusedBiasDropoutResidualLayerNorm(8),
        {"ln_scale", "ln_bias"},
    ),
    "FusedFeedForward": (lambda: fused.FusedFeedForward(8, 16), {"_ln2_scale", "_ln2_bias"}),
    "FusedFeedForward, first": (
        lambda: fused.FusedFeedForward(8, 16, normalize_before=True),
        {"_ln1_scale", "_ln1_bias"},
    ),
    "FusedMultiHeadAttention": (lambda: fused.FusedMultiHeadAttention(8, 2), {"ln_scale", "ln_bias"}),
    "weight_norm": (lambda: nn.utils.weight_norm(nn.Linear(4, 4)), {"weight_g"}),
    "a type name that ends in Norm": (ScaleNorm, {"gain"}),
    "T5LayerNorm": (lambda: T5LayerNorm(4), {"weight"}),
    "LlamaRMSNorm": (lambda: LlamaRMSNorm(LlamaConfig(hidden_size=4)), {"weight"}),
}


@pytest.mark.parametrize("name", INNER)
def test_normalisation_in_other_layers_is_exempt_and_only_it(name):
    build, exempt = INNER[name]
    found = by_name(build(), 0.1)
    assert exempt <= set(found)
    for attribute, setting in found.items():
        assert (setting.weight_decay == 0) == (attribute in exempt or "bias" in attribute), attribute

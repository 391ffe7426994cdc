"""Rules by name, what ParamAttr says, and embeddings, on top of the type of the layer."""

import paddle
import pytest
from paddle import nn
from paddle.regularizer import L1Decay, L2Decay

from common.config import Optim, Rule
from common.errors import UserError
from common.regularization.parameter_groups import merge_groups, parameter_settings
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


def test_building_an_optimizer_leaves_the_callers_groups_alone():
    settings = parameter_settings(network(), 0.1)
    groups = merge_groups(settings)
    before = [dict(group) for group in groups]
    build_optimizer(Optim(name="momentum"), settings)
    assert groups == before and merge_groups(settings) == before


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

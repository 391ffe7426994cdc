"""Which parameters are decayed, how strongly, and at which rate each layer learns.

The decision is made from the type of the layer that owns a parameter, never from the name
that Paddle generates for it (``linear_0.b_0`` contains no "bias").
"""

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Optional

import paddle
from paddle.nn.layer import norm

from common.config import Optim, Rule
from common.errors import UserError

NORMALISATION = (
    norm._BatchNormBase,
    norm._InstanceNormBase,
    paddle.nn.BatchNorm,
    paddle.nn.LayerNorm,
    paddle.nn.GroupNorm,
    paddle.nn.SpectralNorm,
)
RUNNING_STATISTICS = ("_mean", "_variance", "weight_u", "weight_v")

DepthOf = Callable[[str], Optional[int]]


@dataclass(frozen=True)
class _Declared:
    learning_rate: float
    regularizer: Any


@dataclass(frozen=True)
class ParameterSetting:
    """What the optimizer does with one parameter.

    Attributes:
        name: structured name, as in ``model.named_parameters()``.
        parameter: the parameter itself.
        layer: type of the layer that owns it.
        lr_scale: factor on the scheduled rate.
        weight_decay: coefficient of the decay, layer-wise factor included.
        rule: what decided: the pattern of a rule, ``ParamAttr``, ``frozen``, or the kind of the
            parameter: ``weight``, ``embedding``, ``bias`` or ``normalisation``.
    """

    name: str
    parameter: Any
    layer: str
    lr_scale: float
    weight_decay: float
    rule: str

    def row(self) -> dict[str, Any]:
        """The setting as a row of ``parameters.csv``."""
        return {
            "name": self.name,
            "shape": "x".join(map(str, self.parameter.shape)),
            "layer": self.layer,
            "lr_scale": self.lr_scale,
            "weight_decay": self.weight_decay,
            "rule": self.rule,
        }


def parameter_settings(
    model: paddle.nn.Layer,
    weight_decay: float,
    layer_decay: float = 1.0,
    weight_decay_layer_decay: float = 1.0,
    depth_of: Optional[DepthOf] = None,
    *,
    rules: Sequence[Rule] = (),
    decay_embeddings: bool = True,
    param_attr: Literal["respect", "override"] = "respect",
) -> list[ParameterSetting]:
    """One setting for every parameter of ``model``, shared ones once, frozen ones included.

    Normalisation parameters and biases are not decayed. With n blocks, a layer at depth k
    gets the rate factor layer_decay^(n+1-k) and the decay factor
    weight_decay_layer_decay^(n+1-k), as in ELECTRA (Clark et al. 2020): embeddings have
    depth 0, the head has depth n+1 and factor 1. The factors of the first matching rule are
    multiplied on top.

    Args:
        depth_of: depth of a parameter by its structured name; needed when either layer
            decay differs from 1.
        rules: tried in order on each structured name.
        decay_embeddings: whether the tables of embedding layers are decayed.
        param_attr: ``respect`` takes the rate of ``ParamAttr(learning_rate=...)`` as a further
            factor and the coefficient of ``ParamAttr(regularizer=L2Decay(...))`` instead of
            ``weight_decay`` and of every exemption; ``override`` ignores both.

    Raises:
        UserError: a layer decay differs from 1 and a trainable parameter has no depth; a rule
            matches no parameter; a respected ParamAttr asks for another penalty than L2.
    """
    owned = list(_owned_parameters(model))
    _refuse_idle_rules(rules, [name for name, *_ in owned])
    trainable = [name for name, parameter, _ in owned if not parameter.stop_gradient]
    layer_wise = layer_decay != 1.0 or weight_decay_layer_decay != 1.0
    depths = _depths(trainable, depth_of) if layer_wise else {}
    top = max(depths.values(), default=0)
    settings = []
    for name, parameter, layer in owned:
        layer_type = type(layer).__name__
        if parameter.stop_gradient:
            settings.append(ParameterSetting(name, parameter, layer_type, 0.0, 0.0, "frozen"))
            continue
        decay, lr_scale, reason = _own(name, parameter, layer, weight_decay, decay_embeddings, param_attr)
        rule = next((rule for rule in rules if re.fullmatch(rule.pattern, name)), None)
        if rule:
            decay, lr_scale, reason = decay * rule.weight_decay, lr_scale * rule.learning_rate, rule.pattern
        below_top = top - depths.get(name, top)
        decay *= weight_decay_layer_decay**below_top
        lr_scale *= layer_decay**below_top
        settings.append(ParameterSetting(name, parameter, layer_type, float(lr_scale), float(decay), reason))
    return settings


def configured_settings(
    model: paddle.nn.Layer, optim: Optim, depth_of: Optional[DepthOf] = None
) -> list[ParameterSetting]:
    """:func:`parameter_settings` as a configuration asks for them."""
    return parameter_settings(
        model,
        optim.weight_decay,
        optim.layer_decay,
        optim.weight_decay_layer_decay,
        depth_of,
        rules=optim.rules,
        decay_embeddings=optim.decay_embeddings,
        param_attr=optim.param_attr,
    )


def merge_groups(settings: list[ParameterSetting]) -> list[dict[str, Any]]:
    """Paddle parameter groups: trainable parameters with equal rate and decay together.

    Values are floats on purpose: Paddle calls an integer ``weight_decay`` as a function.
    """
    groups: dict[tuple[float, float], list] = {}
    for setting in settings:
        if setting.rule != "frozen":
            key = (setting.lr_scale, setting.weight_decay)
            groups.setdefault(key, []).append(setting.parameter)
    return [
        {"params": parameters, "learning_rate": lr_scale, "weight_decay": decay}
        for (lr_scale, decay), parameters in groups.items()
    ]


def _owned_parameters(model: paddle.nn.Layer) -> Iterator[tuple[str, Any, paddle.nn.Layer]]:
    seen = set()
    for prefix, layer in model.named_sublayers(include_self=True):
        for attribute, parameter in layer._parameters.items():
            statistics = isinstance(layer, NORMALISATION) and attribute in RUNNING_STATISTICS
            if parameter is not None and id(parameter) not in seen and not statistics:
                seen.add(id(parameter))
                yield f"{prefix}.{attribute}" if prefix else attribute, parameter, layer


def _own(
    name: str,
    parameter: Any,
    layer: paddle.nn.Layer,
    weight_decay: float,
    decay_embeddings: bool,
    param_attr: str,
) -> tuple[float, float, str]:
    """Decay, rate scale and what decided, before rules and depth."""
    declared = _declared(parameter)
    reason = _reason(name, layer)
    exempt = reason in ("bias", "normalisation") or (reason == "embedding" and not decay_embeddings)
    decay = 0.0 if exempt else weight_decay
    if param_attr == "override":
        return decay, 1.0, reason
    if declared.regularizer is not None:
        decay, reason = _l2_coefficient(name, declared.regularizer), "ParamAttr"
    return decay, declared.learning_rate, reason


def _reason(name: str, layer: paddle.nn.Layer) -> str:
    if isinstance(layer, NORMALISATION):
        return "normalisation"
    if "bias" in name.rpartition(".")[2]:
        return "bias"
    return "embedding" if isinstance(layer, paddle.nn.Embedding) else "weight"


def _declared(parameter: Any) -> _Declared:
    # Optimizers with groups overwrite both attributes of the parameter for good, so what the
    # model itself said is kept beside them when a parameter is first seen.
    if not hasattr(parameter, "declared_attr"):
        rate = float(parameter.optimize_attr["learning_rate"])
        parameter.declared_attr = _Declared(rate, parameter.regularizer)
    return parameter.declared_attr


def _l2_coefficient(name: str, regularizer: Any) -> float:
    if not isinstance(regularizer, paddle.regularizer.L2Decay):
        raise UserError(
            f"parameter {name}: found ParamAttr(regularizer={type(regularizer).__name__}), expected L2Decay; "
            "with param_attr override it is ignored"
        )
    return float(regularizer._coeff)


def _refuse_idle_rules(rules: Sequence[Rule], names: list[str]) -> None:
    for rule in rules:
        if not any(re.fullmatch(rule.pattern, name) for name in names):
            nearest = difflib.get_close_matches(rule.pattern, names, n=1, cutoff=0.0)
            raise UserError(
                f"optim.rules: pattern {rule.pattern!r} matches no whole parameter name, "
                f"expected one such as {nearest[0] if nearest else 'none: the model has no parameters'}"
            )


def _depths(names: list[str], depth_of: Optional[DepthOf]) -> dict[str, int]:
    depths = {name: depth_of(name) if depth_of else None for name in names}
    missing = [name for name, depth in depths.items() if depth is None]
    if missing:
        raise UserError(
            f"layer-wise decay: parameter {missing[0]} ({len(missing)} in all) has no stated depth, "
            "expected optim.layer_decay and optim.weight_decay_layer_decay of 1 for this model"
        )
    return depths

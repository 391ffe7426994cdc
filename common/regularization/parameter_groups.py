"""Which parameters are decayed, how strongly, and at which rate each layer learns.

The decision is made from the type of the layer that owns a parameter, never from the name
that Paddle generates for it (``linear_0.b_0`` contains no "bias").

ParamAttr is read when a parameter is first seen, and kept, also in a deep copy. Build the settings
before anybody else's optimizer: Paddle's groups overwrite ParamAttr, and what they have written
cannot be told from it.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Optional

import paddle

from common.config_fields import Optim, Rule
from common.errors import UserError
from common.regularization.parameter_kinds import OwnedParameter, owned_parameters

DepthOf = Callable[[str], Optional[int]]


@dataclass(frozen=True)
class ParameterSetting:
    """What the optimizer does with one parameter.

    Attributes:
        name: structured name, the first in ``model.named_parameters()`` for a shared parameter.
        parameter: the parameter itself.
        layer: type of the layer that owns it; of several, the one that decided its kind.
        lr_scale: factor on the scheduled rate.
        weight_decay: coefficient of the decay, layer-wise factor included.
        rule: what decided: the pattern of a rule, ``ParamAttr`` (for the decay, the rate or both),
            ``frozen``, or the kind of the parameter: ``weight``, ``embedding``, ``bias`` or
            ``normalisation`` (``parameter_kinds.py`` says which is which).
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
    depth 0, the head has depth n+1 and factor 1. n+1 is the greatest depth of any parameter,
    frozen ones included. The factors of the first matching rule are multiplied on top.

    Args:
        depth_of: depth of a parameter by its structured name, None for an unknown one; needed
            when either layer decay differs from 1.
        rules: tried in order on each structured name.
        decay_embeddings: whether the tables of embedding layers are decayed.
        param_attr: ``respect`` takes the rate of ``ParamAttr(learning_rate=...)`` as a further
            factor and the coefficient of ``ParamAttr(regularizer=L2Decay(...))`` instead of
            ``weight_decay`` and of every exemption; ``override`` ignores both.

    Raises:
        UserError: a layer decay differs from 1 and a trainable parameter has no depth; a rule
            decides no parameter; a respected ParamAttr asks for another penalty than L2; a
            trainable embedding has sparse gradients.
    """
    owned = owned_parameters(model)
    _refuse_idle_rules(rules, owned)
    layer_wise = layer_decay != 1.0 or weight_decay_layer_decay != 1.0
    below_top = _below_top(owned, depth_of) if layer_wise else {}
    settings = []
    for one in owned:
        setting = _setting(one, weight_decay, rules, decay_embeddings, param_attr)
        below = below_top.get(one.name, 0)
        lr_scale = float(setting.lr_scale * layer_decay**below)
        decay = float(setting.weight_decay * weight_decay_layer_decay**below)
        settings.append(replace(setting, lr_scale=lr_scale, weight_decay=decay))
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
        if not setting.parameter.stop_gradient:
            key = (setting.lr_scale, setting.weight_decay)
            groups.setdefault(key, []).append(setting.parameter)
    return [
        {"params": parameters, "learning_rate": lr_scale, "weight_decay": decay}
        for (lr_scale, decay), parameters in groups.items()
    ]


def _setting(
    one: OwnedParameter, weight_decay: float, rules: Sequence[Rule], decay_embeddings: bool, param_attr: str
) -> ParameterSetting:
    """The setting before depth."""
    layer_type = type(one.layer).__name__
    if one.parameter.stop_gradient:
        return ParameterSetting(one.name, one.parameter, layer_type, 0.0, 0.0, "frozen")
    decay, lr_scale, reason = _own(one, weight_decay, decay_embeddings, param_attr)
    rule = _first_match(rules, one.name)
    if rule:
        decay, lr_scale, reason = decay * rule.weight_decay, lr_scale * rule.learning_rate, rule.pattern
    return ParameterSetting(one.name, one.parameter, layer_type, lr_scale, decay, reason)


def _own(
    one: OwnedParameter, weight_decay: float, decay_embeddings: bool, param_attr: str
) -> tuple[float, float, str]:
    """Decay, rate scale and what decided, before rules and depth."""
    _refuse_sparse(one)
    rate, regularizer = _declared(one.parameter)
    exempt = one.kind in ("bias", "normalisation") or (one.kind == "embedding" and not decay_embeddings)
    decay = 0.0 if exempt else weight_decay
    if param_attr == "override":
        return decay, 1.0, one.kind
    if regularizer is not None:
        decay = _l2_coefficient(one.name, regularizer)
    return decay, rate, one.kind if regularizer is None and rate == 1.0 else "ParamAttr"


def _declared(parameter: Any) -> tuple[float, Any]:
    """Rate and regularizer of the parameter's ParamAttr."""
    # Groups overwrite the rate for good, and those of SGD and Adam the regularizer too, so what the
    # model itself said is kept when a parameter is first seen, where a deep copy takes it along.
    attributes = parameter.optimize_attr
    return attributes.setdefault("declared", (float(attributes["learning_rate"]), parameter.regularizer))


def _l2_coefficient(name: str, regularizer: Any) -> float:
    if not isinstance(regularizer, paddle.regularizer.L2Decay):
        raise UserError(
            f"parameter {name}: found ParamAttr(regularizer={type(regularizer).__name__}), expected L2Decay; "
            "with param_attr override it is ignored"
        )
    return float(regularizer._coeff)


def _first_match(rules: Sequence[Rule], name: str) -> Optional[Rule]:
    return next((rule for rule in rules if re.fullmatch(rule.pattern, name)), None)


def _refuse_idle_rules(rules: Sequence[Rule], owned: list[OwnedParameter]) -> None:
    names = [one.name for one in owned]
    deciding = [_first_match(rules, one.name) for one in owned if not one.parameter.stop_gradient]
    for rule in rules:
        if any(decided is rule for decided in deciding):
            continue
        if not any(re.fullmatch(rule.pattern, name) for name in names):
            nearest = difflib.get_close_matches(rule.pattern, names, n=1, cutoff=0.0)
            raise UserError(
                f"optim.rules: pattern {rule.pattern!r} matches no whole parameter name, "
                f"expected one such as {nearest[0] if nearest else 'none: the model has no parameters'}"
            )
        raise UserError(
            f"optim.rules: pattern {rule.pattern!r} decides nothing, expected a parameter that is trained "
            "and that no earlier rule matches"
        )


def _refuse_sparse(one: OwnedParameter) -> None:
    if getattr(one.layer, "_sparse", False):
        raise UserError(
            f"parameter {one.name}: found an embedding with sparse=True, expected sparse=False: "
            "Paddle can neither clip its gradient with the others nor update it by AdamW"
        )


def _below_top(owned: list[OwnedParameter], depth_of: Optional[DepthOf]) -> dict[str, int]:
    """n+1-k of every parameter whose depth k is stated."""
    depths = {one.name: depth_of(one.name) if depth_of else None for one in owned}
    missing = [one.name for one in owned if depths[one.name] is None and not one.parameter.stop_gradient]
    if missing:
        raise UserError(
            f"layer-wise decay: parameter {missing[0]} ({len(missing)} in all) has no stated depth, "
            "expected optim.layer_decay and optim.weight_decay_layer_decay of 1 for this model"
        )
    stated = {name: depth for name, depth in depths.items() if depth is not None}
    top = max(stated.values(), default=0)
    return {name: top - depth for name, depth in stated.items()}

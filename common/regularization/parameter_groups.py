"""Which parameters are decayed, how strongly, and at which rate each layer learns.

The decision is made from the type of the layer that owns a parameter, never from the name
that Paddle generates for it (``linear_0.b_0`` contains no "bias").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Optional

import paddle
from paddle.nn.layer import norm

from common.errors import UserError

NORMALISATION = (
    norm._BatchNormBase,
    norm._InstanceNormBase,
    paddle.nn.BatchNorm,
    paddle.nn.LayerNorm,
    paddle.nn.GroupNorm,
)
RUNNING_STATISTICS = ("_mean", "_variance")

DepthOf = Callable[[str], Optional[int]]


@dataclass(frozen=True)
class ParameterSetting:
    """What the optimizer does with one parameter.

    Attributes:
        name: structured name, as in ``model.named_parameters()``.
        parameter: the parameter itself.
        layer: type of the layer that owns it.
        lr_scale: factor on the scheduled rate.
        weight_decay: coefficient of the decay, layer-wise factor included.
        rule: what decided the decay: ``weight``, ``bias``, ``normalisation`` or ``frozen``.
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
) -> list[ParameterSetting]:
    """One setting for every parameter of ``model``, shared ones once, frozen ones included.

    Normalisation parameters and biases are never decayed. With n blocks, a layer at depth k
    gets the rate factor layer_decay^(n+1-k) and the decay factor
    weight_decay_layer_decay^(n+1-k), as in ELECTRA (Clark et al. 2020): embeddings have
    depth 0, the head has depth n+1 and factor 1.

    Args:
        depth_of: depth of a parameter by its structured name; needed when either layer
            decay differs from 1.

    Raises:
        UserError: a layer decay differs from 1 and a trainable parameter has no depth.
    """
    owned = list(_owned_parameters(model))
    layer_wise = layer_decay != 1.0 or weight_decay_layer_decay != 1.0
    depths = _depths([name for name, *_, rule in owned if rule != "frozen"], depth_of) if layer_wise else {}
    top = max(depths.values(), default=0)
    settings = []
    for name, parameter, layer, rule in owned:
        below_top = top - depths.get(name, top)
        decay = weight_decay * weight_decay_layer_decay**below_top if rule == "weight" else 0.0
        lr_scale = 0.0 if rule == "frozen" else layer_decay**below_top
        settings.append(ParameterSetting(name, parameter, layer, float(lr_scale), float(decay), rule))
    return settings


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


def _owned_parameters(model: paddle.nn.Layer):
    seen = set()
    for prefix, layer in model.named_sublayers(include_self=True):
        for attribute, parameter in layer._parameters.items():
            normalisation = isinstance(layer, NORMALISATION)
            if parameter is None or id(parameter) in seen:
                continue
            if normalisation and attribute in RUNNING_STATISTICS:
                continue
            seen.add(id(parameter))
            name = f"{prefix}.{attribute}" if prefix else attribute
            yield name, parameter, type(layer).__name__, _rule(parameter, attribute, normalisation)


def _rule(parameter, attribute: str, normalisation: bool) -> str:
    if parameter.stop_gradient:
        return "frozen"
    if normalisation:
        return "normalisation"
    return "bias" if "bias" in attribute else "weight"


def _depths(names: list[str], depth_of: Optional[DepthOf]) -> dict[str, int]:
    depths = {name: depth_of(name) if depth_of else None for name in names}
    missing = [name for name, depth in depths.items() if depth is None]
    if missing:
        raise UserError(
            f"layer-wise decay: parameter {missing[0]} ({len(missing)} in all) has no stated depth, "
            "expected optim.layer_decay and optim.weight_decay_layer_decay of 1 for this model"
        )
    return depths

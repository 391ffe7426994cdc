"""What a parameter is, by the type of the layers that own it.

Normalisation parameters are those of

- Paddle's normalisation layers and their subclasses;
- any layer whose type name ends in ``Norm``, such as PaddleNLP's ``T5LayerNorm`` and ``LlamaRMSNorm``;
- the normalisation inside Paddle's fused layers: attributes ending in ``ln_scale``, ``ln1_scale`` ...;
- ``paddle.nn.utils.weight_norm``: its magnitude ``weight_g``; the direction ``weight_v`` is a weight.

Of the others, an attribute with ``bias`` in its name is a bias, the table of an embedding layer
is an embedding, and the rest are weights. A parameter with several owners is the first of
normalisation, embedding, bias and weight that any of them makes it: a table that the output
layer shares is an embedding, whichever of the two layers comes first.
"""

import re
from dataclasses import dataclass
from typing import Any

import paddle
from paddle.nn.layer import norm

NORMALISATION = (
    norm._BatchNormBase,
    norm._InstanceNormBase,
    paddle.nn.BatchNorm,
    paddle.nn.LayerNorm,
    paddle.nn.GroupNorm,
    paddle.nn.SpectralNorm,
)
RUNNING_STATISTICS = ("_mean", "_variance", "weight_u", "weight_v")
KINDS = ("normalisation", "embedding", "bias", "weight")


@dataclass(frozen=True)
class OwnedParameter:
    """A parameter of a model.

    Attributes:
        name: structured name, the first in ``model.named_parameters()``.
        parameter: the parameter itself.
        layer: the layer that made it of its kind.
        kind: ``normalisation``, ``embedding``, ``bias`` or ``weight``.
    """

    name: str
    parameter: Any
    layer: paddle.nn.Layer
    kind: str


def owned_parameters(model: paddle.nn.Layer) -> list[OwnedParameter]:
    """Every parameter of ``model`` once, frozen ones included, running statistics left out."""
    found: dict[int, OwnedParameter] = {}
    for prefix, layer in model.named_sublayers(include_self=True):
        for attribute, parameter in layer._parameters.items():
            if parameter is None or (isinstance(layer, NORMALISATION) and attribute in RUNNING_STATISTICS):
                continue
            name, kind = f"{prefix}.{attribute}" if prefix else attribute, _kind(layer, attribute)
            first = found.get(id(parameter))
            if first is None:
                found[id(parameter)] = OwnedParameter(name, parameter, layer, kind)
            elif KINDS.index(kind) < KINDS.index(first.kind):
                found[id(parameter)] = OwnedParameter(first.name, parameter, layer, kind)
    return list(found.values())


def _kind(layer: paddle.nn.Layer, attribute: str) -> str:
    magnitude = attribute == "weight_g" and "weight_v" in layer._parameters
    normalises = isinstance(layer, NORMALISATION) or type(layer).__name__.endswith("Norm")
    if normalises or magnitude or re.search(r"ln\d*_scale$", attribute):
        return "normalisation"
    if isinstance(layer, paddle.nn.Embedding):
        return "embedding"
    return "bias" if "bias" in attribute else "weight"

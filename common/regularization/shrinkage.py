"""How much a run's decay shrinks a weight that receives no other gradient."""

from collections.abc import Sequence
from typing import Optional

import numpy as np

from common.config import Optim

NEGLIGIBLE = 1e-4


def total_shrinkage(
    optim: Optim, rates: Sequence[float], lr_scale: float, weight_decay: float
) -> Optional[float]:
    """Share of a weight that is gone after all updates, from 0 (untouched).

    AdamW: 1 - prod(1 - rate_t·lr_scale·weight_decay), each factor rounded to float32 as the
    optimizer rounds it: below 6e-8 a step nothing is left of the decay. SGD and Momentum add
    the decay to a gradient, which loses nothing to rounding; Momentum's velocity repeats each
    term and shrinks by about 1 / (1 - momentum) times as much. Adam divides the term by its
    own size, so that a shrinkage is not defined: None.

    Args:
        rates: learning rate of each update, before ``lr_scale``.
        weight_decay: coefficient of the group, layer-wise factor included.
    """
    steps = np.asarray(rates, np.float64) * lr_scale
    if optim.name == "adam" or (optim.name == "adamw" and optim.explicit_l2):
        return None if weight_decay else 0.0
    if optim.name == "adamw":
        factors = np.float32(1) - steps.astype(np.float32) * np.float32(weight_decay)
        return float(1 - factors.astype(np.float64).prod())
    momentum = optim.momentum if optim.name == "momentum" else 0.0
    weight, velocity = 1.0, 0.0
    for step in steps:
        velocity = momentum * velocity + weight_decay * weight
        weight -= step * velocity
    return float(1 - weight)

"""How much a run's decay shrinks a weight that receives no other gradient."""

from collections.abc import Sequence
from typing import Optional

import numpy as np

from common.config_fields import Optim

NEGLIGIBLE = 1e-4

# What float32 rounds away depends on where a weight lies between two powers of two, and on
# nothing else: weights spread evenly, on a logarithmic scale, over one such interval.
_WEIGHTS = np.exp2((np.arange(64) + 0.5) / 64).astype(np.float32)


def total_shrinkage(
    optim: Optim, rates: Sequence[float], lr_scale: float, weight_decay: float
) -> Optional[float]:
    """Mean share of a weight that is gone after all updates, from 0 (untouched).

    The updates are done in float32, in the order of Paddle's CPU kernels, on 64 weights between
    two powers of two. AdamW subtracts (rate·lr_scale·weight_decay)·w and SGD rate·lr_scale times
    weight_decay·w: where rate·lr_scale·weight_decay is below 2^-25, about 3e-8, no weight moves, and
    up to 2^-24 only some do. Momentum's velocity repeats each term and
    shrinks by about 1 / (1 - momentum) times as much. Adam divides the term by its own size,
    so that a shrinkage is not defined: None.

    With ``explicit_l2`` the figure is that without clipping.

    Args:
        rates: learning rate of each update, before ``lr_scale``.
        weight_decay: coefficient of the group, layer-wise factor included.
    """
    if weight_decay == 0:
        return 0.0
    if optim.name == "adam" or (optim.name == "adamw" and optim.explicit_l2):
        return None
    decay, momentum = np.float32(weight_decay), np.float32(optim.momentum)
    steps = np.asarray(rates, np.float32) * np.float32(lr_scale)
    weights, term, velocity = _WEIGHTS.copy(), np.empty_like(_WEIGHTS), np.zeros_like(_WEIGHTS)
    if optim.name == "adamw":
        for factor in steps * decay:
            np.multiply(weights, factor, out=term)
            np.subtract(weights, term, out=weights)
    elif optim.name == "sgd":
        for step in steps:
            np.multiply(weights, decay, out=term)
            np.multiply(term, step, out=term)
            np.subtract(weights, term, out=weights)
    else:
        for step in steps:
            np.multiply(velocity, momentum, out=velocity)
            np.multiply(weights, decay, out=term)
            np.add(velocity, term, out=velocity)
            np.multiply(velocity, step, out=term)
            np.subtract(weights, term, out=weights)
    return float(np.mean(1 - weights.astype(np.float64) / _WEIGHTS))

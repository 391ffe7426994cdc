"""The rate as a pure function of the update, so that resuming needs no scheduler state."""

import math

from common.config_fields import Optim


def learning_rate_factor(step: int, total: int, optim: Optim) -> float:
    """Factor on the peak rate at update ``step`` (from 0) of ``total``.

    It rises linearly to 1 over the first ``optim.warmup`` share of the updates, then stays
    (``constant``), falls to 0 at ``total`` along a line (``linear``) or half a cosine
    (``cosine``), or is multiplied by ``optim.gamma`` at each of ``optim.milestones``, shares
    of all updates (``step``).
    """
    warmup_steps = round(total * optim.warmup)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total - warmup_steps)
    if optim.schedule == "constant":
        return 1.0
    if optim.schedule == "linear":
        return 1.0 - progress
    if optim.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    return optim.gamma ** sum(step >= round(total * milestone) for milestone in optim.milestones)


def learning_rates(total: int, optim: Optim) -> list[float]:
    """The rate of every update of a run."""
    return [optim.learning_rate * learning_rate_factor(step, total, optim) for step in range(total)]

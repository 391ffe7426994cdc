"""The rate as a pure function of the update, so that resuming needs no scheduler state."""

import math


def learning_rate_factor(step: int, total: int, warmup: float, schedule: str) -> float:
    """Factor on the peak rate at update ``step`` (from 0) of ``total``.

    It rises linearly to 1 over the first ``warmup`` share of the updates, then stays
    (``constant``) or falls to 0 at ``total`` along a line (``linear``) or half a cosine
    (``cosine``).
    """
    warmup_steps = round(total * warmup)
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, total - warmup_steps)
    if schedule == "constant":
        return 1.0
    if schedule == "linear":
        return 1.0 - progress
    if schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * progress))
    raise ValueError(f"unknown schedule {schedule!r}")

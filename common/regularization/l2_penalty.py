"""An explicit L2 penalty in the loss: λ/2·Σw², whose gradient is λ·w.

Without clipping its gradient equals the decay that SGD, Momentum and Adam add to the
gradient themselves. With clipping the two differ: a penalty in the loss is clipped with the
rest of the gradient, the optimizer's term is added after clipping.
"""

from collections.abc import Sequence
from typing import Any

import paddle


def l2_penalty(groups: Sequence[dict[str, Any]]) -> paddle.Tensor:
    """Σ over groups of λ/2·Σw², a scalar; 0 for no parameters.

    It belongs to an update, not to a micro-batch: with gradient accumulation add it once.

    Args:
        groups: ``params`` and ``weight_decay`` (λ) each, as ``merge_groups`` gives them.
    """
    terms = [
        0.5 * group["weight_decay"] * (parameter.astype("float32") ** 2).sum()
        for group in groups
        if group["weight_decay"]
        for parameter in group["params"]
    ]
    return paddle.add_n(terms) if terms else paddle.zeros([])

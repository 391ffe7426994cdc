"""R-Drop: two passes with other dropout are made to agree (Liang et al. 2021)."""

import paddle
from paddle.nn import functional


def symmetric_divergence(first: paddle.Tensor, second: paddle.Tensor) -> paddle.Tensor:
    """(KL(p, q) + KL(q, p)) / 2, mean over samples, of the classes that two passes predict.

    Both terms together are Σ (p - q)·(log p - log q), with a gradient into both passes.

    Args:
        first, second: logits [batch, classes].
    """
    log_p, log_q = (functional.log_softmax(logits) for logits in (first, second))
    return ((log_p.exp() - log_q.exp()) * (log_p - log_q)).sum(axis=-1).mean() / 2

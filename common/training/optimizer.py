"""Paddle's optimizers on our parameter groups."""

import paddle

from common.config import Optim
from common.regularization.parameter_groups import ParameterSetting, merge_groups


def build_optimizer(optim: Optim, settings: list[ParameterSetting]) -> paddle.optimizer.Optimizer:
    """The optimizer that ``optim.name`` names.

    ``adamw`` shrinks weights directly (decoupled decay, Loshchilov & Hutter 2019). ``adam``,
    ``momentum`` and ``sgd`` add weight_decay·w to the gradient (coupled L2).

    Clipping is left to :func:`clip_gradients`: Paddle's optimizers clip each group alone.
    """
    classes = {
        "adamw": (paddle.optimizer.AdamW, {}),
        "adam": (paddle.optimizer.Adam, {}),
        "momentum": (paddle.optimizer.Momentum, {"momentum": optim.momentum}),
        "sgd": (paddle.optimizer.SGD, {}),
    }
    optimizer_class, arguments = classes[optim.name]
    return optimizer_class(learning_rate=optim.learning_rate, parameters=merge_groups(settings), **arguments)


def clip_gradients(settings: list[ParameterSetting], clip_norm: float) -> None:
    """Scale all gradients together so that their global L2 norm is at most ``clip_norm``; 0 is off."""
    if clip_norm > 0:
        parameters = [s.parameter for s in settings if s.parameter.grad is not None]
        paddle.nn.utils.clip_grad_norm_(parameters, clip_norm)

"""Paddle's optimizers on our parameter groups."""

import paddle

from common.config_fields import Optim
from common.regularization.parameter_groups import ParameterSetting, merge_groups
from common.regularization.policy_report import span


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
    groups = merge_groups(settings)
    if optim.explicit_l2:
        groups = [{**group, "weight_decay": 0.0} for group in groups]
    for group in groups:
        for parameter in group["params"]:
            # What ParamAttr says is in the settings. Left in place, AdamW would add it to the
            # gradient, beside its own decay.
            parameter.regularizer = None
    return optimizer_class(learning_rate=optim.learning_rate, parameters=groups, **arguments)


def describe_decay(optim: Optim, settings: list[ParameterSetting]) -> str:
    """Which of the two things called weight decay the settings ask for, in one line."""
    decays = [setting.weight_decay for setting in settings if setting.weight_decay]
    if not decays:
        return f"{optim.name} without decay"
    decay = span(decays)
    if optim.explicit_l2:
        return f"{optim.name} with λ/2·Σw² in the loss, clipped with its gradient; λ {decay}"
    if optim.name == "adamw":
        return f"adamw, decoupled: each update multiplies weights by 1 - rate·λ; λ {decay}"
    coupled = f"{optim.name}, coupled L2: λ·w is added to the clipped gradient; λ {decay}"
    return f"{coupled}; adamw is the decoupled one" if optim.name == "adam" else coupled


@paddle.no_grad()
def clip_gradients(settings: list[ParameterSetting], clip_norm: float) -> None:
    """Scale all gradients together so that their global L2 norm is at most ``clip_norm``; 0 is off.

    A parameter whose ParamAttr says ``need_clip=False`` is left out, as Paddle does.
    """
    clipped = [s.parameter for s in settings if getattr(s.parameter, "need_clip", True)]
    gradients = [parameter.grad for parameter in clipped if parameter.grad is not None]
    if clip_norm == 0 or not gradients:
        return
    norm = paddle.add_n([_squared_norm(gradient) for gradient in gradients]).sqrt()
    factor = float((clip_norm / (norm + 1e-6)).clip(max=1.0))
    # Not a number is not 1: it stays visible in the weights.
    if factor != 1.0:
        for gradient in gradients:
            gradient.scale_(factor)


def _squared_norm(tensor: paddle.Tensor) -> paddle.Tensor:
    # As a product of matrices: on a processor Paddle's own norms take 5 to 50 times as long.
    flat = tensor.astype("float32").reshape([1, -1])
    return paddle.matmul(flat, flat, transpose_y=True).reshape([])

"""Evaluation is only one in evaluation mode."""

import paddle


def require_evaluation_mode(model: paddle.nn.Layer) -> None:
    """Refuse a model with a layer in training mode: its dropout would be on, its statistics move.

    Raises:
        RuntimeError: naming the first such layer.
    """
    for name, layer in model.named_sublayers(include_self=True):
        if layer.training:
            kind = type(layer).__name__
            raise RuntimeError(f"{name or 'the model'} ({kind}) is in training mode; call model.eval() first")

"""Exponential moving average of the weights of a model."""

import contextlib
from collections.abc import Iterator

import paddle


class WeightAverage:
    """The average that is evaluated and kept as the best, while training goes on without it.

    After update t the average moves by 1 - d_t towards the weights, with
    d_t = min(decay, (1 + t) / (10 + t)), so that the first weights are soon forgotten
    (TensorFlow's ``ExponentialMovingAverage`` with ``num_updates``). Running statistics are
    averaged like weights.

    Args:
        decay: in [0, 1); 0 keeps no average, and the weights themselves are evaluated.
    """

    def __init__(self, model: paddle.nn.Layer, decay: float):
        self.model, self.decay = model, decay
        self.tensors = {name: tensor.clone().detach() for name, tensor in self._state().items()}

    def _state(self) -> dict[str, paddle.Tensor]:
        if not self.decay:
            return {}
        state = self.model.state_dict()
        return {name: tensor for name, tensor in state.items() if paddle.is_floating_point(tensor)}

    @paddle.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after update number ``step``, from 1."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, tensor in self._state().items():
            average = self.tensors[name]
            average.scale_(decay).add_(tensor.detach().scale(1 - decay))

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model carries the average inside, and its own weights again afterwards."""
        state = self._state()
        own = {name: tensor.clone() for name, tensor in state.items()}
        self._fill(state, self.tensors)
        try:
            yield
        finally:
            self._fill(state, own)

    def restore(self, tensors: dict[str, paddle.Tensor]) -> None:
        """Continue from a stored average."""
        self._fill(self.tensors, tensors)

    @staticmethod
    def _fill(state: dict[str, paddle.Tensor], values: dict[str, paddle.Tensor]) -> None:
        with paddle.no_grad():
            for name, tensor in state.items():
                tensor.set_value(values[name])

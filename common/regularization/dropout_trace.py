"""One forward pass in training mode, with every call of dropout and every pooling on record.

Seen are ``paddle.nn.functional.dropout*`` and ``processor_dropout.dropout``, called through their
modules, Paddle's element-wise dropout however it was imported, ``BlockDropout``, and the rate between
the layers of Paddle's recurrent networks. Not seen are dropout inside fused kernels and dropout2d or
alpha dropout that a module imported by name; under ``no_grad`` and on tensors without gradient only
the rate is.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paddle
from paddle.nn.layer.rnn import RNNBase

from common.regularization import processor_dropout
from common.regularization.dropout import BlockDropout
from common.regularization.parameter_kinds import owned_parameters

FUNCTIONS = ("dropout", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
REDUCTIONS = ("mean", "sum", "max", "amax", "logsumexp")


@dataclass(frozen=True)
class DropoutCall:
    """One application of dropout in the traced pass.

    Attributes:
        layer: structured name of the innermost layer that was running, ``""`` for the model.
        rate: share of values set to zero.
        before: graph node of its input, None for a tensor without history.
        node: graph node of its output, None where no gradient is kept.
    """

    layer: str
    rate: float
    before: Any
    node: Any


@dataclass
class Trace:
    """What one pass did.

    Attributes:
        calls: its dropouts.
        poolings: graph nodes of reductions that take several places together.
        statistics: graph nodes of reductions over the last axis alone, as a normalisation has them.
        running: structured names of the layers that are running, the innermost last.
    """

    calls: list[DropoutCall] = field(default_factory=list)
    poolings: set = field(default_factory=set)
    statistics: set = field(default_factory=set)
    running: list[str] = field(default_factory=list)

    def record(self, rate: float, before: Any, node: Any) -> None:
        """Note a dropout of the layer that is running."""
        if rate > 0:
            self.calls.append(DropoutCall(self.running[-1] if self.running else "", rate, before, node))


@contextlib.contextmanager
def traced(model: paddle.nn.Layer) -> Iterator[Trace]:
    """While active, the model is in training mode, no parameter is frozen, and calls are recorded.

    Afterwards modes, frozen parameters, running statistics, buffers and the state of Paddle's
    random generators are as before.
    """
    trace = Trace()
    with contextlib.ExitStack() as stack:
        stack.callback(paddle.set_rng_state, paddle.get_rng_state())
        stack.enter_context(_state_kept(model))
        for name, layer in model.named_sublayers():
            for hook in _follow(name, layer, trace):
                stack.callback(hook.remove)
        for owner, name, wrapper in _wrappers(trace):
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, wrapper)
        model.train()
        stack.enter_context(paddle.set_grad_enabled(True))
        yield trace


@contextlib.contextmanager
def _state_kept(model: paddle.nn.Layer) -> Iterator[None]:
    layers = model.sublayers(include_self=True)
    modes = {layer: layer.training for layer in layers}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    # Paddle's recurrent layers own a buffer that has no memory before their first call.
    buffers = [
        (layer, name, buffer, buffer.clone())
        for layer in layers
        for name, buffer in layer._buffers.items()
        if buffer is not None and buffer._is_initialized()
    ]
    parameters = [one.parameter for one in owned_parameters(model)]
    frozen = [p for p in parameters if p.stop_gradient and p.is_floating_point()]
    for parameter in frozen:
        parameter.stop_gradient = False
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.stop_gradient = True
        for layer, name, buffer, values in buffers:
            layer._buffers[name] = buffer
            buffer.set_value(values)
        model.set_state_dict(state)
        for layer, mode in modes.items():
            layer.training = mode


def _follow(name: str, layer: paddle.nn.Layer, trace: Trace) -> list:
    def enter(_layer, inputs):
        trace.running.append(name)

    def leave(_layer, inputs, output):
        if isinstance(_layer, BlockDropout) and _layer.training:
            trace.record(_layer.dropout_rate, inputs[0].grad_fn if inputs else None, output.grad_fn)
        elif isinstance(_layer, RNNBase) and _layer.training and _layer.num_layers > 1:
            trace.record(_layer.dropout, None, None)
        trace.running.pop()

    return [layer.register_forward_pre_hook(enter), layer.register_forward_post_hook(leave)]


def _wrappers(trace: Trace) -> Iterator[tuple[Any, str, Callable]]:
    """What to put in the place of Paddle's functions: owner, name, replacement."""
    functional, operators = paddle.nn.functional, paddle._C_ops
    for name in FUNCTIONS:
        if hasattr(functional, name):
            yield functional, name, _recorded_function(getattr(functional, name), trace)
    yield processor_dropout, "dropout", _recorded_function(processor_dropout.dropout, trace)
    # Modules that imported F.dropout by name still reach its operator through this module.
    yield operators, "dropout", _recorded_operator(operators.dropout, trace)
    for name in REDUCTIONS:
        if hasattr(operators, name):
            yield operators, name, _recorded_reduction(getattr(operators, name), trace)


def _recorded_function(function: Callable, trace: Trace) -> Callable:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def dropout(*arguments, **options):
        output = function(*arguments, **options)
        given = signature.bind(*arguments, **options)
        given.apply_defaults()
        if given.arguments["training"]:
            trace.record(float(given.arguments["p"]), given.arguments["x"].grad_fn, output.grad_fn)
        return output

    return dropout


def _recorded_operator(operator: Callable, trace: Trace) -> Callable:
    def dropout(x, seed_tensor, p, is_test, *rest):
        result = operator(x, seed_tensor, p, is_test, *rest)
        output = result[0] if isinstance(result, (list, tuple)) else result
        if not is_test:
            trace.record(float(p), x.grad_fn, output.grad_fn)
        return result

    return dropout


def _recorded_reduction(operator: Callable, trace: Trace) -> Callable:
    def reduction(*arguments, **options):
        output = operator(*arguments, **options)
        x = arguments[0] if arguments else options.get("x")
        axis = arguments[1] if len(arguments) > 1 else options.get("axis")
        if x is not None and output.grad_fn is not None:
            if _pools(x.ndim, axis):
                trace.poolings.add(output.grad_fn)
            elif _axes(x.ndim, axis) == {x.ndim - 1}:
                trace.statistics.add(output.grad_fn)
        return output

    return reduction


def _pools(dimensions: int, axis: Any) -> bool:
    """Whether a reduction takes values of several places together.

    Not over all axes or the batch (a loss), not over the last axis alone (the features of a
    normalisation), nor over axis 1 alone of a feature map (its channels).
    """
    axes = _axes(dimensions, axis)
    features = [{dimensions - 1}, {1}] if dimensions >= 4 else [{dimensions - 1}]
    return bool(axes) and 0 not in axes and axes not in features


def _axes(dimensions: int, axis: Any) -> set[int]:
    return {int(a) % dimensions for a in ([axis] if isinstance(axis, int) else axis or [])}

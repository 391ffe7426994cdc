"""Where dropout stands in a network, and where it does harm.

One forward pass in training mode is traced, not the names of layers: every call of
``paddle.nn.functional.dropout*`` is recorded, and the graph that Paddle keeps for the gradient
is walked back from the layers that dropout must not reach. So dropout that a layer calls as a
function is seen too.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Optional

import paddle

FUNCTIONS = ("dropout", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
HIGHEST_RATE = 0.7

# Graph nodes that mix neither channels nor places: what dropout did to a value is still
# there behind them. Reductions, normalisations, convolutions and products of matrices end it;
# so do powers, or the mean of squares in an RMS normalisation would pass for a pooling.
_PASSED = """
    Abs Add Assign Cast Celu Clip Concat Div DivScale Divide Dropout Elu Expand Flatten Gelu Hardsigmoid
    Hardswish Hardtanh LeakyRelu LogSigmoid Mish Multiply Pad Pad3d PixelShuffle PixelUnshuffle Prelu
    Relu Relu6 Reshape Scale Selu Sigmoid Silu Slice Softplus Softsign Split SplitWithNum
    Squeeze Stack Subtract Swish Tanh Tile Transpose Unsqueeze Unstack
"""
ELEMENTWISE_OR_SHAPE = frozenset(_PASSED.split())
BATCH_NORMALISATION = frozenset({"BatchNorm", "SyncBatchNorm"})
POOLING = frozenset({"Pool2d", "Pool3d", "MaxPool2dWithIndex", "MaxPool3dWithIndex", "Mean", "Max"})
WEIGHTED = frozenset({"Matmul", "Linear", "Conv2d", "Conv3d", "DepthwiseConv2d", "Conv2dTranspose", "Addmm"})


@dataclass(frozen=True)
class Finding:
    """What the check says of one dropout.

    Attributes:
        layer: structured name of the layer that applied it, ``""`` for the model itself.
        severity: ``fault``, or ``information`` for what may well be intended.
        reason: what is wrong.
        remedy: what to do.
    """

    layer: str
    severity: Literal["fault", "information"]
    reason: str
    remedy: str


@dataclass(frozen=True)
class DropoutCall:
    """One application of dropout in the traced pass.

    Attributes:
        layer: structured name of the innermost layer that was running.
        rate: share of values set to zero.
        before: graph node of its input, None for a tensor without history.
        node: graph node of its output.
    """

    layer: str
    rate: float
    before: Any
    node: Any


def check_placement(model: paddle.nn.Layer, *inputs: Any) -> list[Finding]:
    """Trace ``model(*inputs)`` once in training mode and judge every dropout.

    Faults: a rate above 0.7; dropout that reaches a batch normalisation or a pooling with only
    elementwise or shape operations between (variance shift, Li et al. 2019); dropout on the
    model's input other than an embedding; dropout on its raw output. A last layer without
    dropout in front of it is information. Parameters, running statistics and modes are as
    before afterwards.

    Args:
        inputs: one small batch; float tensors are traced as the model's input.
    """
    with _traced(model) as calls:
        marked, markers = _mark_inputs(inputs)
        outputs = [t for t in _tensors(model(*marked)) if not t.stop_gradient]
    findings = [_judge_rate(call) for call in calls if call.rate > HIGHEST_RATE]
    by_node = {call.node: call for call in calls}
    findings += _judge_inputs(calls, markers)
    findings += _judge_sinks(by_node, outputs)
    reached = [by_node[n] for output in outputs for n in _behind(output.grad_fn) if n in by_node]
    findings += [
        Finding(
            call.layer,
            "fault",
            "dropout on the model's raw output",
            "put it on the input of the last weighted layer",
        )
        for call in reached
    ]
    return list(dict.fromkeys(findings + _judge_head(by_node, outputs)))


def faults(findings: list[Finding]) -> list[Finding]:
    """The findings that are not mere information."""
    return [finding for finding in findings if finding.severity == "fault"]


def _judge_rate(call: DropoutCall) -> Finding:
    return Finding(call.layer, "fault", f"rate {call.rate:g} is above {HIGHEST_RATE}", "0.1 to 0.5 is usual")


def _judge_inputs(calls: list[DropoutCall], markers: set) -> list[Finding]:
    on_input = [call for call in calls if call.before is not None and markers & set(_behind(call.before))]
    reason, remedy = "dropout on the model's input", "drop after the first layer, or augment the input"
    return [Finding(call.layer, "fault", reason, remedy) for call in on_input]


def _judge_sinks(by_node: dict, outputs: list[paddle.Tensor]) -> list[Finding]:
    findings = []
    for node in _graph(outputs):
        kind = _kind(node)
        if kind in BATCH_NORMALISATION or kind in POOLING:
            what = "a batch normalisation" if kind in BATCH_NORMALISATION else "a pooling"
            data = next(iter(node.next_functions), None)
            for found in _behind(data) if data is not None else ():
                if found in by_node:
                    call = by_node[found]
                    reason, remedy = f"dropout reaches {what}", f"move it behind {what}"
                    findings.append(Finding(call.layer, "fault", reason, remedy))
    return findings


def _judge_head(by_node: dict, outputs: list[paddle.Tensor]) -> list[Finding]:
    last = [n for output in outputs for n in _behind(output.grad_fn, ends=WEIGHTED) if _kind(n) in WEIGHTED]
    bare = [n for n in last if not any(f in by_node for f in _behind(n.next_functions[0]))]
    if not last or len(bare) < len(last):
        return []
    reason = "no dropout in front of the last weighted layer"
    return [Finding("", "information", reason, "a rate of 0.1 to 0.5 there regularizes the head")]


def _behind(start: Any, ends: frozenset = frozenset()) -> Iterator[Any]:
    """The nodes reached backwards from ``start`` through elementwise and shape operations.

    Nodes of a kind in ``ends`` are given too, and not passed.
    """
    stack, seen = [start], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if _kind(node) in ends or _kind(node) in ELEMENTWISE_OR_SHAPE:
            yield node
        if _kind(node) in ELEMENTWISE_OR_SHAPE:
            stack += node.next_functions


def _graph(outputs: list[paddle.Tensor]) -> Iterator[Any]:
    stack, seen = [output.grad_fn for output in outputs], set()
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            stack += node.next_functions


def _kind(node: Any) -> str:
    return node.name().removesuffix("GradNode").removesuffix("Final")


def _mark_inputs(inputs: tuple) -> tuple[list, set]:
    marked, markers = [], set()
    for value in inputs:
        if isinstance(value, paddle.Tensor) and value.is_floating_point():
            leaf = value.detach()
            leaf.stop_gradient = False
            value = leaf.scale(1.0)
            markers.add(value.grad_fn)
        marked.append(value)
    return marked, markers


def _tensors(value: Any) -> Iterator[paddle.Tensor]:
    if isinstance(value, paddle.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif hasattr(value, "values"):
        yield from _tensors(list(value.values()))


@contextlib.contextmanager
def _traced(model: paddle.nn.Layer) -> Iterator[list[DropoutCall]]:
    """While active, every dropout call in training mode is recorded; afterwards all is as before."""
    functional = paddle.nn.functional
    originals = {name: getattr(functional, name) for name in FUNCTIONS if hasattr(functional, name)}
    running, calls = [], []
    modes = {layer: layer.training for layer in model.sublayers(include_self=True)}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    hooks = [h for name, layer in model.named_sublayers() for h in _follow(name, layer, running, calls)]
    for name, function in originals.items():
        setattr(functional, name, _recorded(function, running, calls))
    try:
        model.train()
        with paddle.set_grad_enabled(True):
            yield calls
    finally:
        for name, function in originals.items():
            setattr(functional, name, function)
        for hook in hooks:
            hook.remove()
        model.set_state_dict(state)
        for layer, mode in modes.items():
            layer.training = mode


def _follow(name: str, layer: paddle.nn.Layer, running: list[str], calls: list[DropoutCall]) -> list:
    def enter(_layer, inputs):
        running.append(name)

    def leave(_layer, inputs, output):
        running.pop()
        rate: Optional[float] = getattr(_layer, "dropout_rate", None)
        if rate:
            calls.append(DropoutCall(name, rate, inputs[0].grad_fn, output.grad_fn))

    return [layer.register_forward_pre_hook(enter), layer.register_forward_post_hook(leave)]


def _recorded(function: Callable, running: list[str], calls: list[DropoutCall]) -> Callable:
    signature = inspect.signature(function)

    @functools.wraps(function)
    def dropout(*arguments, **options):
        output = function(*arguments, **options)
        given = signature.bind(*arguments, **options)
        given.apply_defaults()
        x, rate = given.arguments["x"], float(given.arguments["p"])
        if output.grad_fn is not None and rate > 0 and given.arguments["training"]:
            calls.append(DropoutCall(running[-1] if running else "", rate, x.grad_fn, output.grad_fn))
        return output

    return dropout

"""Where dropout stands in a network, and where it does harm.

One forward pass in training mode is traced (``dropout_trace.py``), not the names of layers, and
the graph that Paddle keeps for the gradient is walked back from the layers that dropout must
not reach. So dropout that a layer calls as a function is seen too.

Limits. A mean, sum or maximum is a pooling unless it is over the last axis alone (a
normalisation), over axis 1 alone of a feature map, or over the batch: the mean over the length
of [batch, channels, length] is not seen, and a group normalisation written by hand passes for a
pooling. Pooling by a product of matrices, masks made by dropping a tensor of ones, and what a
model computes under ``no_grad`` are not seen; of dropout between recurrent layers and of
dropout inside a part without gradient only the rate is judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import paddle

from common.regularization.dropout_trace import DropoutCall, Trace, traced

HIGHEST_RATE = 0.7

# Graph nodes behind which what dropout did to a value is still there. Reductions,
# normalisations, convolutions and products of matrices end it.
_PASSED = """
    Abs Add AddN Assign Cast Celu ChannelShuffle Clip Concat Crop Div DivScale Divide Dropout ElementwisePow
    Elu Exp Expand ExpandAs Expm1 Flatten Flip Fmax Fmin Gather GatherNd Gelu Hardshrink Hardsigmoid Hardswish
    Hardtanh IndexElementwiseGet IndexSelect LeakyRelu Lerp Log Log1p Logsigmoid MaskedFill Maximum Maxout
    Minimum Mish Multiply Pad Pad3d PixelShuffle PixelUnshuffle Pow Prelu Reciprocal Relu Relu6
    RepeatInterleave Reshape Roll Rrelu Rsqrt Scale Selu Sigmoid Silu Slice Softplus Softshrink Softsign Split
    SplitWithNum Sqrt Square Squeeze Stack Subtract Swish Tanh TanhShrink ThresholdedRelu Tile Transpose
    Unbind Unsqueeze Unstack ViewShape Where
    BicubicInterp BilinearInterp LinearInterp NearestInterp TrilinearInterp
"""
ELEMENTWISE_OR_SHAPE = frozenset(_PASSED.split())
# A classifier may end in probabilities: dropout on its logits is still dropout on its output.
TO_OUTPUT = ELEMENTWISE_OR_SHAPE | {"Softmax", "LogSoftmax"}
BATCH_NORMALISATION = frozenset({"BatchNorm", "SyncBatchNorm"})
_POOLING = """
    FractionalMaxPool2d FractionalMaxPool3d LpPool2d MaxPool2dWithIndex MaxPool3dWithIndex Pool2d Pool3d
"""
POOLING = frozenset(_POOLING.split())
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


def check_placement(model: paddle.nn.Layer, *inputs: Any) -> list[Finding]:
    """Trace ``model(*inputs)`` once in training mode and judge every dropout.

    Faults: a rate above 0.7; dropout that reaches a batch normalisation or a pooling with only
    elementwise or shape operations between (variance shift, Li et al. 2019); dropout on the
    model's input other than an embedding; dropout on its raw output. A last layer without
    dropout in front of it is information. The model and Paddle's random generators are
    as before afterwards.

    Args:
        inputs: one small batch; float and uint8 tensors, also in lists, tuples and dicts, are
            traced as the model's input, and the model gets the latter as float32.
    """
    with traced(model) as trace:
        markers: set = set()
        marked = [_mark(value, markers) for value in inputs]
        outputs = [t for t in _tensors(model(*marked)) if not t.stop_gradient]
    findings = [_judge_rate(call) for call in trace.calls if call.rate > HIGHEST_RATE]
    by_node = {call.node: call for call in trace.calls if call.node is not None}
    findings += _judge_inputs(trace.calls, markers)
    findings += _judge_sinks(by_node, trace, outputs)
    reached = [by_node[n] for o in outputs for n in _behind(o.grad_fn, passed=TO_OUTPUT) if n in by_node]
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


def _judge_sinks(by_node: dict, trace: Trace, outputs: list[paddle.Tensor]) -> list[Finding]:
    findings = []
    for node in _graph(outputs):
        kind = _kind(node)
        if kind in BATCH_NORMALISATION or kind in POOLING or node in trace.poolings:
            what = "a batch normalisation" if kind in BATCH_NORMALISATION else "a pooling"
            data = next(iter(node.next_functions), None)
            for found in _behind(data) if data is not None else ():
                if found in by_node:
                    call = by_node[found]
                    reason, remedy = f"dropout reaches {what}", f"move it behind {what}"
                    findings.append(Finding(call.layer, "fault", reason, remedy))
    return findings


def _judge_head(by_node: dict, outputs: list[paddle.Tensor]) -> list[Finding]:
    last = [n for o in outputs for n in _behind(o.grad_fn, WEIGHTED, TO_OUTPUT) if _kind(n) in WEIGHTED]
    bare = [n for n in last if not any(f in by_node for f in _behind(n.next_functions[0]))]
    if not last or len(bare) < len(last):
        return []
    reason = "no dropout in front of the last weighted layer"
    return [Finding("", "information", reason, "a rate of 0.1 to 0.5 there regularizes the head")]


def _behind(
    start: Any, ends: frozenset = frozenset(), passed: frozenset = ELEMENTWISE_OR_SHAPE
) -> Iterator[Any]:
    """The nodes reached backwards from ``start`` through those of a kind in ``passed``.

    Nodes of a kind in ``ends`` are given too, and not passed.
    """
    stack, seen = [start], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if _kind(node) in ends or _kind(node) in passed:
            yield node
        if _kind(node) in passed:
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
    return node.name().partition("GradNode")[0]


def _mark(value: Any, markers: set) -> Any:
    """``value`` with its tensors behind graph nodes of their own, which are put into ``markers``."""
    if isinstance(value, dict):
        return {key: _mark(part, markers) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_mark(part, markers) for part in value)
    if not isinstance(value, paddle.Tensor):
        return value
    if not value.is_floating_point() and value.dtype != paddle.uint8:
        return value
    leaf = value.detach() if value.is_floating_point() else value.astype("float32")
    leaf.stop_gradient = False
    marked = leaf.scale(1.0)
    markers.add(marked.grad_fn)
    return marked


def _tensors(value: Any) -> Iterator[paddle.Tensor]:
    if isinstance(value, paddle.Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif hasattr(value, "values"):
        yield from _tensors(list(value.values()))

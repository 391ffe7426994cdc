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

Whether an output is a prediction or features for a head outside the model cannot be told from the
graph. Dropout at the end of a model is a fault only if it is on what a weighted layer gives, through
nothing but elementwise and shape operations; behind a normalisation or a pooling, as in T5 and XLNet
without a head, it is information. A last weighted layer that gives features passes for a prediction.
What goes on into further weighted layers and is returned as well, as hidden states and attention
are, is not taken for an output, nor are predictions that later layers refine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import paddle

from common.regularization.dropout_trace import DropoutCall, traced
from common.regularization.gradient_graph import TO_OUTPUT, WEIGHTED, Graph, ancestors, kind_of

HIGHEST_RATE = 0.7
BATCH_NORMALISATION = frozenset({"BatchNorm", "SyncBatchNorm"})
_POOLING = """
    FractionalMaxPool2d FractionalMaxPool3d LpPool2d MaxPool2dWithIndex MaxPool3dWithIndex Pool2d Pool3d
"""
POOLING = frozenset(_POOLING.split())


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
    dropout in front of it is information, and so is dropout at the end of a model that may give
    features for a head. The model and Paddle's random generators are as before afterwards.

    Args:
        inputs: one small batch; float and uint8 tensors, also in lists, tuples and dicts, are
            traced as the model's input, and the model gets the latter as float32.
    """
    with traced(model) as trace:
        markers: set = set()
        marked = [_mark(value, markers) for value in inputs]
        outputs = [t for t in _tensors(model(*marked)) if not t.stop_gradient]
    graph = Graph(trace, outputs)
    findings = [_judge_rate(call) for call in trace.calls if call.rate > HIGHEST_RATE]
    findings += _judge_inputs(graph, markers)
    findings += _judge_sinks(graph)
    findings += _judge_outputs(graph)
    return list(dict.fromkeys(findings + _judge_head(graph)))


def faults(findings: list[Finding]) -> list[Finding]:
    """The findings that are not mere information."""
    return [finding for finding in findings if finding.severity == "fault"]


def _judge_rate(call: DropoutCall) -> Finding:
    return Finding(call.layer, "fault", f"rate {call.rate:g} is above {HIGHEST_RATE}", "0.1 to 0.5 is usual")


def _judge_inputs(graph: Graph, markers: set) -> list[Finding]:
    calls = [call for call in graph.trace.calls if call.before is not None]
    reason, remedy = "dropout on the model's input", "drop after the first layer, or augment the input"
    return [
        Finding(call.layer, "fault", reason, remedy)
        for call in calls
        if markers & set(graph.behind(call.before))
    ]


def _judge_sinks(graph: Graph) -> list[Finding]:
    findings = []
    for node in graph.nodes:
        kind = kind_of(node)
        if kind in BATCH_NORMALISATION or kind in POOLING or node in graph.trace.poolings:
            what = "a batch normalisation" if kind in BATCH_NORMALISATION else "a pooling"
            data = next(iter(node.next_functions), None)
            for found in graph.behind(data) if data is not None else ():
                if found in graph.calls:
                    reason, remedy = f"dropout reaches {what}", f"move it behind {what}"
                    findings.append(Finding(graph.calls[found].layer, "fault", reason, remedy))
    return findings


def _judge_outputs(graph: Graph) -> list[Finding]:
    weighted = [node for node in graph.nodes if kind_of(node) in WEIGHTED]
    goes_on = set(ancestors(start for node in weighted for start in node.next_functions))
    findings = []
    for node in graph.behind_outputs():
        if node not in graph.calls or node in goes_on:
            continue
        call = graph.calls[node]
        predicts = any(kind_of(n) in WEIGHTED for n in graph.behind(call.before, WEIGHTED, TO_OUTPUT))
        severity = "fault" if predicts else "information"
        reason = "dropout on the model's raw output" if predicts else "dropout on features at the model's end"
        remedy = "put it on the input of the last weighted layer"
        remedy = remedy if predicts else f"right if a head follows; otherwise {remedy}"
        findings.append(Finding(call.layer, severity, reason, remedy))
    return findings


def _judge_head(graph: Graph) -> list[Finding]:
    last = [node for node in graph.behind_outputs(WEIGHTED) if kind_of(node) in WEIGHTED]
    bare = [n for n in last if not any(f in graph.calls for f in graph.behind(n.next_functions[0]))]
    if not last or len(bare) < len(last):
        return []
    reason = "no dropout in front of the last weighted layer"
    return [Finding("", "information", reason, "a rate of 0.1 to 0.5 there regularizes the head")]


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

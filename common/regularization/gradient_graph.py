"""The graph that Paddle keeps for the gradient of a traced pass, walked back from its outputs."""

from collections.abc import Iterable, Iterator, Set
from typing import Any

import paddle

from common.regularization.dropout_trace import Trace

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
_WEIGHTED = """
    Addmm Bilinear Bmm Conv2d Conv2dTranspose Conv3d Conv3dTranspose DepthwiseConv2d DepthwiseConv2dTranspose
    Einsum Linear Matmul Mv
"""
WEIGHTED = frozenset(_WEIGHTED.split())
# Between a mean over the features and the product or quotient that normalises by its root.
ROOTS = frozenset({"ElementwisePow", "Pow", "Rsqrt", "Sqrt"})
TO_STATISTIC = ROOTS | {"Add", "Assign", "Cast", "Clip", "Maximum", "Scale"}


class Graph:
    """What Paddle keeps for the gradient of a traced pass.

    Attributes:
        nodes: all nodes behind the outputs.
        calls: the dropouts by the node of their output.
    """

    def __init__(self, trace: Trace, outputs: list[paddle.Tensor]):
        self.trace, self.outputs = trace, outputs
        self.nodes = list(ancestors(output.grad_fn for output in outputs))
        self.calls = {call.node: call for call in trace.calls if call.node is not None}
        self.normalisations = {node for node in self.nodes if self._normalises(node)}

    def behind_outputs(self, ends: frozenset = frozenset()) -> list[Any]:
        """The nodes behind each output, as :meth:`behind` gives them."""
        return [node for output in self.outputs for node in self.behind(output.grad_fn, ends, TO_OUTPUT)]

    def behind(
        self, start: Any, ends: frozenset = frozenset(), passed: frozenset = ELEMENTWISE_OR_SHAPE
    ) -> Iterator[Any]:
        """The nodes reached backwards from ``start`` through those of a kind in ``passed``.

        Nodes of a kind in ``ends`` are given too, and not passed. Normalisations are neither.
        """
        return _reached(start, ends, passed, self.normalisations)

    def _normalises(self, node: Any) -> bool:
        """Whether it is the step of a normalisation that divides by the root of a mean."""
        if kind_of(node) not in ("Multiply", "Divide"):
            return False
        for factor in node.next_functions:
            chain = list(_reached(factor, frozenset({"Mean", "Sum"}), TO_STATISTIC))
            if ROOTS & {kind_of(n) for n in chain} and self.trace.statistics & set(chain):
                return True
        return False


def _reached(start: Any, ends: frozenset, passed: frozenset, stops: Set[Any] = frozenset()) -> Iterator[Any]:
    stack, seen = [start], set(stops)
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if kind_of(node) in ends or kind_of(node) in passed:
            yield node
        if kind_of(node) in passed:
            stack += node.next_functions


def ancestors(starts: Iterable[Any]) -> Iterator[Any]:
    """These nodes and all behind them, each once."""
    stack, seen = list(starts), set()
    while stack:
        node = stack.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            stack += node.next_functions


def kind_of(node: Any) -> str:
    """What a node is the gradient of, such as ``Matmul``."""
    return node.name().partition("GradNode")[0]

"""Dropout where it belongs: heads for vectors, and dropout of channels and blocks for feature maps.

In training each kept value is scaled so that the expectation is that of evaluation, where
every layer here is the identity.
"""

import paddle
from paddle import nn

ARTICLE_HEAD_RATE = 0.4
ARTICLE_FEATURE_RATE = 0.3


class DropoutClassifier(nn.Layer):
    """Dropout, then a linear layer.

    Args:
        features: width of the input, [batch, features].
        classes: number of classes; the output is [batch, classes], logits.
        rate: share of inputs set to zero in training, in [0, 1); the article's 0.4.

    Raises:
        ValueError: a rate outside [0, 1).
    """

    def __init__(self, features: int, classes: int, rate: float = ARTICLE_HEAD_RATE):
        super().__init__()
        _require_rate(rate)
        self.dropout = nn.Dropout(rate)
        self.classifier = nn.Linear(features, classes)

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        return self.classifier(self.dropout(features))


class MLPWithDropout(nn.Layer):
    """Linear, activation, dropout, linear; behind the activation, so that no zero is activated.

    Args:
        features, hidden, outputs: widths; [..., features] becomes [..., outputs].
        rate: share of hidden values set to zero in training, in [0, 1); the article's 0.4.
        activation: class of a layer, called without arguments; ReLU by default.

    Raises:
        ValueError: a rate outside [0, 1).
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        outputs: int,
        rate: float = ARTICLE_HEAD_RATE,
        activation: type[nn.Layer] = nn.ReLU,
    ):
        super().__init__()
        _require_rate(rate)
        self.hidden = nn.Linear(features, hidden)
        self.activation = activation()
        self.dropout = nn.Dropout(rate)
        self.output = nn.Linear(hidden, outputs)

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        return self.output(self.dropout(self.activation(self.hidden(features))))


class BlockDropout(nn.Layer):
    """Squares of a feature map are set to zero (DropBlock, Ghiasi et al. 2018).

    Single zeros in a feature map are filled in by their neighbours, which tell much the same.
    Every place is a block's centre with probability c, and n = block² centres reach a place, so
    c solves 1 - (1 - c)^n = ``rate``. Fewer centres reach the rim, which is dropped less.

    Args:
        rate: share of places set to zero in training, in [0, 1).
        block: side of a square, odd, in cells; 1 is element-wise dropout.

    Raises:
        ValueError: a rate outside [0, 1), a block that is even or below 1.
    """

    def __init__(self, rate: float = ARTICLE_FEATURE_RATE, block: int = 3):
        super().__init__()
        _require_rate(rate)
        if block < 1 or block % 2 == 0:
            raise ValueError(f"block: found {block}, expected an odd number from 1")
        self.dropout_rate, self.block = rate, block

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        """Features [batch, channels, rows, columns], each channel with blocks of its own."""
        if not self.training or self.dropout_rate == 0:
            return features
        centre = 1 - (1 - self.dropout_rate) ** (1 / self.block**2)
        centres = (paddle.rand(features.shape) < centre).astype("float32")
        dropped = nn.functional.max_pool2d(centres, self.block, stride=1, padding=self.block // 2)
        return features * ((1 - dropped) / self._kept(features)).astype(features.dtype)

    def _kept(self, features: paddle.Tensor) -> paddle.Tensor:
        # Fewer centres reach a place at the rim: its own probability keeps its expectation.
        reach = nn.functional.avg_pool2d(
            paddle.ones([1, 1, *features.shape[2:]]),
            self.block,
            stride=1,
            padding=self.block // 2,
            exclusive=False,
        )
        return (1 - self.dropout_rate) ** reach


def _require_rate(rate: float) -> None:
    if not 0 <= rate < 1:
        raise ValueError(f"rate: found {rate}, expected 0 <= rate < 1")


FEATURE_DROPOUTS = {"element": nn.Dropout, "channel": nn.Dropout2D, "block": BlockDropout}

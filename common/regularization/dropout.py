"""A classifier head with dropout where it belongs: on the input of the last linear layer."""

import paddle


class DropoutClassifier(paddle.nn.Layer):
    """Dropout, then a linear layer.

    Args:
        features: width of the input, [batch, features].
        classes: number of classes; the output is [batch, classes], logits.
        rate: share of inputs set to zero in training, in [0, 1); the rest are scaled by
            1/(1-rate), so that the expectation is kept and evaluation needs no scaling.
    """

    def __init__(self, features: int, classes: int, rate: float):
        super().__init__()
        self.dropout = paddle.nn.Dropout(rate)
        self.classifier = paddle.nn.Linear(features, classes)

    def forward(self, features: paddle.Tensor) -> paddle.Tensor:
        return self.classifier(self.dropout(features))

"""The loss of a batch of labelled reviews."""

import numpy as np
import paddle

from common.regularization.r_drop import symmetric_divergence
from common.training.class_weights import class_weights
from tasks.sentiment.config import Loss


class ClassificationLoss:
    """Cross-entropy with class weights and label smoothing, and R-Drop.

    The mean runs over samples and is not divided by their weights' sum, so that it is the same
    however an update is cut into micro-batches.

    Args:
        labels: of the training reviews, int [n]; ``balanced`` weights come from their counts.
        classes: number of classes.
    """

    def __init__(self, config: Loss, labels: np.ndarray, classes: int):
        self.config = config
        weights = class_weights(config.class_weights, labels, classes)
        self.weights = paddle.to_tensor(weights.astype(np.float32))

    def __call__(self, model: paddle.nn.Layer, inputs: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """A scalar; with R-Drop the batch passes the model twice, in one pass of double size."""
        if not self.config.r_drop:
            return self.cross_entropy(model(inputs), labels)
        first, second = model(paddle.concat([inputs, inputs])).chunk(2)
        entropy = (self.cross_entropy(first, labels) + self.cross_entropy(second, labels)) / 2
        return entropy + self.config.r_drop * symmetric_divergence(first, second)

    def cross_entropy(self, logits: paddle.Tensor, labels: paddle.Tensor) -> paddle.Tensor:
        """Mean over samples of weight[label]·Σ -target·log p; targets are smoothed one-hot labels."""
        classes, smoothing = logits.shape[1], self.config.label_smoothing
        targets = paddle.nn.functional.one_hot(labels, classes) * (1 - smoothing) + smoothing / classes
        log_p = paddle.nn.functional.log_softmax(logits.astype("float32"))
        return (-(targets * log_p).sum(axis=1) * self.weights[labels]).mean()

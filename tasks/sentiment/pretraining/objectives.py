"""What a pretraining run minimises, and how its progress is measured."""

import numpy as np
import paddle
from paddle.nn.functional import cross_entropy

from tasks.sentiment.pretraining.export import masked_language_head
from tasks.sentiment.pretraining.masking import MaskedBatch
from tasks.sentiment.pretraining.model import MaskedLanguageModel


class MaskedLanguageModelling:
    """Cross-entropy of the hidden tokens, mean over all of a batch."""

    def __init__(self, model: MaskedLanguageModel):
        self.model = model

    def loss(self, model: paddle.nn.Layer, inputs, places, labels) -> paddle.Tensor:
        """A scalar; ``model`` is the own one, perhaps in a wrapper."""
        return cross_entropy(model(inputs, places), labels)

    def measure(self, batch: MaskedBatch) -> dict[str, np.ndarray]:
        """Sums over the tokens of each piece, [pieces]: how many were hidden, guessed, and their loss."""
        logits = self.model(paddle.to_tensor(batch.inputs), paddle.to_tensor(batch.places))
        losses = cross_entropy(logits, paddle.to_tensor(batch.labels), reduction="none")
        right = logits.argmax(axis=1).numpy() == batch.labels
        owners = batch.places // batch.inputs.shape[1]
        pieces = len(batch.inputs)
        return {
            "masked": np.bincount(owners, minlength=pieces),
            "right": np.bincount(owners, right, pieces).astype(np.int64),
            "loss": np.bincount(owners, losses.numpy().ravel().astype(np.float64), pieces),
        }

    def metrics(self, sums: dict[str, float]) -> dict[str, float]:
        """``masked_accuracy``, ``loss`` and ``perplexity`` a hidden token."""
        loss = sums["loss"] / sums["masked"]
        return {
            "masked_accuracy": sums["right"] / sums["masked"],
            "loss": loss,
            "perplexity": float(np.exp(min(loss, 50.0))),
        }

    def exported_heads(self) -> dict[str, np.ndarray]:
        """Weights beside the encoder that another run or a user of Hugging Face can go on from."""
        return masked_language_head(self.model.head)

"""What a pretraining run minimises, and how its progress is measured."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import paddle
from numpy.random import Generator
from paddle.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tasks.sentiment.pretraining.config import Masking
from tasks.sentiment.pretraining.encoder_files import masked_language_head
from tasks.sentiment.pretraining.masking import MaskedBatch, TokenNumbers, mask_tokens, next_tokens
from tasks.sentiment.pretraining.model import MaskedLanguageModel, ReplacedTokenModel

# Above that a perplexity says nothing, and would soon be no number.
LARGEST_LOSS = 50.0


class Objective(Protocol):
    """What a task asks of an objective.

    Attributes:
        model: what is trained; its ``encoder`` is what is kept.
        selection_metric: one of :meth:`metrics`, greater is better.
    """

    model: paddle.nn.Layer
    selection_metric: str

    def hide(
        self, ids: np.ndarray, firsts: np.ndarray, numbers: TokenNumbers, masking: Masking, rng: Generator
    ) -> MaskedBatch:
        """What is to be guessed of pieces, by the arguments of :func:`mask_tokens`."""
        return mask_tokens(ids, firsts, numbers, masking, rng)

    def loss(
        self, model: paddle.nn.Layer, inputs: paddle.Tensor, places: paddle.Tensor, labels: paddle.Tensor
    ) -> paddle.Tensor:
        """A scalar for a :class:`MaskedBatch`; ``model`` is the own one, perhaps in a wrapper."""

    def measure(self, batch: MaskedBatch) -> dict[str, np.ndarray]:
        """Sums over the tokens of each piece, [pieces], from which :meth:`metrics` are computed."""

    def metrics(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Metrics by sums over any pieces."""

    def exported_heads(self) -> dict[str, np.ndarray]:
        """Weights beside the encoder that others can go on from, by torch's names."""


class MaskedLanguageModelling(Objective):
    """Cross-entropy of the hidden tokens, mean over all of a batch (Devlin et al. 2019)."""

    selection_metric = "masked_accuracy"

    def __init__(self, model: MaskedLanguageModel):
        self.model = model

    def loss(self, model: paddle.nn.Layer, inputs, places, labels) -> paddle.Tensor:
        """A scalar."""
        return cross_entropy(model(inputs, places), labels)

    def measure(self, batch: MaskedBatch) -> dict[str, np.ndarray]:
        """How many tokens were hidden, how many guessed, and their loss."""
        logits = self.model(paddle.to_tensor(batch.inputs), paddle.to_tensor(batch.places))
        return _guesses(logits, batch)

    def metrics(self, sums: Mapping[str, float]) -> dict[str, float]:
        """``masked_accuracy``, ``loss`` and ``perplexity`` of a hidden token."""
        loss = sums["masked_loss"] / sums["masked"]
        return {"masked_accuracy": sums["right"] / sums["masked"], "loss": loss, "perplexity": _exp(loss)}

    def exported_heads(self) -> dict[str, np.ndarray]:
        """Weights beside the encoder that others can go on from, by torch's names."""
        return masked_language_head(self.model.head)


class CausalLanguageModelling(MaskedLanguageModelling):
    """Cross-entropy of every token, guessed from those before it: seven times as many guesses as with masks.

    Encoders that begin so and end with masks are better for the same work (Gisserot-Boukhlef et al.
    2025, "Should we still pretrain encoders with masked language modeling?").
    """

    selection_metric = "next_token_accuracy"

    def hide(self, ids, firsts, numbers, masking, rng) -> MaskedBatch:
        """Each token, at the place before it; the masking is not read."""
        return next_tokens(ids, numbers)

    def metrics(self, sums: Mapping[str, float]) -> dict[str, float]:
        """``next_token_accuracy``, ``loss`` and ``perplexity`` of a token."""
        metrics = super().metrics(sums)
        return {"next_token_accuracy": metrics.pop("masked_accuracy"), **metrics}


class ReplacedTokenDetection(Objective):
    """The generator's cross-entropy plus ``weight`` times the encoder's, mean over all tokens (ELECTRA)."""

    selection_metric = "replaced_f1"

    def __init__(self, model: ReplacedTokenModel, pad: int, weight: float):
        self.model, self.pad, self.weight = model, pad, weight

    def loss(self, model: paddle.nn.Layer, inputs, places, labels) -> paddle.Tensor:
        """A scalar."""
        guesses, detection, replaced = model(inputs, places, labels)
        losses, real = self._detection_losses(inputs, detection, replaced)
        return cross_entropy(guesses, labels) + self.weight * losses.sum() / real.sum()

    def measure(self, batch: MaskedBatch) -> dict[str, np.ndarray]:
        """What :meth:`MaskedLanguageModelling.measure` gives of the generator, and of the encoder how many
        tokens there were, how many it told rightly, how many were replaced, flagged, and both."""
        inputs, places, labels = map(paddle.to_tensor, (batch.inputs, batch.places, batch.labels))
        guesses, detection, replaced = self.model(inputs, places, labels)
        losses, real = self._detection_losses(inputs, detection, replaced)
        flagged, replaced, real = (detection > 0).numpy(), replaced.numpy(), real.numpy() > 0
        return {
            **_guesses(guesses, batch),
            "tokens": real.sum(axis=1),
            "told": ((flagged == replaced) & real).sum(axis=1),
            "replaced": replaced.sum(axis=1),
            "flagged": (flagged & real).sum(axis=1),
            "found": (flagged & replaced).sum(axis=1),
            "detection_loss": losses.astype("float64").sum(axis=1).numpy(),
        }

    def metrics(self, sums: Mapping[str, float]) -> dict[str, float]:
        """The encoder's ``replaced_f1`` and ``replaced_accuracy``, the generator's ``masked_accuracy`` and
        ``perplexity``, and the ``loss`` of both."""
        masked_loss = sums["masked_loss"] / sums["masked"]
        detection_loss = sums["detection_loss"] / sums["tokens"]
        return {
            "replaced_f1": 2 * sums["found"] / max(1, sums["replaced"] + sums["flagged"]),
            "replaced_accuracy": sums["told"] / sums["tokens"],
            "masked_accuracy": sums["right"] / sums["masked"],
            "perplexity": _exp(masked_loss),
            "detection_loss": detection_loss,
            "loss": masked_loss + self.weight * detection_loss,
        }

    def exported_heads(self) -> dict[str, np.ndarray]:
        """None: the generator's head belongs to another width."""
        return {}

    def _detection_losses(self, inputs, detection, replaced) -> tuple[paddle.Tensor, paddle.Tensor]:
        """The loss of each token, 0 for padding; and which are no padding, as floats [pieces, longest]."""
        real = (inputs != self.pad).astype("float32")
        targets = replaced.astype("float32")
        return binary_cross_entropy_with_logits(detection, targets, real, reduction="none"), real


def _guesses(logits: paddle.Tensor, batch: MaskedBatch) -> dict[str, np.ndarray]:
    losses = cross_entropy(logits, paddle.to_tensor(batch.labels), reduction="none")
    right = logits.argmax(axis=1).numpy() == batch.labels
    owners, pieces = batch.places // batch.inputs.shape[1], len(batch.inputs)
    return {
        "masked": np.bincount(owners, minlength=pieces),
        "right": np.bincount(owners, right, pieces).astype(np.int64),
        "masked_loss": np.bincount(owners, losses.numpy().ravel().astype(np.float64), pieces),
    }


def _exp(loss: float) -> float:
    return float(np.exp(min(loss, LARGEST_LOSS)))

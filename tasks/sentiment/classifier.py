"""From texts to probabilities, whatever computes them; no Paddle here."""

from collections.abc import Callable, Sequence
from typing import Any, Optional

import numpy as np

BATCH = 64


class Classifier:
    """A tokenizer and what turns its token ids into probabilities.

    Args:
        tokenizer: PaddleNLP's.
        max_length: tokens; longer texts are cut.
        forward: probabilities [batch, classes] of token ids, int64 [batch, tokens], padded with
            the pad token.
    """

    def __init__(self, tokenizer: Any, max_length: int, forward: Callable[[np.ndarray], np.ndarray]):
        self.tokenizer, self.max_length, self.forward = tokenizer, max_length, forward

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token ids of each text, int64 [tokens], the special tokens among them."""
        encoded = self.tokenizer(list(texts), max_length=self.max_length, truncation=True)
        return [np.array(ids, np.int64) for ids in encoded["input_ids"]]

    def pad(self, token_ids: Sequence[np.ndarray]) -> np.ndarray:
        """Token ids of several texts as one array, int64 [batch, longest]."""
        padded = np.full((len(token_ids), max(map(len, token_ids))), self.tokenizer.pad_token_id, np.int64)
        for row, ids in zip(padded, token_ids):
            row[: len(ids)] = ids
        return padded

    def probabilities(
        self,
        token_ids: Sequence[np.ndarray],
        batch_size: int = BATCH,
        done: Optional[Callable[[int], Any]] = None,
    ) -> np.ndarray:
        """Probabilities, float64 [texts, classes], in the order of the texts.

        They are computed in batches of similar length, for little padding.

        Args:
            done: called after each batch with the number of its texts.
        """
        order = np.argsort([len(ids) for ids in token_ids], kind="stable")
        found = []
        for batch in np.split(order, range(batch_size, len(order), batch_size)):
            found.append(self.forward(self.pad([token_ids[i] for i in batch])))
            if done is not None:
                done(len(batch))
        restored = np.empty(len(order), np.int64)
        restored[order] = np.arange(len(order))
        return np.concatenate(found).astype(np.float64)[restored]

"""Which tokens a model has to guess, and what it sees in their place; no Paddle here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.sentiment.pretraining.config import Masking

# Special tokens, and the places that published vocabularies keep free.
NOT_A_WORD = re.compile(r"\[.*\]")


@dataclass(frozen=True)
class TokenNumbers:
    """Numbers of the special tokens of a vocabulary, and of all ordinary ones, int [ordinary]."""

    pad: int
    unknown: int
    cls: int
    sep: int
    mask: int
    ordinary: np.ndarray

    @classmethod
    def of(cls, vocabulary: Sequence[str]) -> "TokenNumbers":
        """Those of BERT's tokens in a vocabulary."""
        special = [vocabulary.index(f"[{name}]") for name in ("PAD", "UNK", "CLS", "SEP", "MASK")]
        ordinary = [i for i, token in enumerate(vocabulary) if token and not NOT_A_WORD.fullmatch(token)]
        return cls(*special, np.array(ordinary, np.int64))


@dataclass(frozen=True)
class MaskedBatch:
    """Pieces with some of their tokens hidden.

    Attributes:
        inputs: token ids with special tokens and padding, int64 [pieces, longest].
        places: where the tokens to guess stand in the flattened ``inputs``, rising, int64 [guesses].
        labels: those tokens, int64 [guesses].
    """

    inputs: np.ndarray
    places: np.ndarray
    labels: np.ndarray


def with_special_tokens(ids: np.ndarray, numbers: TokenNumbers) -> np.ndarray:
    """[CLS] in front of each row, [SEP] behind it, [PAD] behind that.

    Args:
        ids: int64 [pieces, longest], -1 behind the end of a piece.
    """
    result = np.full((len(ids), ids.shape[1] + 2), numbers.pad, np.int64)
    result[:, 1:-1][ids >= 0] = ids[ids >= 0]
    result[:, 0] = numbers.cls
    result[np.arange(len(ids)), (ids >= 0).sum(axis=1) + 1] = numbers.sep
    return result


def next_tokens(ids: np.ndarray, numbers: TokenNumbers) -> MaskedBatch:
    """Every token but [UNK] is to be guessed at the place before it; nothing is hidden.

    Args:
        ids: int64 [pieces, longest], -1 behind the end of a piece.
    """
    rows, columns = np.nonzero((ids >= 0) & (ids != numbers.unknown))
    inputs = with_special_tokens(ids, numbers)
    return MaskedBatch(inputs, rows * inputs.shape[1] + columns, ids[rows, columns])


def mask_tokens(
    ids: np.ndarray, firsts: np.ndarray, numbers: TokenNumbers, masking: Masking, rng: np.random.Generator
) -> MaskedBatch:
    """Choose whole words with the probability ``rate`` each, and hide their tokens.

    Of the chosen tokens the share ``masked`` becomes [MASK], the share ``random`` any ordinary
    token, and the rest stays. [UNK] is never chosen. At least one token of a batch is, unless
    all are unknown.

    Args:
        ids: int64 [pieces, longest], -1 behind the end of a piece.
        firsts: whether each token is the first of a word; the others belong to the word before.
    """
    possible = (ids >= 0) & (ids != numbers.unknown)
    begins = firsts if masking.whole_words else np.ones_like(firsts)
    words = np.maximum.accumulate(np.where(begins, np.arange(ids.shape[1]), 0), axis=1)
    draws = np.take_along_axis(rng.random(ids.shape), words, axis=1)
    chosen = possible & (draws < masking.rate)
    if not chosen.any():
        chosen = possible & (draws == draws[possible].min(initial=2.0))
    inputs = with_special_tokens(ids, numbers)
    rows, columns = np.nonzero(chosen)
    labels, fate = ids[rows, columns], rng.random(len(rows))
    shown = np.where(fate < masking.masked, numbers.mask, labels)
    random = (fate >= masking.masked) & (fate < masking.masked + masking.random)
    shown[random] = rng.choice(numbers.ordinary, int(random.sum()))
    inputs[rows, columns + 1] = shown
    return MaskedBatch(inputs, rows * inputs.shape[1] + columns + 1, labels)

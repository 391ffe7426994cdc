"""Which tokens are masked, and by what (Devlin et al. 2019; whole words: Cui et al. 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Of the tokens to be predicted, these shares become [MASK] and another token; the rest stay.
MASKED, RANDOM = 0.8, 0.1


@dataclass(frozen=True)
class Special:
    """Numbers of the special tokens; those below ``ordinary`` are all special."""

    pad: int
    cls: int
    sep: int
    mask: int
    ordinary: int
    size: int


def padded(
    pieces: Sequence[tuple[np.ndarray, np.ndarray]], special: Special
) -> tuple[np.ndarray, np.ndarray]:
    """Pieces with [CLS] and [SEP] as one array, and the number of each token's word.

    Returns:
        Token ids, int64 [batch, longest], and words, int64 of the same shape: 0 for special tokens, else
        from 1 in the order of the text.
    """
    longest = max(len(ids) for ids, _ in pieces) + 2
    token_ids = np.full((len(pieces), longest), special.pad, np.int64)
    words = np.zeros_like(token_ids)
    for row, (ids, starts) in enumerate(pieces):
        token_ids[row, : len(ids) + 2] = [special.cls, *ids, special.sep]
        words[row, 1 : len(ids) + 1] = np.cumsum(starts)
    return token_ids, words


def choose(words: np.ndarray, share: float, whole_words: bool, rng: np.random.Generator):
    """Positions to predict, the same number in every row, [batch, n], and which of them count.

    Words are drawn one after the other, each with equal probability, until ``share`` of a row's tokens
    is reached; a word that does not fit does not count, unless it would be the only one. Rows shorter
    than the longest have places left that do not count.
    """
    batch, tokens = words.shape
    units = words if whole_words else np.where(words > 0, np.arange(tokens), 0)
    # An order of the units, the same number for every token of one, and special tokens behind all.
    draws = np.take_along_axis(rng.random((batch, tokens + 1)), units, 1)
    order = np.argsort(np.where(units > 0, draws, 2.0), axis=1, kind="stable")
    real = (units > 0).sum(1)
    wanted = np.maximum(1, np.round(share * real)).astype(np.int64)
    n = int(wanted.max())
    positions = order[:, :n]
    place = np.arange(n)
    counts = place < np.minimum(wanted, real)[:, None]
    ordered = np.take_along_axis(units, np.concatenate([order, order[:, -1:]], 1), 1)
    cut = np.take_along_axis(ordered, np.minimum(wanted, tokens)[:, None], 1)
    broken = counts & (ordered[:, :n] == cut)
    whole = counts & ~broken
    return positions, np.where(whole.any(1)[:, None], whole, counts)


def replace(
    token_ids: np.ndarray,
    positions: np.ndarray,
    counts: np.ndarray,
    special: Special,
    rng: np.random.Generator,
    always: bool = False,
) -> np.ndarray:
    """Token ids with the chosen ones hidden: 80 % [MASK], 10 % another token, 10 % as they were.

    Args:
        always: all of them [MASK], as ELECTRA's generator reads them.
    """
    hidden = token_ids.copy()
    draw = rng.random(positions.shape)
    kept = np.take_along_axis(token_ids, positions, 1)
    other = rng.integers(special.ordinary, special.size, positions.shape)
    new = np.where(draw < MASKED, special.mask, np.where(draw < MASKED + RANDOM, other, kept))
    new = np.full_like(kept, special.mask) if always else new
    np.put_along_axis(hidden, positions, np.where(counts, new, kept), 1)
    return hidden

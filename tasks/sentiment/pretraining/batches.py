"""The order in which a run sees its pieces, and the batches that it cuts the order into; no Paddle here."""

import math
from collections.abc import Sequence

import numpy as np

from common.errors import UserError
from common.seeding import generator
from tasks.sentiment.pretraining.config import Stage
from tasks.sentiment.pretraining.data import Data
from tasks.sentiment.pretraining.preparation import SPECIAL_TOKENS


class Stream:
    """Every pass of every stage, one after another, as batches of pieces of nearly one length.

    A pass is a fresh permutation of the pieces of its stage's corpora that are not held out. It is
    sorted by length, cut into batches, and the batches are shuffled: hardly any padding, and still
    other neighbours in every pass. Of a part of a pass, such as 0.4, only so many pieces are seen.

    Args:
        processes: that share each batch. One of fewer pieces, as the last of a pass can be, is left
            out, since the loop would, and then miss an update that it has counted.

    Attributes:
        pieces: number of the piece at each place of the stream, int [places].
        batches: the places of each update, in order.

    Raises:
        UserError: no batch has a piece for each process.
    """

    def __init__(
        self, data: Data, stages: Sequence[Stage], tokens_per_batch: int, seed: int, processes: int = 1
    ):
        self.lengths = np.diff(data.bounds) + SPECIAL_TOKENS
        self.batches: list[np.ndarray] = []
        orders: list[np.ndarray] = []
        place = 0
        for number, stage in enumerate(stages):
            chosen = [data.names.index(name) for name in stage.corpora]
            pieces = np.flatnonzero(np.isin(data.corpora, chosen) & ~data.held_out)
            for one_pass in range(math.ceil(stage.passes)):
                rng = generator(seed, "order", number, one_pass)
                share = min(1.0, stage.passes - one_pass)
                order = rng.permutation(pieces)[: math.ceil(share * len(pieces))]
                order = order[np.argsort(-self.lengths[order], kind="stable")]
                batches = batch_bounds(self.lengths[order], tokens_per_batch)
                self.batches += [np.arange(*batches[i]) + place for i in rng.permutation(len(batches))]
                orders.append(order)
                place += len(order)
        self.pieces = np.concatenate(orders)
        self.batches = [places for places in self.batches if len(places) >= processes]
        if not self.batches:
            raise UserError(
                f"data.tokens_per_batch: found {tokens_per_batch}, expected more: no batch has a text "
                f"for each of {processes} processes"
            )


def batch_bounds(lengths: np.ndarray, tokens: int) -> list[tuple[int, int]]:
    """Beginnings and ends of batches that hold at most ``tokens`` with padding, or one piece.

    Args:
        lengths: falling, int [pieces].
    """
    bounds, begin = [], 0
    while begin < len(lengths):
        end = min(len(lengths), begin + max(1, tokens // int(lengths[begin])))
        bounds.append((begin, end))
        begin = end
    return bounds


def padded(data: Data, pieces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pieces side by side, without special tokens.

    Returns:
        Token ids, int64 [pieces, longest], -1 behind the end of a piece; and whether each token is
        the first of a word, bool of the same shape.
    """
    begins, lengths = data.bounds[pieces], data.bounds[pieces + 1] - data.bounds[pieces]
    columns = np.arange(lengths.max())
    inside = columns < lengths[:, None]
    places = (begins[:, None] + columns)[inside]
    ids = np.full(inside.shape, -1, np.int64)
    firsts = np.zeros(inside.shape, bool)
    ids[inside], firsts[inside] = data.tokens[places], data.firsts[places]
    return ids, firsts

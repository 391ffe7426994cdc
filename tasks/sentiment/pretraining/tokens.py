"""Texts as token ids with the beginnings of their words, packed into flat arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jieba
import numpy as np
from tqdm import tqdm

from tasks.sentiment.pretraining.corpus import cut

jieba.setLogLevel("WARNING")


@dataclass(frozen=True)
class Pieces:
    """Texts, or parts of them, one behind the other.

    Attributes:
        ids: token ids without the special ones, int32 [all tokens].
        starts: whether a word begins with the token, bool [all tokens].
        offsets: where each piece begins, and the end, int64 [pieces + 1].
    """

    ids: np.ndarray
    starts: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(self.offsets[index], self.offsets[index + 1])
        return self.ids[part], self.starts[part]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each piece, int64 [pieces]."""
        return np.diff(self.offsets)


def encode(texts: Sequence[str], tokenizer: Any, longest: int, name: str = "") -> Pieces:
    """Cut, find the words, and look up their tokens.

    Words are those of jieba's dictionary, without its guesses at new ones, which take five times as
    long. Each different word is tokenised once.

    Args:
        longest: tokens of a piece, special ones not counted; what is beyond is left out, which happens
            only where one character gives several tokens.
    """
    known: dict[str, list[int]] = {}
    ids, starts, offsets = [], [], [0]
    for text in tqdm(texts, desc=f"tokens of {name}", unit="text", disable=None if name else True):
        for piece in cut(text, longest):
            begun = len(ids)
            for word in jieba.cut(piece, HMM=False):
                tokens = known.get(word)
                if tokens is None:
                    tokens = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(word))
                    known[word] = tokens
                if tokens and len(ids) - begun + len(tokens) <= longest:
                    ids += tokens
                    starts += [True] + [False] * (len(tokens) - 1)
            if len(ids) > begun:
                offsets.append(len(ids))
    return Pieces(np.array(ids, np.int32), np.array(starts, bool), np.array(offsets, np.int64))


def joined(parts: Sequence[Pieces]) -> Pieces:
    """Several as one."""
    ends = np.cumsum([0, *(len(part.ids) for part in parts)])
    offsets = [part.offsets[:-1] + end for part, end in zip(parts, ends)]
    return Pieces(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([*offsets, ends[-1:]]),
    )

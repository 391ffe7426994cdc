"""Which texts of a corpus give away texts that a model will be evaluated on; no Paddle here.

Of two normalised texts the one gives the other away if they are equal, if they share a run of
20 characters, or if the Jaccard similarity of their sets of 5-grams is 0.7 or more.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Optional

import numpy as np

from tasks.sentiment.checks.near import LENGTH, nearest

EQUAL, SHARED_RUN, SIMILAR = RULES = ("equal", "shared run", "similar")
RUN = 20
LEAST_SIMILARITY = 0.7
TEXTS_TOGETHER = 50_000
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def normalise(text: str) -> str:
    """Letters and digits alone, in compatibility form (NFKC) and lower case; for comparison only."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).lower())


def text_hash(normalised: str) -> str:
    """SHA-256 of a normalised text, by which a list can name it without showing it."""
    return hashlib.sha256(normalised.encode()).hexdigest()


class Evaluation:
    """Texts that a corpus must not give away.

    Args:
        texts: as :func:`normalise` leaves them; empty ones say nothing and are left out.
    """

    def __init__(self, texts: Iterable[str]):
        self.texts = sorted({text for text in texts if text})
        self.equal = frozenset(self.texts)
        self.runs = frozenset(run for text in self.texts for run in _runs(text))
        self.run_hashes = np.unique(_windows(self.texts, RUN)[0])
        self.gram_hashes = np.unique(_windows(self.texts, LENGTH)[0])

    def broken_rules(self, texts: Sequence[str]) -> list[Optional[str]]:
        """The first of :data:`RULES` that each normalised text breaks, None where it breaks none."""
        found: list[Optional[str]] = [EQUAL if text in self.equal else None for text in texts]
        for start in range(0, len(texts), TEXTS_TOGETHER):
            part = texts[start : start + TEXTS_TOGETHER]
            for rule, numbers in ((SHARED_RUN, self._sharing(part)), (SIMILAR, self._similar(part))):
                for number in numbers:
                    found[start + number] = found[start + number] or rule
        return found

    def _sharing(self, texts: Sequence[str]) -> Iterator[int]:
        hashes, owners = _windows(texts, RUN)
        for number in np.unique(owners[_among(hashes, self.run_hashes)]):
            if not self.runs.isdisjoint(_runs(texts[number])):
                yield int(number)

    def _similar(self, texts: Sequence[str]) -> list[int]:
        # Of a similar text at least that share of the different grams stands in the other one too, so
        # that few texts are left to be compared with all others.
        hashes, owners = _windows(texts, LENGTH)
        _, once = np.unique(hashes ^ (owners.astype(np.uint64) * FACTOR), return_index=True)
        grams = np.bincount(owners[once], minlength=len(texts))
        known = np.bincount(owners[once], _among(hashes[once], self.gram_hashes), len(texts))
        possible = np.flatnonzero((grams > 0) & (known >= LEAST_SIMILARITY * grams - 1e-6))
        near = nearest([texts[i] for i in possible], self.texts, LEAST_SIMILARITY)
        return [int(possible[number]) for number in near]


def _runs(text: str) -> Iterator[str]:
    return (text[i : i + RUN] for i in range(len(text) - RUN + 1))


def _windows(texts: Sequence[str], length: int) -> tuple[np.ndarray, np.ndarray]:
    """A hash, uint64, of every run of ``length`` characters inside a text, and the text's number."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32).astype(np.uint64)
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    number = max(0, len(codes) - length + 1)
    hashes = np.zeros(number, np.uint64)
    for offset in range(length):
        hashes = (hashes + codes[offset : offset + number]) * FACTOR
        hashes ^= hashes >> np.uint64(29)
    inside = owners[:number] == owners[length - 1 :]
    return hashes[inside], owners[:number][inside]


def _among(hashes: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    if not len(ordered):
        return np.zeros(len(hashes), bool)
    place = np.searchsorted(ordered, hashes).clip(max=len(ordered) - 1)
    return ordered[place] == hashes

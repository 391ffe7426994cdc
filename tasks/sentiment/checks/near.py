"""Texts that are nearly the same: Jaccard similarity of their sets of character 5-grams."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_matrix

LENGTH = 5
ROWS_TOGETHER = 500
PAIRS_TOGETHER = 100_000


def nearest(texts: Sequence[str], others: Sequence[str], least: float) -> dict[int, tuple[int, float]]:
    """The most similar of ``others`` for each text that has one, and does not stand there itself.

    Capital letters count as small ones. Every pair of at least that similarity is found: of two
    such sets, the rarest n - ceil(least·n) + 1 members of each, ordered alike, share one at least,
    so that only pairs which share one of those are compared in full.

    Args:
        texts, others: without punctuation; those of fewer than five characters are left out.
        least: similarity from 0, exclusive, to 1.

    Returns:
        {index of the text: (index of the other, similarity)}.
    """
    standing = set(others)
    rows = [i for i, text in enumerate(texts) if len(text) >= LENGTH and text not in standing]
    first = {text: i for i, text in reversed(list(enumerate(others))) if len(text) >= LENGTH}
    other_rows = sorted(first.values())
    if not rows or not other_rows:
        return {}
    grams = _grams([texts[i].lower() for i in rows] + [others[i].lower() for i in other_rows])
    best: dict[int, tuple[int, float]] = {}
    for left, right, similarity in _similar(grams[: len(rows)], grams[len(rows) :], least):
        if similarity > best.get(rows[left], (0, 0.0))[1]:
            best[rows[left]] = (other_rows[right], similarity)
    return best


def _grams(texts: list[str]) -> csr_matrix:
    """Which text has which 5-gram, [texts, grams] of ones, the rarest grams in the first columns."""
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    characters, ids = np.unique(codes, return_inverse=True)
    grams = ids
    for offset in range(1, LENGTH):
        longer = grams[:-1] * len(characters) + ids[offset:]
        grams = np.unique(longer, return_inverse=True)[1]
    owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    starts = np.flatnonzero(owner[: len(grams)] == owner[LENGTH - 1 :])
    pairs = np.unique(np.stack([owner[starts], grams[starts]]), axis=1)
    frequency = np.bincount(pairs[1])
    rank = np.empty(len(frequency), np.int64)
    rank[np.argsort(frequency, kind="stable")] = np.arange(len(frequency))
    matrix = csr_matrix((np.ones(pairs.shape[1], np.int32), (pairs[0], rank[pairs[1]])))
    matrix.sort_indices()
    return matrix


def _similar(texts: csr_matrix, others: csr_matrix, least: float) -> Iterator[tuple[int, int, float]]:
    sizes, other_sizes = np.diff(texts.indptr), np.diff(others.indptr)
    rarest, other_rarest = _rarest(texts, least), _rarest(others, least).T.tocsr()
    for start in range(0, texts.shape[0], ROWS_TOGETHER):
        left, right = (rarest[start : start + ROWS_TOGETHER] @ other_rarest).nonzero()
        left += start
        small = np.minimum(sizes[left], other_sizes[right])
        possible = small >= least * np.maximum(sizes[left], other_sizes[right])
        left, right = left[possible], right[possible]
        for pairs in np.split(np.arange(len(left)), range(PAIRS_TOGETHER, len(left), PAIRS_TOGETHER)):
            i, j = left[pairs], right[pairs]
            shared = np.asarray(texts[i].multiply(others[j]).sum(axis=1)).ravel()
            similarity = shared / (sizes[i] + other_sizes[j] - shared)
            for k in np.flatnonzero(similarity >= least):
                yield int(i[k]), int(j[k]), float(similarity[k])


def _rarest(grams: csr_matrix, least: float) -> csr_matrix:
    """The first n - ceil(least·n) + 1 of the n grams of each row; the others are left out."""
    sizes = np.diff(grams.indptr)
    # A product that is whole but for rounding, such as 0.7 * 10, must not be rounded up.
    kept = np.array([n - math.ceil(least * n - 1e-9) + 1 for n in sizes])
    position = np.arange(grams.nnz) - np.repeat(grams.indptr[:-1], sizes)
    chosen = position < np.repeat(kept, sizes)
    starts = np.concatenate([[0], np.cumsum(np.minimum(kept, sizes))])
    return csr_matrix((grams.data[chosen], grams.indices[chosen], starts), shape=grams.shape)

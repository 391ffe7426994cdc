"""Vectors of tokens from what stands around them, for embeddings to start from; no Paddle here."""

import os
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from tasks.sentiment.pretraining.data import Data

WINDOW = 5
# Frequent neighbours say less than their counts do (Levy, Goldberg & Dagan 2015).
SMOOTHING = 0.75


def token_vectors(data: Data, width: int, vocabulary: int) -> np.ndarray:
    """Vectors, float32 [vocabulary, width], with a mean square of 1; zeros for tokens without a neighbour.

    They are the left singular vectors, times the roots of the singular values, of the positive
    pointwise mutual information of tokens at most five places apart in a piece that is trained on.
    They are kept in the corpus's folder.
    """
    file = data.folder / f"token_vectors-{width}-{vocabulary}.npy"
    if not file.is_file():
        counts = _neighbours(data, vocabulary)
        vectors = _vectors(_positive_information(counts), width)
        vectors[_totals(counts) == 0] = 0
        _write(file, vectors)
    return np.load(file, allow_pickle=False)


def _neighbours(data: Data, vocabulary: int) -> csr_matrix:
    """How often two tokens stand near each other, float64 [vocabulary, vocabulary], symmetric."""
    lengths = np.diff(data.bounds)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    trained = np.repeat(~data.held_out, lengths)
    counts = csr_matrix((vocabulary, vocabulary))
    for offset in range(1, WINDOW + 1):
        together = (owners[:-offset] == owners[offset:]) & trained[offset:]
        pairs = data.tokens[:-offset][together], data.tokens[offset:][together]
        counts += csr_matrix((np.ones(len(pairs[0])), pairs), shape=counts.shape)
    return (counts + counts.T).tocsr()


def _totals(counts: csr_matrix) -> np.ndarray:
    return np.asarray(counts.sum(axis=1)).ravel()


def _positive_information(counts: csr_matrix) -> csr_matrix:
    """max(0, log p(token, neighbour) / (p(token) p(neighbour))), the last smoothed."""
    found = counts.tocoo()
    totals = _totals(counts)
    smoothed = totals**SMOOTHING
    information = np.log(found.data * smoothed.sum() / (totals[found.row] * smoothed[found.col]))
    positive = information > 0
    places = (found.row[positive], found.col[positive])
    return csr_matrix((information[positive], places), shape=counts.shape)


def _vectors(information: csr_matrix, width: int) -> np.ndarray:
    size = information.shape[0]
    rank = min(width, size - 1)
    # A fixed start, so that the same corpus has the same vectors.
    left, values, _ = svds(information, k=rank, v0=np.full(size, size**-0.5))
    vectors = np.zeros((size, width))
    vectors[:, :rank] = (left * np.sqrt(values))[:, ::-1]
    return (vectors / np.sqrt(np.square(vectors).mean())).astype(np.float32)


def _write(file: Path, vectors: np.ndarray) -> None:
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    with open(partial, "wb") as content:
        np.save(content, vectors, allow_pickle=False)
    os.replace(partial, file)

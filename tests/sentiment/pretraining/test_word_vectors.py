"""Vectors of tokens by their neighbours."""

import numpy as np
import pytest

from tasks.sentiment.pretraining.data import Data
from tasks.sentiment.pretraining.word_vectors import token_vectors
from tests.sentiment.pretraining.small_pretraining import small_trainer


def corpus(folder, pieces, held_out=()) -> Data:
    bounds = np.cumsum([0, *map(len, pieces)])
    tokens = np.concatenate(pieces).astype(np.int32)
    is_held_out = np.isin(np.arange(len(pieces)), held_out)
    zeros = np.zeros(len(pieces), np.int32)
    return Data(folder, ["a"], [], tokens, np.ones(len(tokens), bool), bounds, zeros, is_held_out)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def pieces():
    """Tokens 5 and 6 stand among 10 to 12, 7 and 8 among 13 to 15; 9 is never seen."""
    rng = np.random.default_rng(0)
    result = []
    for _ in range(400):
        kind = rng.integers(2)
        neighbours = rng.choice([10, 11, 12] if kind else [13, 14, 15], 4)
        result.append(np.insert(neighbours, rng.integers(5), rng.choice([5, 6] if kind else [7, 8])))
    return result


def test_tokens_with_the_same_neighbours_have_like_vectors(tmp_path):
    vectors = token_vectors(corpus(tmp_path, pieces()), 4, 16)
    assert vectors.shape == (16, 4) and vectors.dtype == np.float32
    assert cosine(vectors[5], vectors[6]) > 0.9 and cosine(vectors[7], vectors[8]) > 0.9
    assert cosine(vectors[5], vectors[7]) < 0.3
    assert (vectors[9] == 0).all() and (vectors[:5] == 0).all()
    assert np.square(vectors).mean() == pytest.approx(1, rel=1e-5)


def test_pieces_are_not_neighbours_of_each_other_and_held_out_ones_not_read(tmp_path):
    apart = [np.array([1, 2]), np.array([3, 4])] * 10
    vectors = token_vectors(corpus(tmp_path, [*apart, np.array([5, 6])], held_out=[20]), 4, 8)
    assert abs(cosine(vectors[1], vectors[3])) < 1e-3
    assert (vectors[5] == 0).all()


def test_vectors_are_the_same_every_time_and_kept(tmp_path):
    data = corpus(tmp_path, pieces())
    first = token_vectors(data, 4, 16)
    (file,) = tmp_path.iterdir()
    file.unlink()
    assert (token_vectors(data, 4, 16) == first).all()
    assert [path.name for path in tmp_path.iterdir()] == ["token_vectors-4-16.npy"]
    np.save(file, first + 1)
    assert (token_vectors(data, 4, 16) == first + 1).all()


def test_a_run_starts_from_them_when_asked(tmp_path):
    trainer = small_trainer(tmp_path / "run", tmp_path / "cache", {"model": {"word_vectors": True}})
    task = trainer.task
    table = task.model.encoder.embeddings.word_embeddings.weight.numpy()
    vectors = token_vectors(task.data, 32, len(task.data.vocabulary)) * 0.02
    known = (vectors != 0).any(axis=1)
    assert known.any() and not known.all()
    assert table[known] == pytest.approx(vectors[known]) and table[~known].std() > 0

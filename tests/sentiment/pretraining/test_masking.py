"""Which tokens are hidden, and by what."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sentiment.pretraining.config import Masking
from tasks.sentiment.pretraining.masking import (
    TokenNumbers,
    mask_tokens,
    next_tokens,
    with_special_tokens,
)

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[unused1]", *"abcdefghij"]
NUMBERS = TokenNumbers.of(VOCABULARY)
PAD, UNKNOWN, CLS, SEP, MASK = range(5)


def texts(pieces: int, longest: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    ids = rng.choice([UNKNOWN, *NUMBERS.ordinary], (pieces, longest))
    ids[np.arange(longest) >= rng.integers(1, longest + 1, pieces)[:, None]] = -1
    firsts = rng.random(ids.shape) < 0.6
    firsts[:, 0] = True
    return ids, firsts & (ids >= 0)


def masked(pieces=400, longest=40, seed=0, **fields):
    ids, firsts = texts(pieces, longest, np.random.default_rng(seed))
    batch = mask_tokens(ids, firsts, NUMBERS, Masking(**fields), np.random.default_rng(seed + 1))
    return ids, firsts, batch


def test_special_tokens_stand_around_each_piece_and_padding_behind():
    ids = np.array([[6, 7, 8], [6, -1, -1]])
    expected = [[CLS, 6, 7, 8, SEP], [CLS, 6, SEP, PAD, PAD]]
    assert with_special_tokens(ids, NUMBERS).tolist() == expected


def test_of_the_vocabulary_special_and_free_tokens_are_not_ordinary():
    assert NUMBERS.ordinary.tolist() == list(range(6, 16))


def test_next_tokens_are_guessed_at_the_places_before_them_and_none_is_hidden():
    ids = np.array([[6, UNKNOWN, 8], [7, -1, -1]])
    batch = next_tokens(ids, NUMBERS)
    assert batch.inputs.tolist() == [[CLS, 6, UNKNOWN, 8, SEP], [CLS, 7, SEP, PAD, PAD]]
    assert batch.places.tolist() == [0, 2, 5]
    assert batch.labels.tolist() == [6, 8, 7]


@given(seed=st.integers(0, 1000), rate=st.floats(0.01, 0.9), whole_words=st.booleans())
@settings(max_examples=100, deadline=None)
def test_labels_are_what_stood_at_the_places_and_all_else_is_untouched(seed, rate, whole_words):
    ids, _, batch = masked(5, 12, seed, rate=rate, whole_words=whole_words)
    plain = with_special_tokens(ids, NUMBERS)
    restored = batch.inputs.copy()
    restored.flat[batch.places] = batch.labels
    assert (restored == plain).all()
    assert (np.diff(batch.places) > 0).all() and not set(batch.labels) & set(range(6))
    assert len(batch.labels) or (ids[ids >= 0] == UNKNOWN).all()


@pytest.mark.parametrize("rate", [0.15, 0.4])
@pytest.mark.parametrize("whole_words", [True, False])
def test_as_many_tokens_are_hidden_as_the_rate_says(rate, whole_words):
    ids, _, batch = masked(3000, rate=rate, whole_words=whole_words)
    possible = (ids > UNKNOWN).sum()
    # Four standard deviations of some 30,000 words are below 0.012.
    assert len(batch.labels) / possible == pytest.approx(rate, abs=0.012)


def test_words_are_hidden_as_a_whole():
    ids, firsts, batch = masked(rate=0.3)
    hidden = np.zeros(batch.inputs.shape, bool)
    hidden.flat[batch.places] = True
    hidden = hidden[:, 1:-1]
    inside = ~firsts[:, 1:] & (ids[:, 1:] > UNKNOWN) & (ids[:, :-1] > UNKNOWN)
    assert (hidden[:, 1:] == hidden[:, :-1])[inside].all()


def test_of_hidden_tokens_the_shares_are_masked_random_and_kept():
    _, _, batch = masked(3000)
    shown = batch.inputs.flat[batch.places]
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.03)
    kept = (shown == batch.labels).mean()
    # A tenth stays, and of the random tenth one in ten is drawn to be what it was.
    assert kept == pytest.approx(0.1 + 0.1 / 10, abs=0.03)
    assert set(shown) <= {MASK, *NUMBERS.ordinary}
    _, _, batch = masked(300, masked=1.0, random=0.0)
    assert (batch.inputs.flat[batch.places] == MASK).all()


def test_the_same_stream_hides_the_same_and_another_one_others():
    one, two, other = (masked(seed=seed)[2] for seed in (0, 0, 5))
    assert (one.inputs == two.inputs).all() and (one.places == two.places).all()
    assert one.inputs.shape != other.inputs.shape or (one.inputs != other.inputs).any()


def test_something_is_hidden_even_when_the_rate_would_hide_nothing():
    ids, firsts = np.array([[6, 7, -1]]), np.array([[True, True, False]])
    for seed in range(20):
        batch = mask_tokens(ids, firsts, NUMBERS, Masking(rate=1e-6), np.random.default_rng(seed))
        assert len(batch.labels) == 1
    unknown = mask_tokens(np.array([[1, -1]]), firsts[:, :2], NUMBERS, Masking(), np.random.default_rng(0))
    assert len(unknown.labels) == 0

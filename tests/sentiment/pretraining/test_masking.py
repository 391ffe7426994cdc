"""Which tokens are chosen, and what stands in their places."""

import numpy as np
import pytest

from tasks.sentiment.pretraining.masking import Special, choose, padded, replace

SPECIAL = Special(pad=0, cls=2, sep=3, mask=4, ordinary=5, size=1000)


def words(lengths: list[int], of: int = 2) -> np.ndarray:
    """Rows of words of ``of`` tokens each."""
    pieces = [(np.arange(5, 5 + n), np.arange(n) % of == 0) for n in lengths]
    return padded(pieces, SPECIAL)[1]


def test_padded_adds_the_special_tokens():
    pieces = [(np.array([7, 8, 9]), np.array([1, 0, 1], bool)), (np.array([6]), np.array([1], bool))]
    token_ids, found = padded(pieces, SPECIAL)
    assert token_ids.tolist() == [[2, 7, 8, 9, 3], [2, 6, 3, 0, 0]]
    assert found.tolist() == [[0, 1, 1, 2, 0], [0, 1, 0, 0, 0]]


@pytest.mark.parametrize("share", [0.15, 0.4])
@pytest.mark.parametrize("whole_words", [True, False])
def test_the_share_is_chosen_and_never_a_special_token(share, whole_words):
    given = words([40] * 200 + [10] * 200)
    positions, counts = choose(given, share, whole_words, np.random.default_rng(0))
    chosen = np.take_along_axis(given, positions, 1)
    assert (chosen[counts] > 0).all()
    assert all(len(set(row[c])) == c.sum() for row, c in zip(positions, counts))
    for rows, tokens in ((slice(0, 200), 40), (slice(200, 400), 10)):
        # A word that does not fit is left out: at most one token of each row.
        wanted = max(1, round(share * tokens))
        assert wanted - 1 <= counts[rows].sum(1).mean() <= wanted


def test_words_are_chosen_whole():
    given = words([40] * 100)
    positions, counts = choose(given, 0.3, True, np.random.default_rng(1))
    for row, chosen, counted in zip(given, positions, counts):
        numbers = row[chosen[counted]]
        assert (np.bincount(numbers, minlength=21)[1:] % 2 == 0).all()


def test_every_token_is_chosen_equally_often():
    positions, counts = choose(words([20] * 20_000, of=1), 0.2, True, np.random.default_rng(2))
    found = np.bincount(positions[counts], minlength=22)
    assert found[0] == found[21] == 0
    # 20,000 x 0.2 each, within five standard deviations of a binomial.
    assert found[1:21] == pytest.approx(4000, abs=5 * (20_000 * 0.2 * 0.8) ** 0.5)


@pytest.mark.parametrize("lengths", [[1], [1, 30], [2, 3]])
def test_a_short_text_has_one_token_to_predict_at_least(lengths):
    positions, counts = choose(words(lengths), 0.15, True, np.random.default_rng(0))
    assert (counts.sum(1) >= 1).all()


def test_a_single_word_longer_than_the_share_is_predicted_in_part():
    given = words([6], of=6)
    _, counts = choose(given, 0.2, True, np.random.default_rng(0))
    assert counts.sum() == 1


def test_eighty_ten_ten():
    token_ids = np.full((400, 50), 500)
    positions = np.tile(np.arange(50), (400, 1))
    counts = positions % 2 == 0
    found = replace(token_ids, positions, counts, SPECIAL, np.random.default_rng(0))
    assert (found[~counts] == 500).all()
    chosen = found[counts]
    # 10,000 draws; five standard deviations.
    assert (chosen == SPECIAL.mask).mean() == pytest.approx(0.8, abs=0.02)
    assert (chosen == 500).mean() == pytest.approx(0.1, abs=0.015)
    assert chosen.min() >= SPECIAL.mask and chosen.max() < SPECIAL.size
    assert (token_ids == 500).all()


def test_a_generator_reads_masks_only():
    found = replace(
        np.full((2, 3), 9),
        np.array([[0], [2]]),
        np.ones((2, 1), bool),
        SPECIAL,
        np.random.default_rng(0),
        True,
    )
    assert found.tolist() == [[4, 9, 9], [9, 9, 4]]

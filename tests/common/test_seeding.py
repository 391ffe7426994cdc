"""Random streams depend on what they are for, and on nothing else."""

from common.seeding import derive, generator


def test_equal_arguments_give_equal_streams_and_different_ones_do_not():
    assert derive(0, "order", 3) == derive(0, "order", 3)
    seeds = {derive(seed, purpose, epoch) for seed in range(10) for purpose in "ab" for epoch in range(10)}
    assert len(seeds) == 200


def test_seeds_fit_every_library():
    assert all(0 <= derive(0, "x", i) < 2**31 for i in range(1000))


def test_streams_are_not_stored_but_made_anew():
    assert generator(1, "draw").permutation(50).tolist() == generator(1, "draw").permutation(50).tolist()

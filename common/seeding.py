"""Random streams that are functions of (seed, purpose, counters), so that none is ever stored."""

import hashlib

import numpy as np


def derive(seed: int, purpose: str, *counters: int) -> int:
    """A 31-bit seed for one purpose at one point of a run.

    Streams of different purposes, epochs or samples are independent for all practical
    ends, and adding a purpose never shifts another's numbers.
    """
    text = f"{seed}/{purpose}/{'/'.join(map(str, counters))}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """NumPy generator of the stream that :func:`derive` names."""
    return np.random.default_rng(derive(seed, purpose, *counters))

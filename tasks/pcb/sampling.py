"""Rare classes shown more often, by the repeat factors of Gupta et al. 2019 ("LVIS: A Dataset for
Large Vocabulary Instance Segmentation"); no Paddle here.
"""

from collections.abc import Sequence

import numpy as np

from tasks.pcb.data import Picture


def class_repeat_factors(pictures: Sequence[Picture], classes: int, threshold: float) -> np.ndarray:
    """max(1, sqrt(threshold / share)) of each class, float [classes]; 1 of one that no picture has.

    Args:
        threshold: share of the pictures below which a class counts as rare.
    """
    counts = np.zeros(classes)
    for picture in pictures:
        counts[np.unique(picture.labels)] += 1
    shares = np.where(counts > 0, counts / max(len(pictures), 1), 1.0)
    return np.sqrt(threshold / shares).clip(1)


def repeat_factors(pictures: Sequence[Picture], factors: np.ndarray) -> np.ndarray:
    """The greatest factor of a picture's classes, float [n]; 1 of a picture without boxes."""
    return np.array([factors[picture.labels].max(initial=1) for picture in pictures])


def systematic_sample(shares: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """``number`` indices in growing order, each as often as its share, rounded up or down at random.

    The published sampler repeats each picture by its rounded factor, so that epochs grow with the
    factors. Here an epoch keeps its length, and with it the number of updates that are compared.
    """
    ends = np.cumsum(shares) / np.sum(shares) * number
    indices = np.searchsorted(ends, np.arange(number) + rng.random(), side="right")
    # The last sum may be a rounding error short.
    return indices.clip(max=len(shares) - 1)

"""Anchors: typical box sizes, found by k-means on the training boxes."""

import numpy as np

from common.seeding import derive, generator
from tasks.pcb.augment import draw_magnification, unmagnified_margins
from tasks.pcb.config import Config

MASKS = ((6, 7, 8), (3, 4, 5), (0, 1, 2))


def cluster_anchors(sizes: np.ndarray, number: int = 9, seed: int = 0) -> list[list[int]]:
    """``number`` anchors (width, height), whole pixels, by growing area.

    Sizes are clustered on a logarithmic scale, where the IoU of two shapes depends on their
    difference. Whole pixels, because Paddle's decoder takes nothing else, and a loss with
    other anchors than the decoder's would learn shifted sizes.

    Args:
        sizes: widths and heights, float [n, 2], n >= 1, pixels.
    """
    # Takes a second to import, longer than a mistake in the data waits for its answer.
    from sklearn.cluster import KMeans

    logarithms = np.log(sizes)
    distinct = len(np.unique(logarithms, axis=0))
    kmeans = KMeans(min(number, distinct), n_init=10, random_state=seed).fit(logarithms)
    centres = np.exp(kmeans.cluster_centers_)
    # Too few different sizes: repeat them, the copies larger, by a pixel at least, so that they differ.
    rounds = [centres * 1.15**i + i for i in range(-(-number // len(centres)))]
    anchors = np.rint(np.concatenate(rounds)[:number]).astype(int).clip(1)
    return anchors[np.argsort(anchors.prod(axis=1), kind="stable")].tolist()


def training_sizes(boxes: np.ndarray, config: Config) -> np.ndarray:
    """Widths and heights of boxes as training will see them: scaled, magnified, resized, float [n, 2].

    Args:
        boxes: float32 [n, 4], half-open pixels of the pictures as they are.
    """
    scaled = boxes * config.data.scale
    rng = generator(config.train.seed, "magnification of anchors")
    sizes, factors = scaled[:, 2:] - scaled[:, :2], draw_magnification(config.augment, len(boxes), rng)
    sizes = (sizes - 2 * unmagnified_margins(sizes, factors, config.augment.margin)) * factors
    if config.augment.multiscale:
        scales = np.array(config.augment.multiscale) / config.augment.crop
        sizes = sizes * rng.choice(scales, (len(boxes), 1))
    return sizes


def training_anchors(boxes: np.ndarray, config: Config) -> list[list[int]]:
    """The anchors of a run that is trained on these boxes, as :func:`cluster_anchors` gives them."""
    return cluster_anchors(training_sizes(boxes, config), seed=derive(config.train.seed, "anchors"))

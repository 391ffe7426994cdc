"""MixUp (Zhang et al. 2018) for batches with class labels and for pictures with boxes.

Two pictures are averaged with weights λ and 1-λ, λ ~ Beta(α, α), and the boxes of both are
kept, each with the weight of its picture. A detection loss multiplies every positive term of
a box by its weight; the objectness target itself stays 1 (Zhang et al. 2019, "Bag of
Freebies for Training Object Detection Neural Networks").
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BoxSample:
    """A picture with its boxes.

    Attributes:
        image: float32 [height, width, channels].
        boxes: float32 [n, 4], half-open pixels x1, y1, x2, y2.
        labels: int64 [n], class indices.
        weights: float32 [n], in (0, 1]; 1 for an unmixed picture.
    """

    image: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def draw_lambda(rng: np.random.Generator, alpha: float) -> float:
    """λ ~ Beta(alpha, alpha), in [0, 1]."""
    return float(rng.beta(alpha, alpha))


def mix_batch(
    inputs: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Each sample mixed with another of its batch, with a λ of its own for each pair.

    The partners go once around the batch in random order, so that nobody is its own; a single
    sample stays as it is.

    Args:
        inputs: [batch, ...], any type; the result is float32, nothing is rounded.
        targets: [batch, classes], one-hot or soft; rows that sum to 1 still do afterwards.

    Raises:
        ValueError: targets are class numbers, which cannot be mixed.
    """
    if np.ndim(targets) != 2:
        raise ValueError(f"targets: found {np.ndim(targets)} dimensions, expected [batch, classes]")
    order = rng.permutation(len(inputs))
    partner = np.empty_like(order)
    partner[order] = np.roll(order, 1)
    share = rng.beta(alpha, alpha, len(inputs)).astype(np.float32)

    def mixed(values: np.ndarray) -> np.ndarray:
        values = np.asarray(values, np.float32)
        lam = share.reshape(-1, *[1] * (values.ndim - 1))
        return lam * values + (1 - lam) * values[partner]

    return mixed(inputs), mixed(targets)


def mix_box_samples(first: BoxSample, second: BoxSample, lam: float) -> BoxSample:
    """``lam`` of ``first`` and ``1 - lam`` of ``second``, on a canvas that holds both.

    Pixels stay float32: nothing is rounded. Boxes of a picture whose weight is 0 are left out.

    Raises:
        ValueError: ``lam`` is outside 0 to 1.
    """
    if not 0 <= lam <= 1:
        raise ValueError(f"lam: found {lam}, expected 0 <= lam <= 1")
    height = max(first.image.shape[0], second.image.shape[0])
    width = max(first.image.shape[1], second.image.shape[1])
    image = np.zeros((height, width, first.image.shape[2]), np.float32)
    parts = [(first, lam), (second, 1.0 - lam)]
    for sample, share in parts:
        rows, columns = sample.image.shape[:2]
        image[:rows, :columns] += np.float32(share) * sample.image
    kept = [(sample, np.float32(share)) for sample, share in parts if np.float32(share) > 0]
    return BoxSample(
        image=image,
        boxes=np.concatenate([sample.boxes for sample, _ in kept]),
        labels=np.concatenate([sample.labels for sample, _ in kept]),
        weights=np.concatenate([sample.weights * share for sample, share in kept]),
    )

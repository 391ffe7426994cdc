"""Pictures that look alike: correlation of small grey copies."""

from collections.abc import Sequence

import cv2
import numpy as np

from tasks.pcb.images import resize_image

SIDE = 32
PAIRS_TOGETHER = 4_000_000


def thumbnail(image: np.ndarray) -> np.ndarray:
    """A small grey copy of mean 0 and length 1, float32 [1024]; all 0 for a picture of one colour.

    The product of two is the correlation of their pixels, whatever their size, brightness and contrast.

    Args:
        image: uint8 [height, width, 1 or 3].
    """
    small = resize_image(image, SIDE, SIDE, cv2.INTER_AREA)
    grey = small.astype(np.float32).mean(axis=2).ravel()
    grey -= grey.mean()
    length = np.linalg.norm(grey)
    return grey / length if length > 1e-3 else np.zeros_like(grey)


def most_alike(looks: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """For each thumbnail the index of the most similar of ``others``, and their correlation, -1 to 1."""
    if not len(looks) or not len(others):
        return np.zeros(len(looks), int), np.full(len(looks), -1.0)
    known = np.stack(others)
    indices, similarities = [], []
    rows = max(1, PAIRS_TOGETHER // len(known))
    for start in range(0, len(looks), rows):
        correlation = np.stack(looks[start : start + rows]) @ known.T
        indices.append(correlation.argmax(axis=1))
        similarities.append(correlation.max(axis=1))
    return np.concatenate(indices), np.concatenate(similarities)

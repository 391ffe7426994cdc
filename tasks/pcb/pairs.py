"""A tested picture and its defect-free template as the channels of one array; no Paddle here.

The first half of the channels is the tested picture, the second its template. Whatever moves the pixels
of one so moves those of the other, and MixUp mixes both by one share.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import cv2
import numpy as np

from common.errors import UserError
from common.seeding import generator
from tasks.pcb.formats.records import Entry
from tasks.pcb.images import picture_size, read_image

# Of a template that is shown as tested: pixels along each axis, and the share of edge pixels that are
# flipped. Between the pictures of DeepPCB there are up to 3 pixels, and 0.24 of edge pixels differ.
MOST_SHIFT, FLIPPED = 3, 0.2


def stack_pair(tested: np.ndarray, template: np.ndarray) -> np.ndarray:
    """Two pictures, uint8 [height, width, 1 or 3], as [height, width, 2], or 6 if one of them has colour."""
    both = (tested, template)
    # Some grey files, also of DeepPCB, have three equal channels.
    if all((picture == picture[:, :, :1]).all() for picture in both):
        both = tuple(picture[:, :, :1] for picture in both)
    channels = max(picture.shape[2] for picture in both)
    return np.concatenate([widen(picture, channels) for picture in both], axis=2)


def widen(image: np.ndarray, channels: int) -> np.ndarray:
    """The image with ``channels`` channels, a multiple of its own: each several times in a row."""
    return image if image.shape[2] == channels else image.repeat(channels // image.shape[2], axis=2)


def read_shown(tested: Path, template: Optional[Path], bits: int = 16) -> np.ndarray:
    """What a network is shown: the tested picture, with its template where one is given.

    Raises:
        UserError: as :func:`tasks.pcb.images.read_image`.
    """
    image = read_image(tested, bits)
    return image if template is None else stack_pair(image, read_image(template, bits))


def require_templates(entries: Sequence[Entry], model_input: str) -> None:
    """Refuse damaged templates and, for a model of pairs, pictures without a template of their size.

    A model of tested pictures alone is shown templates too, when its false alarms on them are counted.

    Raises:
        UserError: one has none, or a template is damaged or has another size.
    """
    pairs = model_input != "tested"
    without = [entry for entry in entries if entry.template is None]
    if without and pairs:
        found = f"found no template of this and {len(without) - 1} other pictures"
        expected = "expected a_temp.jpg beside a_test.jpg, the folder templates, or data.templates"
        raise UserError(f"{without[0].picture}: {found}, which model.input {model_input} needs; {expected}")
    size = functools.lru_cache(maxsize=1)(picture_size)
    for entry in entries:
        if entry.template is None:
            continue
        found_size = size(entry.template)
        if pairs:
            require_equal_size(entry.template, found_size, entry.picture, picture_size(entry.picture))


def require_equal_size(
    template: Path, size: tuple[int, int], tested: Path, expected: tuple[int, int]
) -> None:
    """Refuse a template whose width and height are not those of its tested picture."""
    if size != expected:
        found = f"found a template of {size[0]} x {size[1]} pixels"
        raise UserError(f"{template}: {found}, expected {expected[0]} x {expected[1]} as {tested} has")


def shown_without_defect(template: np.ndarray, seed: int, name: str) -> np.ndarray:
    """A pair of a template with itself as another scan would have it: shifted, with flipped edge pixels.

    Args:
        template: uint8 [height, width, 1 or 3].
        seed, name: equal ones give equal pairs.

    Returns:
        uint8 [height, width, 2 or 6].
    """
    rng = generator(seed, f"without defect {name}")
    shift = rng.integers(-MOST_SHIFT, MOST_SHIFT + 1, 2)
    return stack_pair(flip_edges(shifted(template, *map(int, shift)), FLIPPED, rng), template)


def shifted(image: np.ndarray, right: int, down: int) -> np.ndarray:
    """The picture moved by whole pixels; what comes in repeats its border."""
    height, width = image.shape[:2]
    rows = (np.arange(height) - down).clip(0, height - 1)
    columns = (np.arange(width) - right).clip(0, width - 1)
    return image[rows[:, None], columns]


def flip_edges(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Edge pixels, each with a probability, on the other side: what was dark is bright.

    A pixel is turned about the middle between the darkest and the brightest in its 3 x 3 surroundings, so
    that a plain surface stays as it is.
    """
    low, high = (change(image, np.ones((3, 3))).reshape(image.shape) for change in (cv2.erode, cv2.dilate))
    flipped = rng.random(image.shape[:2]) < share
    # low + high - image is between low and high.
    return np.where(flipped[:, :, None], low + (high - image), image)

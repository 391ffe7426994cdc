"""Variation of training pictures: crops, magnification, flips, transposes, mosaic, MixUp.

A template is channels of the same array (:mod:`tasks.pcb.pairs`), so it gets what its tested picture gets.
"""

from typing import Optional

import cv2
import numpy as np

from common.regularization.mixup import BoxSample, draw_lambda, mix_box_samples
from common.seeding import generator
from tasks.pcb.config import Augment, Config
from tasks.pcb.images import resize_image
from tasks.pcb.pairs import shifted, widen

# Pixels of the unmagnified picture, from the first to before the second.
HOLE_RADII = (3, 9)


def crop(sample: BoxSample, corner: tuple[int, int], size: tuple[int, int], min_visible: float) -> BoxSample:
    """The part of ``size`` (width, height) at ``corner`` (left, top), black outside the picture.

    Boxes are clipped to it; one that keeps less than ``min_visible`` of its area is dropped.
    """
    (left, top), (width, height) = corner, size
    image = np.zeros((height, width, sample.image.shape[2]), sample.image.dtype)
    part = sample.image[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)]
    y, x = max(-top, 0), max(-left, 0)
    image[y : y + part.shape[0], x : x + part.shape[1]] = part
    whole = sample.boxes - np.array([left, top, left, top], np.float32)
    clipped = whole.clip(0, [width, height, width, height]).astype(np.float32)
    area = (whole[:, 2:] - whole[:, :2]).prod(axis=1)
    kept = (clipped[:, 2:] - clipped[:, :2]).prod(axis=1) >= min_visible * area
    return BoxSample(image, clipped[kept], sample.labels[kept], sample.weights[kept])


def random_crop(
    sample: BoxSample,
    augment: Augment,
    side: int,
    rng: np.random.Generator,
    span: Optional[int] = None,
    class_factors: Optional[np.ndarray] = None,
) -> BoxSample:
    """A crop that holds a random box whole where it fits, or, sometimes, a crop anywhere.

    Its sides are ``span`` over a magnification drawn for each axis, and it is resized to
    ``side`` x ``side`` pixels.

    Args:
        span: pixels of the unmagnified picture, ``side`` by default.
        class_factors: how much likelier a box of each class is to be the one; equally by default.
    """
    factors = draw_magnification(augment, 1, rng)
    wanted = np.rint((span or side) / factors[0]).astype(int)
    size = np.array(sample.image.shape[1::-1])
    low, high = np.zeros(2), np.maximum(size - wanted, 0)
    if len(sample.boxes) and rng.random() >= augment.background:
        box = sample.boxes[_draw_box(sample, class_factors, rng)]
        centred = (box[:2] + box[2:] - wanted) / 2
        reach = np.maximum((wanted - (box[2:] - box[:2])) / 2, 0)
        low, high = (np.clip(edge, 0, high) for edge in (centred - reach, centred + reach))
    corner = np.floor(rng.uniform(low, high + 1)).clip(0).astype(int)
    part = crop(sample, tuple(corner), tuple(wanted), augment.min_visible)
    if augment.margin:
        part = trim_margins(part, factors, augment.margin)
    if augment.template_shift:
        part = shift_template(part, augment.template_shift, rng)
    return resize(drill_holes(part, augment.holes, rng) if augment.holes else part, side)


def _draw_box(sample: BoxSample, class_factors: Optional[np.ndarray], rng: np.random.Generator) -> int:
    if class_factors is None:
        return rng.integers(len(sample.boxes))
    shares = class_factors[sample.labels]
    return rng.choice(len(shares), p=shares / shares.sum())


def drill_holes(sample: BoxSample, most: int, rng: np.random.Generator) -> BoxSample:
    """Up to ``most`` round white holes in dark copper, away from every box.

    A drilled hole is no defect, but it looks much like a pinhole to a model whose training
    boards have none. A template has it too: where both pictures show copper, it is drilled into both.
    """
    copper = (sample.image.max(axis=2) < 128).astype(np.uint8)
    drilled = np.zeros_like(copper)
    for x1, y1, x2, y2 in sample.boxes.astype(int):
        copper[max(y1, 0) : y2 + 1, max(x1, 0) : x2 + 1] = 0
    for _ in range(rng.integers(most + 1)):
        radius = int(rng.integers(*HOLE_RADII))
        # Beyond the rim of the hole stays at least as much copper as its radius.
        room = cv2.distanceTransform(copper, cv2.DIST_L2, 3) > 2 * radius
        rows, columns = np.nonzero(room)
        if len(rows):
            place = rng.integers(len(rows))
            centre = int(columns[place]), int(rows[place])
            drilled = cv2.circle(drilled, centre, radius, 1, cv2.FILLED)
            copper = cv2.circle(copper, centre, radius, 0, cv2.FILLED)
    image = np.where(drilled[:, :, None], np.uint8(255), sample.image)
    return BoxSample(image, sample.boxes, sample.labels, sample.weights)


def shift_template(sample: BoxSample, most: int, rng: np.random.Generator) -> BoxSample:
    """The template, the second half of the channels, moved by up to ``most`` pixels along each axis."""
    tested, template = np.split(sample.image, 2, axis=2)
    right, down = map(int, rng.integers(-most, most + 1, 2))
    image = np.concatenate([tested, shifted(template, right, down)], axis=2)
    return BoxSample(image, sample.boxes, sample.labels, sample.weights)


def draw_magnification(augment: Augment, number: int, rng: np.random.Generator) -> np.ndarray:
    """Factors [number, 2] on width and height, at least 1.

    For a share of ``augment.magnified`` a common one, log-uniform in 1 to ``augment.zoom``, times
    one for each axis, log-uniform in 1 to ``augment.stretch``; 1 for the others.
    """
    # One draw says whether and how much.
    drawn = rng.random((number, 1))
    position = np.minimum(drawn / max(augment.magnified, 1e-9), 1)
    common = position * np.log(augment.zoom)
    factors = np.exp(common + rng.uniform(0, np.log(augment.stretch), (number, 2)))
    return np.where(drawn < augment.magnified, factors, 1.0)


def unmagnified_margins(sizes: np.ndarray, factors: np.ndarray, margin: float) -> np.ndarray:
    """Pixels [n, 2] that a box gives up on each side before magnification, so that its margin stays as wide.

    People leave the same few pixels free around a defect, be it small or large.

    Args:
        sizes: widths and heights, [n, 2]; a margin is taken for at most 0.4 of a side.
        factors: of magnification, [n, 2] or [1, 2].
        margin: pixels between the rim of a box and its defect.
    """
    return np.minimum(margin, 0.4 * sizes) * (1 - 1 / factors)


def trim_margins(sample: BoxSample, factors: np.ndarray, margin: float) -> BoxSample:
    """A crop that will be magnified by ``factors`` [1, 2], its boxes smaller by :func:`unmagnified_margins`.

    A side on the crop's edge stays there: the box goes on beyond it, or ends there without a margin.
    """
    low, high = sample.boxes[:, :2], sample.boxes[:, 2:]
    less = unmagnified_margins(high - low, factors, margin)
    inside = low > 0, high < sample.image.shape[1::-1]
    boxes = np.concatenate([low + less * inside[0], high - less * inside[1]], axis=1)
    return BoxSample(sample.image, boxes.astype(np.float32), sample.labels, sample.weights)


def resize(sample: BoxSample, side: int) -> BoxSample:
    """The picture and its boxes stretched to ``side`` x ``side`` pixels."""
    height, width = sample.image.shape[:2]
    if (height, width) == (side, side):
        return sample
    shrunk = side < min(height, width)
    interpolation = cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR
    image = resize_image(sample.image, side, side, interpolation)
    scale = np.array([side / width, side / height] * 2, np.float32)
    return BoxSample(image, sample.boxes * scale, sample.labels, sample.weights)


def mirror(sample: BoxSample, axis: int) -> BoxSample:
    """Mirrored left-right (axis 0) or top-bottom (axis 1)."""
    extent = sample.image.shape[1 - axis]
    boxes = sample.boxes.copy()
    boxes[:, [axis, axis + 2]] = extent - sample.boxes[:, [axis + 2, axis]]
    return BoxSample(np.flip(sample.image, 1 - axis), boxes, sample.labels, sample.weights)


def transpose(sample: BoxSample) -> BoxSample:
    """Rows and columns swapped."""
    boxes = sample.boxes[:, [1, 0, 3, 2]]
    return BoxSample(sample.image.transpose(1, 0, 2), boxes, sample.labels, sample.weights)


def mosaic(samples: list[BoxSample], tiles: int) -> BoxSample:
    """``tiles`` x ``tiles`` pictures of one square size as one, row by row, with all their boxes."""
    side = samples[0].image.shape[0]
    parts = _equal_channels(*samples)
    rows = [np.concatenate([p.image for p in parts[i : i + tiles]], 1) for i in range(0, len(parts), tiles)]
    corners = [np.array([i % tiles, i // tiles] * 2, np.float32) * side for i in range(len(parts))]
    return BoxSample(
        np.concatenate(rows),
        np.concatenate([p.boxes + corner for p, corner in zip(parts, corners)]),
        np.concatenate([p.labels for p in parts]),
        np.concatenate([p.weights for p in parts]),
    )


def run_epochs(config: Config, pictures: int) -> int:
    """Epochs that a run on so many training pictures begins, by ``train.steps`` if that is given."""
    updates = -(-pictures * config.augment.crops // config.train.batch_size)
    steps = config.train.steps
    return -(-steps // updates) if steps else config.train.epochs


def has_ended(until: float, epoch: int, epochs: int) -> bool:
    """Whether MixUp or mosaic is over in an epoch, counted from 0; what has begun lasts whole epochs."""
    return epoch / epochs >= until


class Augmenter:
    """Draws the training view of a sample; a function of (seed, epoch, index) alone.

    Args:
        read: gives the whole picture with its boxes, by index; several indices may give the same.
        number: of indices, the views of an epoch.
        epochs: length of the run, for ``until``.
        seed: of all that is drawn.
        class_factors: as of :func:`random_crop`.
    """

    def __init__(
        self,
        read,
        number: int,
        augment: Augment,
        epochs: int,
        seed: int,
        class_factors: Optional[np.ndarray] = None,
    ):
        self.read, self.number, self.augment, self.epochs = read, number, augment, epochs
        self.seed, self.class_factors = seed, class_factors

    def sample(self, epoch: int, index: int, side: Optional[int] = None) -> BoxSample:
        """A view of ``side``, float32 [side, side, 1 or 3] in 0 to 255; of pairs 2 or 6 channels.

        Args:
            side: ``augment.crop`` by default; another shows the same, larger or smaller.
        """
        rng = generator(self.seed, "augment", epoch, index)
        side = side or self.augment.crop
        sample = self._view(epoch, index, side, rng)
        mixup = self.augment.mixup
        if not has_ended(mixup.until, epoch, self.epochs) and rng.random() < mixup.probability:
            other = self._view(epoch, int(rng.integers(self.number)), side, rng)
            sample = mix_box_samples(*_equal_channels(sample, other), draw_lambda(rng, mixup.alpha))
        return sample

    def _view(self, epoch: int, index: int, side: int, rng: np.random.Generator) -> BoxSample:
        settings = self.augment.mosaic
        if settings.tiles == 1 or has_ended(settings.until, epoch, self.epochs):
            return self._tile(index, side, self.augment.crop, rng)
        indices = [index, *rng.integers(self.number, size=settings.tiles**2 - 1).tolist()]
        part, span = (-(-whole // settings.tiles) for whole in (side, self.augment.crop))
        tiles = mosaic([self._tile(i, part, span, rng) for i in indices], settings.tiles)
        return crop(tiles, (0, 0), (side, side), self.augment.min_visible)

    def _tile(self, index: int, side: int, span: int, rng: np.random.Generator) -> BoxSample:
        sample = random_crop(self.read(index), self.augment, side, rng, span, self.class_factors)
        for axis in (0, 1):
            if self.augment.flip and rng.random() < 0.5:
                sample = mirror(sample, axis)
        if self.augment.transpose and rng.random() < 0.5:
            sample = transpose(sample)
        image = np.ascontiguousarray(sample.image, np.float32)
        return BoxSample(image, sample.boxes, sample.labels, sample.weights)


def _equal_channels(*samples: BoxSample) -> list[BoxSample]:
    channels = max(sample.image.shape[2] for sample in samples)
    return [BoxSample(widen(s.image, channels), s.boxes, s.labels, s.weights) for s in samples]

"""From pictures to detections, whatever decodes the boxes; no Paddle here."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from common.evaluation.detection import Detections
from tasks.pcb.images import resize_image
from tasks.pcb.pairs import widen

SCORE_THRESHOLD, NMS_IOU, MOST_DETECTIONS = 0.01, 0.45, 100
# Of one picture, by falling score; a trained network has some hundreds, an untrained one can have all cells.
MOST_CANDIDATES = 2000


@dataclass(frozen=True)
class Detector:
    """What finds defects in pictures.

    Attributes:
        classes: names, in the order of the network's outputs.
        stride: of the coarsest cells; pictures are filled up to multiples of it.
        scale: factor on the sides of every picture before it is shown to the network.
        forward: boxes, float32 [batch, boxes, 4] of x1, y1, x2, y2 in pixels, and scores, float32
            [batch, boxes, classes], for pictures, float32 [batch, 1 or 3, height, width], 0 to 255; for
            pairs with 2 or 6 channels, see :mod:`tasks.pcb.pairs`.
    """

    classes: tuple[str, ...]
    stride: int
    scale: float
    forward: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

    def detect(self, images: list[np.ndarray]) -> list[Detections]:
        """Detections in pixels of the pictures, uint8 [height, width, 1 or 3], or pairs of 2 or 6."""
        return self.detect_scaled([shrink(image, self.scale) for image in images])

    def detect_scaled(self, images: list[np.ndarray]) -> list[Detections]:
        """Detections in pixels of the pictures before they were scaled, as these are already.

        Neighbours that the network sees in one size go through it together. What fills up the smaller
        of two others would be seen from inside it, and its boxes would depend on its neighbour.
        """
        found = []
        for _, group in itertools.groupby(images, self._shown_size):
            together = list(group)
            shown = zip(together, *self.forward(stack_images(together, self.stride)))
            found += [self.chosen(boxes, scores, image.shape[:2]) for image, boxes, scores in shown]
        return found

    def chosen(self, boxes: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> Detections:
        """Detections of one picture, from what ``forward`` gives for it.

        Args:
            boxes: float32 [boxes, 4].
            scores: float32 [boxes, classes].
            size: height and width of the scaled picture.
        """
        found = suppress(boxes, scores, size)
        return Detections(found.boxes / np.float32(self.scale), found.labels, found.scores)

    def _shown_size(self, image: np.ndarray) -> list[int]:
        return [-(-side // self.stride) for side in image.shape[:2]]


def suppress(boxes: np.ndarray, scores: np.ndarray, size: tuple[int, int]) -> Detections:
    """Non-maximum suppression within each class.

    At most :data:`MOST_DETECTIONS`, by falling score, all above :data:`SCORE_THRESHOLD`; of boxes of one
    class with an IoU above :data:`NMS_IOU` the one with the greater score stays.

    Args:
        boxes: float32 [boxes, 4], clipped to the picture first; what lies outside is no detection.
        scores: float32 [boxes, classes].
        size: height and width of the picture.
    """
    boxes = boxes.clip(0, [size[1], size[0]] * 2).astype(np.float32)
    inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    box, label = np.nonzero((scores > SCORE_THRESHOLD) & inside[:, None])
    order = np.argsort(-scores[box, label], kind="stable")[:MOST_CANDIDATES]
    box, label = box[order], label[order]
    corners, score = boxes[box], scores[box, label]
    # Classes that lie beside each other overlap nowhere, so one suppression serves all of them.
    apart = corners[:, :2].astype(float) + label[:, None] * (max(size) + 1.0)
    rectangles = np.concatenate([apart, corners[:, 2:] - corners[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(rectangles.tolist(), score.tolist(), SCORE_THRESHOLD, NMS_IOU)
    kept = np.asarray(kept, int).reshape(-1)[:MOST_DETECTIONS]
    return Detections(corners[kept], label[kept], score[kept])


def stack_images(images: list[np.ndarray], stride: int = 1) -> np.ndarray:
    """Pictures [height, width, channels] as one float32 array [batch, channels, height, width].

    Grey ones stay one channel, and pairs of them two, if all are grey. Smaller pictures are filled up
    with black, at the right and at the bottom, to the largest sides and on to multiples of ``stride``.
    """
    height, width = (-(-max(i.shape[axis] for i in images) // stride) * stride for axis in (0, 1))
    channels = max(i.shape[2] for i in images)
    batch = np.zeros((len(images), channels, height, width), np.float32)
    for row, image in zip(batch, images):
        row[:, : image.shape[0], : image.shape[1]] = widen(image, channels).transpose(2, 0, 1)
    return batch


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """The picture with its sides times ``scale``, each new pixel the mean of those it covers."""
    if scale == 1.0:
        return image
    width, height = (max(1, round(side * scale)) for side in image.shape[1::-1])
    return resize_image(image, width, height, cv2.INTER_AREA)

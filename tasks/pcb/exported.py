"""An exported detector: what its folder holds, and how it is run; Paddle runs its own format alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

from common.errors import UserError
from common.inference.running import load_forward, model_files, require_format
from common.json_file import read_object
from tasks.pcb.detect import Detector
from tasks.runs import EXPORT

# Of the network's input, by whether it is shown pairs.
CHANNELS = {False: 3, True: 6}
MODEL_INPUTS = ("tested", "pair", "difference")


@dataclass(frozen=True)
class Exported:
    """The model in a folder.

    Attributes:
        format: ``paddle`` or ``onnx``.
        stride: pictures are filled up to multiples of it.
        scale: factor on the sides of every picture.
        threshold: score with the greatest F1 on validation, if that was measured.
        pairs: whether it is shown each picture with its template.
        bits: that the camera uses of a picture of 16.
    """

    folder: Path
    format: str
    classes: tuple[str, ...]
    stride: int
    scale: float
    threshold: Optional[float]
    pairs: bool = False
    bits: int = 16

    def load(self) -> Detector:
        """The model, on the processor.

        Raises:
            UserError: it cannot be loaded, or has another input or other classes than ``export.json`` says.
        """
        shown = (self.classes, self.stride, self.scale, self.pairs)
        detector = load_detector(self.folder, self.format, *shown)
        channels = CHANNELS[self.pairs]
        try:
            _, scores = detector.forward(np.zeros((1, channels, self.stride, self.stride), np.float32))
        except Exception:
            # Each format has its own exceptions, of many lines.
            expected = f"expected one that does, as in {EXPORT}"
            raise UserError(
                f"{self.folder}: found a model that takes no {channels} channels, {expected}"
            ) from None
        if scores.shape[-1] != len(self.classes):
            raise UserError(
                f"{self.folder}: found a model of {scores.shape[-1]} classes, "
                f"expected {len(self.classes)}, as in {EXPORT}"
            )
        return detector


def find_exported(folder: Path) -> Exported:
    """The model in a folder, checked as far as that goes without loading it.

    Raises:
        UserError: a file is missing or damaged, or the format needs a package that is not installed.
    """
    file = folder / EXPORT
    found = read_object(file)
    kind = require_format(file, found.get("format"))
    model_files(folder, kind)
    classes = require_classes(file, found.get("classes"))
    stride, scale, threshold = (found.get(name) for name in ("stride", "scale", "threshold"))
    if type(stride) is not int or stride < 1:
        raise UserError(f"{file}: stride: found {stride!r}, expected a number of pixels")
    if type(scale) not in (int, float) or not 0 < scale <= 1:
        raise UserError(f"{file}: scale: found {scale!r}, expected a number above 0, at most 1")
    if threshold is not None and (type(threshold) not in (int, float) or not 0 <= threshold <= 1):
        raise UserError(f"{file}: threshold: found {threshold!r}, expected a number from 0 to 1")
    # Older exports say neither.
    model_input, bits = found.get("model_input", "tested"), found.get("bits", 16)
    if model_input not in MODEL_INPUTS:
        expected = f"expected one of {', '.join(MODEL_INPUTS)}"
        raise UserError(f"{file}: model_input: found {model_input!r:.40}, {expected}")
    if type(bits) is not int or not 9 <= bits <= 16:
        raise UserError(f"{file}: bits: found {bits!r:.40}, expected a number from 9 to 16")
    pairs = model_input != "tested"
    return Exported(folder, kind, classes, stride, float(scale), threshold, pairs, bits)


def require_classes(file: Path, found: Any) -> tuple[str, ...]:
    """The names of classes that a file holds.

    Raises:
        UserError: they are something else, or one of them stands there twice.
    """
    if not isinstance(found, list) or not found or not all(isinstance(name, str) for name in found):
        raise UserError(f"{file}: classes: found {found!r}, expected a list of names")
    if len(set(found)) < len(found):
        raise UserError(f"{file}: classes: found a name twice, expected different ones")
    return tuple(found)


def load_detector(
    folder: Path, kind: str, classes: tuple[str, ...], stride: int, scale: float, pairs: bool = False
) -> Detector:
    """What detects with the files of a folder, in which there need not be an ``export.json`` yet.

    Raises:
        UserError: the model cannot be loaded.
    """
    forward = load_forward(folder, kind)

    def boxes_and_scores(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if images.shape[1] < CHANNELS[pairs]:
            images = images.repeat(3, axis=1)
        boxes, scores = forward(images)
        return boxes, scores

    return Detector(classes, stride, scale, boxes_and_scores)

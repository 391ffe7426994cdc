"""Picture files: found, measured and decoded; no Paddle here."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from common.errors import UserError

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# OpenCV decodes no more; Pillow by itself a sixth, which the scan of a whole panel can have.
MOST_PIXELS = 2**30


def is_picture(path: Path) -> bool:
    """Whether a file's name ends as those of pictures do."""
    return path.suffix.lower() in SUFFIXES


def find_files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in the order of their names, folder by folder.

    Hidden ones are left out, as those that operating systems put beside pictures.
    """
    seen = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        # A link to a folder above itself would go on for ever.
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))


def resize_image(image: np.ndarray, width: int, height: int, interpolation: int) -> np.ndarray:
    """The image, uint8 [rows, columns, channels], as [height, width, channels].

    Args:
        interpolation: of OpenCV, such as ``cv2.INTER_AREA``.
    """
    # OpenCV takes the mean of areas of four channels at most; pairs in colour have six.
    parts = np.split(image, 2, axis=2) if image.shape[2] > 4 else [image]
    resized = [cv2.resize(part, (width, height), interpolation=interpolation) for part in parts]
    return np.concatenate([part.reshape(height, width, -1) for part in resized], axis=2)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height of a picture as :func:`read_image` gives it, which is decoded to its end.

    A JPEG is decoded at an eighth of its size: DeepPCB's 1,500 pictures take half a second.

    Raises:
        UserError: missing, no picture, of other numbers than 8 or 16 bits, or cut off, which OpenCV would
            fill with grey without a word.
    """
    if path.suffix.lower() in (".tif", ".tiff"):
        # Pillow knows none with three channels of 16 bits, and turns others itself; OpenCV fills up none.
        height, width = _decode(path).shape[:2]
        return width, height
    # PaddleDetection tells Pillow for the whole process to fill up what is cut off.
    fills_up, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    # Pillow refuses twice as many.
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MOST_PIXELS // 2
    try:
        with _silent(), Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
            image.draft("L", (1, 1))
            image.load()
            deep = image.mode in ("F", "I")
        if deep or turned:
            # Whether OpenCV turns a picture depends on its format and on the version: WebP it leaves.
            height, width = _decode(path).shape[:2]
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, expected a picture") from None
    except UserError:
        raise
    except Exception as error:  # each of Pillow's formats has errors of its own
        unknown = isinstance(error, UnidentifiedImageError)
        found = f"found {_bytes(path)} bytes that are no whole picture"
        raise UserError(f"{path}: {found}{'' if unknown else f': {error}'}") from None
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS = fills_up, limit
    return width, height


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    # Pillow complains of what is damaged before it raises, and of pictures of half the pixels it takes.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_image(path: Path, bits: int = 16) -> np.ndarray:
    """Pixels of a picture, uint8 [height, width, 1 or 3]; grey has one channel, however it is stored.

    Args:
        bits: how many of the 16 bits of a deep picture its camera uses; the greatest number that they
            hold becomes 255.

    Raises:
        UserError: missing, not a picture, or one of other numbers than 8 or 16 bits.
    """
    image = _decode(path)
    if image.dtype == np.uint16:
        # In float32 the quotient of two whole numbers is right to far less than half a step.
        image = np.rint(image * np.float32(255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)
    if image.ndim == 3 and (image == image[:, :, :1]).all():
        # One such picture in a batch would make the whole batch three times as large.
        image = image[:, :, 0]
    return np.ascontiguousarray(image)[:, :, None] if image.ndim == 2 else image


def _decode(path: Path) -> np.ndarray:
    # OpenCV's own reading of files fails on names beyond ASCII on Windows.
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
    try:
        image = cv2.imdecode(content, flags) if content.size else None
    except cv2.error:
        image = None
    if image is None:
        raise UserError(f"{path}: found {content.size} bytes that are no picture")
    if image.dtype not in (np.uint8, np.uint16):
        raise UserError(f"{path}: found pixels of {image.dtype}, expected 8 or 16 bits")
    return image


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0

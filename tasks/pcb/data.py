"""Pictures and boxes in DeepPCB's layout; no Paddle here.

``trainval.txt`` and ``test.txt`` hold lines ``group00041/00041/00041000.jpg
group00041/00041_not/00041000.txt``. The picture of a tested board is the named file with
``_test`` before its suffix; each line of an annotation is ``x1 y1 x2 y2 class``, classes 1 to 6.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import UserError
from common.seeding import generator
from tasks.pcb.config import Config
from tasks.pcb.images import picture_size

# Beyond any camera, and within what float32 counts exactly.
MOST_PIXELS = 65_535
CLASSES = ("open", "short", "mousebite", "spur", "copper", "pinhole")


@dataclass(frozen=True)
class Picture:
    """An annotated picture, not yet read.

    Attributes:
        path: the picture file.
        group: board group, such as ``00041``.
        boxes: float32 [n, 4], half-open pixels x1, y1, x2, y2.
        labels: int64 [n], indices into the classes.
    """

    path: Path
    group: str
    boxes: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Data:
    """The pictures of each split, and what is told of them."""

    classes: tuple[str, ...]
    splits: dict[str, list[Picture]]

    def summary(self) -> str:
        """Pictures and boxes a split, in one line."""
        parts = [
            f"{name} {len(pictures)} pictures, {sum(len(p.labels) for p in pictures)} boxes"
            for name, pictures in self.splits.items()
        ]
        return "; ".join(parts)

    def hash(self) -> str:
        """SHA-256 over the names, boxes and labels of every split."""
        digest = hashlib.sha256()
        for name, pictures in self.splits.items():
            for picture in pictures:
                digest.update(f"{name} {picture.path.name}".encode())
                digest.update(picture.boxes.tobytes() + picture.labels.tobytes())
        return digest.hexdigest()


def read_data(config: Config, data_root: Path) -> Data:
    """Read the lists and every annotation; pictures are checked to be whole and to hold their boxes.

    The validation split is the board group ``data.validation_group``, held out whole.

    Raises:
        UserError: a missing or malformed file, with its line; an empty split.
    """
    root = Path(data_root) / config.data.root
    if not root.is_dir():
        raise UserError(f"{root}: no such folder, expected DeepPCB's PCBData (see --data-root)")
    listed = _read_list(root, "trainval.txt")
    validation = [p for p in listed if p.group == config.data.validation_group]
    pool = [p for p in listed if p.group != config.data.validation_group]
    if not validation:
        groups = ", ".join(sorted({p.group for p in listed}))
        found = config.data.validation_group
        raise UserError(f"data.validation_group: found {found}, expected one of {groups}")
    size = config.data.train_size or len(pool)
    if not pool or size > len(pool):
        raise UserError(f"data.train_size: found {size}, expected at most {len(pool)}, all of {root}")
    order = generator(config.data.seed, "draw").permutation(len(pool))[:size]
    train = [pool[i] for i in sorted(order)]
    splits = {"train": train, "validation": validation, "test": _read_list(root, "test.txt")}
    for name, pictures in splits.items():
        if not any(len(picture.labels) for picture in pictures):
            raise UserError(f"{root}: {name} split: found no box in {len(pictures)} pictures, expected some")
    return Data(CLASSES, splits)


def _read_list(root: Path, name: str) -> list[Picture]:
    pictures = []
    for number, line in enumerate(_lines(root / name), start=1):
        if not line.strip():
            continue
        names = line.split()
        if len(names) != 2:
            expected = "expected a picture and an annotation"
            raise UserError(f"{root / name}: line {number}: found {line!r}, {expected}")
        picture, annotation = (root / part for part in names)
        tested = picture.with_name(f"{picture.stem}_test{picture.suffix}")
        if not tested.is_file():
            raise UserError(f"{root / name}: line {number}: no such picture {tested}")
        boxes, labels = read_annotation(annotation)
        _require_inside(annotation, boxes, picture_size(tested))
        pictures.append(Picture(tested, picture.parent.name, boxes, labels))
    return pictures


def read_annotation(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Boxes, float32 [n, 4] in half-open pixels, and class indices from 0, int64 [n]."""
    rows = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            x1, y1, x2, y2, label = (int(value) for value in line.replace(",", " ").split())
        except ValueError:
            raise UserError(
                f"{path}: line {number}: found {line!r}, expected five whole numbers x1 y1 x2 y2 class"
            ) from None
        if not 1 <= label <= len(CLASSES):
            raise UserError(f"{path}: line {number}: found class {label}, expected 1 to {len(CLASSES)}")
        if x1 < 0 or y1 < 0 or x2 <= x1 or y2 <= y1 or max(x2, y2) > MOST_PIXELS:
            expected = f"expected 0 <= x1 < x2 <= {MOST_PIXELS} and y1, y2 likewise"
            raise UserError(f"{path}: line {number}: found box {x1} {y1} {x2} {y2}, {expected}")
        rows.append((x1, y1, x2, y2, label - 1))
    table = np.array(rows, np.int64).reshape(-1, 5)
    return table[:, :4].astype(np.float32), table[:, 4]


def _require_inside(annotation: Path, boxes: np.ndarray, size: tuple[int, int]) -> None:
    outside = (boxes[:, 2:] > size).any(axis=1)
    if outside.any():
        box = " ".join(f"{value:g}" for value in boxes[outside][0])
        expected = f"expected it inside the {size[0]} x {size[1]} picture"
        raise UserError(f"{annotation}: found box {box}, {expected}")


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None

"""Pictures with boxes, checked and split; no Paddle here."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Optional

import numpy as np

from common.checksums import file_sha256
from common.errors import UserError
from common.seeding import generator
from tasks.pcb import config as settings
from tasks.pcb.formats import CONFIGURED, read_box_set
from tasks.pcb.formats.deeppcb import CLASSES
from tasks.pcb.formats.records import LEAST_SIDE, Box, Entry, different_classes, has_size
from tasks.pcb.grouping import groups_of
from tasks.pcb.images import picture_size, read_image
from tasks.pcb.pairs import require_templates
from tasks.pcb.splitting import shared_groups, split_entries

__all__ = ["CLASSES", "Data", "Picture", "picture_size", "read_data", "read_image"]


@dataclass(frozen=True)
class Picture:
    """An annotated picture, not yet read.

    Attributes:
        path: the picture file.
        group: board, panel or lot, such as ``00041``; empty if the data tell none.
        boxes: float32 [n, 4], half-open pixels x1, y1, x2, y2.
        labels: int64 [n], indices into the classes.
        template: the same board without defects, if the data have it.
    """

    path: Path
    group: str
    boxes: np.ndarray
    labels: np.ndarray
    template: Optional[Path] = None


@dataclass(frozen=True)
class Data:
    """The pictures of each split, and what is told of them."""

    classes: tuple[str, ...]
    splits: dict[str, list[Picture]]
    left_out: tuple[str, ...] = ()

    def summary(self) -> str:
        """Pictures and boxes a split in one line, then warnings: what is left out, boards on both sides."""
        parts = []
        for name, pictures in self.splits.items():
            without = sum(not len(picture.labels) for picture in pictures)
            clean = f", {without} pictures without any" if without else ""
            boxes = sum(len(picture.labels) for picture in pictures)
            parts.append(f"{name} {len(pictures)} pictures, {boxes} boxes{clean}")
        line = "\nwarning: ".join(["; ".join(parts), *self.left_out])
        groups = {name: [p.group for p in pictures] for name, pictures in self.splits.items()}
        shared = shared_groups(groups)
        if shared:
            listed = ", ".join(shared[:8])
            line += f"\nwarning: boards in train and in another split: {listed} (see data.split)"
        return line

    def hash(self) -> str:
        """SHA-256 over all that training and evaluation read.

        Those are the classes and, of each picture, split, name, group, boxes, labels, and the bytes of the
        file and of its template; not where they stand.
        """
        return self._hash

    @cached_property
    def _hash(self) -> str:
        digest = hashlib.sha256(repr(self.classes).encode())
        # One template may be that of all pictures.
        content = lru_cache(maxsize=1)(file_sha256)
        for name, pictures in self.splits.items():
            for picture in pictures:
                template = content(picture.template) if picture.template is not None else None
                read = (name, picture.path.name, picture.group, file_sha256(picture.path), template)
                digest.update(repr(read).encode())
                digest.update(picture.boxes.tobytes() + picture.labels.tobytes())
        return digest.hexdigest()


def read_data(config: settings.Config, data_root: Path) -> Data:
    """Read and check every annotation; pictures are checked to be whole and to hold their boxes.

    See :func:`tasks.pcb.splitting.split_entries` for the splits. Training pictures are drawn from what is
    left to train on by ``data.train_size``.

    Raises:
        UserError: a missing or malformed file, with its line; an empty split.
    """
    root = Path(data_root) / config.data.root
    given = config.data.classes
    names = tuple(given) if given else None
    found = read_box_set(root, config.data.format, names, templates=config.data.templates)
    folder = root if root.is_dir() else root.parent
    found = replace(found, entries=annotated(found.entries, config.data.unannotated))
    # What is damaged comes before what cannot be split.
    boxes = [read_boxes(entry, config.data.boxes_outside) for entry in found.entries]
    require_templates(found.entries, config.model.input)
    classes = found.classes or names_of(folder, boxes)
    weights = config.loss.class_weights
    if isinstance(weights, list) and len(weights) != len(classes):
        raise UserError(
            f"loss.class_weights: found {len(weights)}, expected {len(classes)}, one for each of "
            f"{', '.join(classes[:8])}"
        )
    groups = groups_of(found, folder, config.data.group, config.data.group_table)
    pictures = [_picture(*parts, classes) for parts in zip(found.entries, groups, boxes)]
    indices = split_entries(found, groups, folder, config.data)
    splits = {name: [pictures[i] for i in chosen] for name, chosen in indices.items()}
    splits["train"] = _draw(root, splits["train"], config.data)
    for name, chosen in splits.items():
        if not any(len(picture.labels) for picture in chosen):
            raise UserError(f"{root}: {name} split: found no box in {len(chosen)} pictures, expected some")
    return Data(classes, splits, found.left_out)


def annotated(entries: list[Entry], rule: str, field: str = CONFIGURED.unannotated) -> list[Entry]:
    """The entries that are used, by ``data.unannotated``.

    Args:
        field: that gives the rule, for messages.

    Raises:
        UserError: a picture has no annotation, and they are refused.
    """
    without = [entry for entry in entries if entry.annotation is None]
    if without and rule == "refuse":
        raise UserError(
            f"{without[0].picture}: found no annotation of this and {len(without) - 1} other pictures, "
            f"expected one, empty if there is no defect (see {field})"
        )
    return [entry for entry in entries if entry.annotation is not None or rule == "background"]


def read_boxes(entry: Entry, outside: str = "refuse") -> list[Box]:
    """The boxes of a picture, each of them inside it.

    Args:
        outside: ``clip`` cuts what sticks out of the picture off, and drops what then is nothing.

    Raises:
        UserError: the picture or its annotation is damaged, or a box is empty or outside.
    """
    width, height = size = picture_size(entry.picture)
    kept = []
    for box in entry.read_boxes(size):
        x1, y1, x2, y2 = box.corners
        place = f"{entry.annotation}: {box.place}: found box {box.written}"
        if not has_size(box.corners):
            least = f"of at least {LEAST_SIDE} pixels" if x1 < x2 and y1 < y2 else "above 0"
            raise UserError(f"{place}, expected a width and a height {least}")
        inside = (max(x1, 0.0), max(y1, 0.0), min(x2, width), min(y2, height))
        if inside != box.corners:
            if outside == "refuse":
                raise UserError(f"{place}, expected it inside the {width} x {height} picture")
            if not has_size(inside):
                continue
        kept.append(Box(box.place, box.written, box.name, inside))
    return kept


def names_of(root: Path, boxes: Iterable[list[Box]]) -> tuple[str, ...]:
    """The classes at the boxes, in the order of their names.

    Raises:
        UserError: there is none.
    """
    return different_classes(root, sorted({box.name for found in boxes for box in found}))


def _picture(entry: Entry, group: str, boxes: list[Box], classes: Sequence[str]) -> Picture:
    corners = np.array([box.corners for box in boxes], np.float32).reshape(-1, 4)
    labels = np.array([label_of(entry, box, classes) for box in boxes], np.int64)
    return Picture(entry.picture, group, corners, labels, entry.template)


def label_of(entry: Entry, box: Box, classes: Sequence[str]) -> int:
    """Index of a box's class.

    Raises:
        UserError: it is none of ``classes``.
    """
    if box.name not in classes:
        expected = f"expected one of {', '.join(name[:30] for name in classes[:8])}"
        raise UserError(f"{entry.annotation}: {box.place}: found the class {box.name!r:.40}, {expected}")
    return classes.index(box.name)


def _draw(root: Path, pool: list[Picture], data: settings.Data) -> list[Picture]:
    size: Optional[int] = data.train_size or len(pool)
    if size > len(pool):
        raise UserError(f"data.train_size: found {size}, expected at most {len(pool)}, all of {root}")
    order = generator(data.seed, "draw").permutation(len(pool))[:size]
    return [pool[i] for i in sorted(order)]

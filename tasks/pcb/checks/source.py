"""The pictures of a configuration as far as they can be read, and the splits that training makes of them."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

import numpy as np

from common.errors import UserError
from common.reporting.findings import Place
from tasks.pcb.checks.thumbnails import thumbnail
from tasks.pcb.config import Config
from tasks.pcb.data import read_data
from tasks.pcb.formats import read_box_set
from tasks.pcb.formats.records import LEAST_SIDE, Box, BoxSet, Entry
from tasks.pcb.grouping import groups_of
from tasks.pcb.images import picture_size, read_image
from tasks.pcb.splitting import split_entries

LINE = re.compile(r"(line \d+|object \d+|annotations\[\d+\]|images\[\d+\]): ")


@dataclass(frozen=True)
class Checked:
    """A picture with its annotation, as far as either can be read.

    Attributes:
        group: board, panel or lot; empty if the data tell none, or not of every picture.
        size: width and height in pixels; None where the picture is damaged.
        channels: 1 or 3.
        contrast: the brightest pixel less the darkest, 0 to 255.
        look: see :func:`tasks.pcb.checks.thumbnails.thumbnail`.
        fault: what is wrong with the picture file; empty if nothing is.
        annotation_fault: likewise of its annotation.
        written: the boxes as the annotation has them, whatever they are.
        boxes: float32 [n, 4], half-open pixels; what lies in the picture of those of known classes.
        labels: int64 [n], indices into the classes.
        used: of ``written``, the one of each row of ``boxes``.
    """

    entry: Entry
    group: str = ""
    size: Optional[tuple[int, int]] = None
    channels: int = 1
    contrast: int = 0
    look: Optional[np.ndarray] = None
    fault: str = ""
    annotation_fault: str = ""
    written: list[Box] = field(default_factory=list)
    boxes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    used: list[Box] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The picture file."""
        return self.entry.picture

    @property
    def whole(self) -> bool:
        """Whether picture and annotation can be read; a picture without annotation is whole."""
        return not (self.fault or self.annotation_fault)

    def place(self, box: Box, detail: str = "") -> Place:
        """Where a box stands."""
        return Place(self.entry.annotation, _number(box.place), f"{box.name} {box.written}", detail)


@dataclass(frozen=True)
class Source:
    """What is checked.

    Attributes:
        root: folder of the data set.
        classes: names of the classes, those of the boxes where the data list none.
        pictures: all of them.
        splits: the pictures of each split as training reads them; where it refuses the data, those that
            are whole, split as far as that goes.
        refused: what stands in the data set for something that is not there.
        refusal: what training says where it refuses the data; empty where it takes them.
        left_out: what training leaves out of the annotations, a line each.
    """

    config: Config
    root: Path
    format: str
    classes: tuple[str, ...]
    pictures: list[Checked]
    splits: dict[str, list[Checked]]
    refused: list[UserError]
    refusal: str
    left_out: tuple[str, ...]

    def boxes(self, split: str) -> np.ndarray:
        """Boxes of a split, float32 [n, 4]."""
        return np.concatenate([np.zeros((0, 4), np.float32), *(p.boxes for p in self.splits[split])])

    def labels(self, split: str) -> np.ndarray:
        """Indices of the classes of :meth:`boxes`."""
        return np.concatenate([np.zeros(0, np.int64), *(p.labels for p in self.splits[split])])


def read_source(config: Config, data_root: Path) -> Source:
    """Look at every picture and annotation, whatever is wrong with others.

    Raises:
        UserError: no data set of any format, or one that cannot be read as a whole, such as JSON that is
            cut off.
    """
    root, given = Path(data_root) / config.data.root, config.data.classes
    refused: list[UserError] = []
    names = tuple(given) if given else None
    found = read_box_set(root, config.data.format, names, refused, config.data.templates)
    pictures = [_look_at(entry, config.data.bits) for entry in found.entries]
    classes = found.classes or tuple(sorted({box.name for p in pictures for box in p.written}))
    pictures = [_with_boxes(picture, classes) for picture in pictures]
    try:
        data, refusal = read_data(config, data_root), ""
    except UserError as error:
        data, refusal = None, str(error)
    folder = root if root.is_dir() else root.parent
    if data is None:
        pictures, splits = _split(config, found, folder, pictures)
    else:
        groups = {p.path: p.group for chosen in data.splits.values() for p in chosen}
        pictures = [replace(p, group=groups.get(p.path, "")) for p in pictures]
        known = {p.path: p for p in pictures}
        splits = {name: [known[p.path] for p in chosen] for name, chosen in data.splits.items()}
    return Source(config, folder, found.format, classes, pictures, splits, refused, refusal, found.left_out)


def _look_at(entry: Entry, bits: int) -> Checked:
    try:
        size = picture_size(entry.picture)
        # OpenCV may refuse what Pillow reads, and training needs both.
        image = read_image(entry.picture, bits)
    except UserError as error:
        return Checked(entry, fault=str(error))
    contrast = int(image.max()) - int(image.min())
    seen = Checked(entry, "", size, image.shape[2], contrast, thumbnail(image))
    try:
        return replace(seen, written=entry.read_boxes(size))
    except UserError as error:
        return replace(seen, annotation_fault=str(error))


def _with_boxes(picture: Checked, classes: tuple[str, ...]) -> Checked:
    if picture.size is None:
        return picture
    corners = np.array([box.corners for box in picture.written], float).reshape(-1, 4)
    inside = corners.clip(0, [*picture.size, *picture.size])
    known = np.array([box.name in classes for box in picture.written], bool)
    kept = known & (inside[:, 2:] - inside[:, :2] >= LEAST_SIDE).all(axis=1)
    used = [box for box, keep in zip(picture.written, kept) if keep]
    labels = np.array([classes.index(box.name) for box in used], np.int64)
    return replace(picture, boxes=inside[kept].astype(np.float32), labels=labels, used=used)


def _split(
    config: Config, found: BoxSet, folder: Path, pictures: list[Checked]
) -> tuple[list[Checked], dict[str, list[Checked]]]:
    """The pictures with their groups, and the splits of those that are whole."""
    data = config.data
    try:
        groups = groups_of(found, folder, data.group, data.group_table)
    except UserError:
        groups = [""] * len(pictures)
    pictures = [replace(picture, group=group) for picture, group in zip(pictures, groups)]
    used = [p for p in pictures if p.whole and (p.entry.annotation or data.unannotated == "background")]
    subset = BoxSet(found.format, found.classes, [p.entry for p in used])
    try:
        indices = split_entries(subset, [p.group for p in used], folder, data)
        return pictures, {name: [used[i] for i in chosen] for name, chosen in indices.items()}
    except UserError:
        splits: dict[str, list[Checked]] = {"train": []}
        for picture in used:
            splits.setdefault(picture.entry.split or "train", []).append(picture)
        return pictures, splits


def place_of(message: str, file: Path, detail: str = "") -> Place:
    """Where an error stands: its line if it names one of ``file``.

    Args:
        detail: what is said of it; the rest of the message by default.
    """
    rest = message[len(f"{file}: ") :] if message.startswith(f"{file}: ") else message
    found = LINE.match(rest)
    line = _number(found.group(1)) if found else ""
    return Place(file, line, "", detail or (rest[found.end() :] if found else rest))


def _number(place: str):
    return int(place[5:]) if place.startswith("line ") else place

"""What every format of boxes is read into, and what their readers share; no Paddle here."""

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, TypeVar

from common.errors import UserError
from tasks.pcb.images import is_picture

SPLITS = ("train", "validation", "test")
# How data sets name their splits, in files and folders.
SPLIT_NAMES = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation"}
SPLIT_NAMES |= {"dev": "validation", "test": "test"}
# Folders that only say that there are pictures in them.
PICTURE_FOLDERS = ("images", "Images", "JPEGImages")
CLASS_FILES = ("classes.txt", "label_list.txt", "labels.txt")
# Pixels. Less is lost where corners become float32 or digits are written, and has no logarithm then.
LEAST_SIDE = 0.01

Found = TypeVar("Found")


class NoPicture(UserError):
    """Something stands in the data set for a picture that is not there."""


class NoAnnotation(UserError):
    """A list names an annotation that is not there."""


@dataclass(frozen=True)
class Box:
    """A box as an annotation file has it.

    Attributes:
        place: where it stands in the file, such as ``line 3``.
        written: its numbers as they stand there, for messages.
        name: of its class.
        corners: x1, y1, x2, y2 in half-open pixels: x1 and y1 are the first pixels inside, x2 and y2 the
            first ones outside.
    """

    place: str
    written: str
    name: str
    corners: tuple[float, float, float, float]


@dataclass(frozen=True)
class Entry:
    """A picture of a data set, not yet read.

    Attributes:
        picture: its file.
        name: path of the picture below the folder of pictures, with ``/``; the same in every format.
        annotation: the file of its boxes; None if there is none.
        split: ``train``, ``validation`` or ``test`` if the data set says so itself.
        read_boxes: reads the annotation, given width and height of the picture.
        columns: what the data set says of the picture beside its boxes, by name.
        template: the same board without defects, if the data have it.
    """

    picture: Path
    name: str
    annotation: Optional[Path]
    split: Optional[str]
    read_boxes: Callable[[tuple[int, int]], list[Box]]
    columns: dict[str, Any] = field(default_factory=dict)
    template: Optional[Path] = None


@dataclass(frozen=True)
class BoxSet:
    """A data set of pictures with boxes.

    Attributes:
        format: one of the formats' names.
        classes: names in the order of their indices; None where they only stand at the boxes.
        left_out: what of the annotations is not among the entries, a line each.
    """

    format: str
    classes: Optional[tuple[str, ...]]
    entries: list[Entry]
    left_out: tuple[str, ...] = ()


def has_size(corners: tuple[float, float, float, float]) -> bool:
    """Whether width and height of a box are at least ``LEAST_SIDE``."""
    x1, y1, x2, y2 = corners
    return min(x2 - x1, y2 - y1) >= LEAST_SIDE


def take_all(
    read: Callable[..., Found], rows: Iterable[tuple], refused: Optional[list[UserError]]
) -> list[Found]:
    """``read(*row)`` of each row; the first error is raised, or all of them are added to ``refused``."""
    found = []
    for row in rows:
        try:
            found.append(read(*row))
        except UserError as error:
            if refused is None:
                raise
            refused.append(error)
    return found


def with_own_names(entries: list[Entry], refused: Optional[list[UserError]]) -> list[Entry]:
    """The entries, for formats in which a picture's name without its suffix tells the annotation.

    Args:
        refused: as in :func:`take_all`.

    Raises:
        UserError: pictures that differ only in their suffixes have an annotation.
    """
    of_name: dict[Path, Entry] = {}

    def take(entry: Entry) -> Entry:
        other = of_name.setdefault(entry.picture.with_suffix(""), entry)
        annotation = entry.annotation or other.annotation
        if annotation and other.picture != entry.picture:
            found = f"found {annotation.name} and also {other.picture.name}"
            raise UserError(
                f"{entry.picture}: {found}, expected pictures that differ in more than the suffix"
            )
        return entry

    return take_all(take, [(entry,) for entry in entries], refused)


def no_boxes(size: tuple[int, int]) -> list[Box]:
    """The boxes of a picture without an annotation."""
    return []


def text_lines(path: Path) -> list[tuple[int, str]]:
    """Number, from 1, and content of each line that is not blank.

    Raises:
        UserError: no such file, or not UTF-8.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read as text: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}: line {line}: found bytes that are not UTF-8, expected UTF-8") from None
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]


def number(text: Any) -> float:
    """A finite number; raises ValueError for anything else, a truth value too."""
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        raise ValueError("no number")
    try:
        value = float(text)
    except OverflowError:
        raise ValueError("too great") from None
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def read_classes(path: Path) -> tuple[str, ...]:
    """Names of classes, one a line.

    Raises:
        UserError: no name, or one twice.
    """
    return different_classes(path, [line for _, line in text_lines(path)])


def find_classes(root: Path) -> Optional[tuple[str, ...]]:
    """The classes that a file beside the data names, if there is one."""
    file = next((root / name for name in CLASS_FILES if (root / name).is_file()), None)
    return read_classes(file) if file else None


def different_classes(place: Any, names: list[str]) -> tuple[str, ...]:
    """The names, if there are some and each stands once; the error begins with ``place``."""
    if not names:
        raise UserError(f"{place}: found no class, expected at least one name")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{place}: found the class {twice!r} twice, expected each once")
    return tuple(names)


def class_name(place: str, found: int, classes: tuple[str, ...], first: int) -> str:
    """The class of a number; the error begins with ``place``."""
    if not first <= found < first + len(classes):
        last = first + len(classes) - 1
        raise UserError(f"{place}: found class {found}, expected {first} to {last}")
    return classes[found - first]


def name_below(root: Path, picture: Path) -> str:
    """Path of a picture below the root, without the folders that only say that it is a picture."""
    parts = Path(os.path.relpath(picture, root)).parts
    if ".." in parts:
        return picture.name
    return "/".join(part for part in parts if part not in PICTURE_FOLDERS)


def read_pair_lists(root: Path, suffix: str) -> Optional[dict[str, list[tuple[str, Path, Path]]]]:
    """Pictures and annotations by split, from lists of pairs in the root; None if there are no such lists.

    ``trainval.txt`` is read where there is no ``train.txt``. Each pair comes with its place in the list.

    Args:
        suffix: of annotations, such as ``.xml``.

    Raises:
        UserError: a line that is no pair.
    """
    lists = {}
    for name in ("train", "trainval", "val", "valid", "validation", "test"):
        file = root / f"{name}.txt"
        split = SPLIT_NAMES["train" if name == "trainval" else name]
        if split in lists or not file.is_file() or not _has_pairs(file, suffix):
            continue
        lists[split] = [(f"{file}: line {n}", *_pair(root, file, n, line)) for n, line in text_lines(file)]
    return lists or None


def _has_pairs(file: Path, suffix: str) -> bool:
    endings = [Path(line).suffix.lower() for _, line in text_lines(file) if len(line.split()) > 1]
    # Nothing but DeepPCB has a list of this name in its root, except lists of XML files.
    return suffix in endings or (suffix == ".txt" and file.name == "trainval.txt" and ".xml" not in endings)


def _pair(root: Path, file: Path, number: int, line: str) -> tuple[Path, Path]:
    names = line.replace("\\", "/").split()
    if len(names) != 2:
        # Names may hold spaces; then the picture's ending says where it ends.
        found = re.fullmatch(r"(.+\.[A-Za-z]{3,4})\s+(.+\.[A-Za-z]{3})", line.replace("\\", "/"))
        names = list(found.groups()) if found and is_picture(Path(found.group(1))) else []
    if len(names) != 2:
        expected = "expected a picture and an annotation"
        raise UserError(f"{file}: line {number}: found {line!r:.80}, {expected}")
    return root / names[0], root / names[1]

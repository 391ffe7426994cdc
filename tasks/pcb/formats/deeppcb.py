"""DeepPCB's layout; no Paddle here.

``trainval.txt`` and ``test.txt`` hold lines ``group00041/00041/00041000.jpg
group00041/00041_not/00041000.txt``. The picture of a tested board is the named file with ``_test``
before its suffix; each line of an annotation is ``x1 y1 x2 y2 class``, classes from 1.
"""

from functools import partial
from pathlib import Path
from typing import Optional

from common.errors import UserError
from tasks.pcb.formats.records import (
    Box,
    BoxSet,
    Entry,
    NoAnnotation,
    NoPicture,
    class_name,
    find_classes,
    name_below,
    number,
    read_pair_lists,
    take_all,
    text_lines,
)

CLASSES = ("open", "short", "mousebite", "spur", "copper", "pinhole")
# Of the published data set, whose files name its classes nowhere.
GROUPS = {"00041", "12000", "12100", "12300", "13000", "20085", "44000", "50600", "77000", "90100", "92000"}


def recognise(root: Path) -> bool:
    """Whether lists of pictures and text files stand in the folder."""
    return root.is_dir() and read_pair_lists(root, ".txt") is not None


def of_published_groups(entries: list[Entry]) -> bool:
    """Whether all pictures stand in folders of the published data set's board groups."""
    return {entry.picture.parent.name for entry in entries} <= GROUPS


def read(
    root: Path, classes: Optional[tuple[str, ...]] = None, refused: Optional[list[UserError]] = None
) -> BoxSet:
    """The pictures of the lists.

    Args:
        classes: names of the numbers, before those of ``classes.txt``. The numbers of DeepPCB itself,
            known by its board groups, have their published names.
        refused: as in :func:`tasks.pcb.formats.read_box_set`.

    Raises:
        UserError: no list, a broken line, no picture, or numbers without names.
    """
    lists = read_pair_lists(root, ".txt")
    if lists is None:
        raise UserError(f"{root}: found no trainval.txt of pictures and .txt annotations, expected one")
    found = {picture.parent.name for pairs in lists.values() for _, picture, _ in pairs}
    classes = classes or find_classes(root) or (CLASSES if found <= GROUPS else None)
    if classes is None:
        expected = "expected classes.txt, class 1 in its first line, or data.classes"
        raise UserError(f"{root}: found numbers of classes but no names, {expected}")
    rows = [(root, *pair, split, classes) for split, pairs in lists.items() for pair in pairs]
    entries = take_all(_entry, rows, refused)
    return BoxSet("deeppcb", classes, entries)


def _entry(
    root: Path, place: str, picture: Path, annotation: Path, split: str, classes: tuple[str, ...]
) -> Entry:
    tested = picture.with_name(f"{picture.stem}_test{picture.suffix}")
    if not tested.is_file():
        if not picture.is_file():
            raise NoPicture(f"{place}: no such picture {tested}")
        tested = picture
    if not annotation.is_file():
        raise NoAnnotation(f"{place}: no such annotation {annotation}")
    read_boxes = partial(_read_boxes, annotation, classes)
    return Entry(tested, name_below(root, picture), annotation, split, read_boxes)


def _read_boxes(annotation: Path, classes: tuple[str, ...], size: tuple[int, int]) -> list[Box]:
    return read_annotation(annotation, classes)


def read_annotation(path: Path, classes: tuple[str, ...] = CLASSES) -> list[Box]:
    """Boxes of an annotation; none if it is empty.

    Raises:
        UserError: no such file, or a line that is not four whole numbers and one of a class.
    """
    boxes = []
    for line, text in text_lines(path):
        try:
            *corners, label = (int(value) for value in text.replace(",", " ").split())
            x1, y1, x2, y2 = (number(value) for value in corners)
        except ValueError:
            expected = "expected five whole numbers x1 y1 x2 y2 class"
            raise UserError(f"{path}: line {line}: found {text!r:.80}, {expected}") from None
        name = class_name(f"{path}: line {line}", label, classes, first=1)
        boxes.append(Box(f"line {line}", " ".join(map(str, corners)), name, (x1, y1, x2, y2)))
    return boxes

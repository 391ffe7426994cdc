"""YOLO text: a file of boxes for each picture, as Ultralytics reads them; no Paddle here.

Each line is a class, counted from 0, and centre and size of a box as shares of the picture. Classes and
splits are named by ``data.yaml``, or the classes by ``classes.txt``. The text of
``images/train/a.jpg`` is ``labels/train/a.txt``; without a folder ``images`` it stands beside its picture.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any, Optional

from common.config import read_yaml
from common.errors import UserError
from tasks.pcb.formats.records import (
    CLASS_FILES,
    SPLIT_NAMES,
    Box,
    BoxSet,
    Entry,
    NoPicture,
    class_name,
    different_classes,
    find_classes,
    name_below,
    no_boxes,
    number,
    take_all,
    text_lines,
    with_own_names,
)
from tasks.pcb.images import find_files, is_picture

# A share written with six digits is off by 0.5e-6, and so are both of centre and half the size.
DIGITS_LOST = 1e-6
# Pixels; whoever writes fractions of pixels writes coarser ones.
LEAST_FRACTION = 1e-3


def recognise(root: Path) -> bool:
    """Whether a YAML file names classes, or a list of classes stands beside pictures with texts."""
    if _yaml_file(root) is not None:
        return True
    if not root.is_dir() or not any((root / name).is_file() for name in CLASS_FILES):
        return False
    return any(label_file(file).is_file() for file in find_files(root) if is_picture(file))


def _yaml_file(root: Path) -> Optional[Path]:
    if root.is_file():
        return root if root.suffix.lower() in (".yaml", ".yml") else None
    for file in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        if any(line.startswith(b"names") for line in file.read_bytes().splitlines()):
            return file
    return None


def label_file(picture: Path) -> Path:
    """The text of a picture: beside it, or in ``labels`` instead of the last ``images`` of its path."""
    parts = list(picture.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 2 - parts[-2::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def read(
    root: Path, classes: Optional[tuple[str, ...]] = None, refused: Optional[list[UserError]] = None
) -> BoxSet:
    """The pictures of the splits that ``data.yaml`` names, or all below the root.

    Without ``data.yaml`` a folder named ``train``, ``val`` or ``test`` is that split.

    Args:
        classes: names of the numbers, before those of ``data.yaml`` and ``classes.txt``.
        refused: as in :func:`tasks.pcb.formats.read_box_set`.

    Raises:
        UserError: classes without names, no such folder or list, or no picture.
    """
    file = _yaml_file(root)
    if file is None:
        classes = classes or (find_classes(root) if root.is_dir() else None)
        if classes is None:
            expected = (
                "expected data.yaml with names, classes.txt, class 0 in its first line, or data.classes"
            )
            raise UserError(f"{root}: found no names of classes, {expected}")
        pictures = [(_split_by_folder(root, found), found) for found in find_files(root) if is_picture(found)]
    else:
        values = read_yaml(file)
        classes = classes or _names(file, values)
        root = file.parent
        pictures = _of_splits(file, values, refused)
    if not pictures:
        raise UserError(f"{file or root}: found no picture, expected some")
    if any(split for split, _ in pictures):
        pictures = [pair for pair in pictures if pair[0]]
    entries = [_entry(root, picture, split, classes) for split, picture in pictures]
    lost = lost_texts(root, [entry.annotation for entry in entries if entry.annotation is not None])
    left_out = (f"{lost[0]}: found no picture of this and {len(lost) - 1} other texts",) if lost else ()
    return BoxSet("yolo", classes, with_own_names(entries, refused), left_out)


def lost_texts(root: Path, annotations: list[Path]) -> list[Path]:
    """Texts of boxes below ``root``, in the folders of ``annotations``, whose pictures are not there."""
    pictures = (file.relative_to(root) for file in find_files(root) if is_picture(file))
    known = {*annotations, *(root / label_file(file) for file in pictures)}
    folders = {file.parent for file in annotations if root in file.parents}
    return [
        file
        for folder in sorted(folders)
        for file in sorted(folder.glob("*.txt"))
        if file not in known and file.name not in CLASS_FILES and _is_boxes(file)
    ]


def _is_boxes(file: Path) -> bool:
    try:
        return all(len(text.split()) == 5 for _, text in text_lines(file))
    except UserError:
        return False


def _names(file: Path, values: dict[str, Any]) -> tuple[str, ...]:
    names = values.get("names")
    if isinstance(names, dict):
        names = {int(key) if isinstance(key, str) and key.isdecimal() else key: names[key] for key in names}
        expected = list(range(len(names)))
        if sorted(names, key=str) != sorted(expected, key=str):
            raise UserError(f"{file}: names: found the keys {list(names)!r:.60}, expected 0, 1, 2 and so on")
        names = [names[key] for key in expected]
    if not isinstance(names, list):
        kind = type(names).__name__ if names is not None else "nothing"
        raise UserError(f"{file}: names: found {kind}, expected names of classes")
    other = next((name for name in names if not isinstance(name, (str, int))), "")
    if other != "":
        found = f"found {other!r:.40}, which YAML does not read as text"
        raise UserError(f"{file}: names: {found}, expected names of classes, in quotes where needed")
    count = values.get("nc", len(names))
    if count != len(names):
        raise UserError(f"{file}: nc: found {count!r:.20}, expected {len(names)}, as many as names")
    return different_classes(f"{file}: names", [str(name).strip() for name in names])


def _of_splits(
    file: Path, values: dict[str, Any], refused: Optional[list[UserError]]
) -> list[tuple[Optional[str], Path]]:
    pictures: list[tuple[Optional[str], Path]] = []
    for key in ("train", "val", "test"):
        places = values.get(key) or []
        places = [places] if isinstance(places, str) else places
        if not isinstance(places, list) or not all(isinstance(place, str) for place in places):
            raise UserError(f"{file}: {key}: found {places!r:.60}, expected a folder or a list of pictures")
        for place in places:
            found = _find(file, key, str(values.get("path") or ""), place)
            pictures += [(SPLIT_NAMES[key], picture) for picture in _pictures(found, refused)]
    if not pictures:
        pictures = [(None, found) for found in find_files(file.parent) if is_picture(found)]
    return pictures


def _find(file: Path, key: str, path: str, place: str) -> Path:
    """A folder or list of ``data.yaml``, which may come from another computer or from Roboflow."""
    place = place.replace("\\", "/")
    below = [file.parent / path / place, file.parent / place]
    if place.startswith("../"):
        below.append(file.parent / place[3:])
    found = next((candidate for candidate in below if candidate.exists()), None)
    if found is None:
        raise UserError(f"{file}: {key}: no such folder or list {below[0]}")
    return found


def _pictures(place: Path, refused: Optional[list[UserError]]) -> list[Path]:
    if place.is_dir():
        return [file for file in find_files(place) if is_picture(file)]
    return take_all(_listed, [(place, *line) for line in text_lines(place)], refused)


def _listed(place: Path, line: int, text: str) -> Path:
    name = text.replace("\\", "/")
    below = (place.parent / name, Path(name))
    picture = next((candidate for candidate in below if candidate.is_file()), None)
    if picture is None:
        raise NoPicture(f"{place}: line {line}: no such picture {below[0]}")
    return Path(os.path.normpath(picture))


def _split_by_folder(root: Path, picture: Path) -> Optional[str]:
    folders = picture.relative_to(root).parts[:-1]
    return next((SPLIT_NAMES[part] for part in folders if part in SPLIT_NAMES), None)


def _entry(root: Path, picture: Path, split: Optional[str], classes: tuple[str, ...]) -> Entry:
    # Only what stands below the root is meant, wherever that is itself.
    below = Path(os.path.relpath(picture, root))
    annotation = label_file(picture) if ".." in below.parts else root / label_file(below)
    name = name_below(root, picture)
    if not annotation.is_file():
        return Entry(picture, name, None, split, no_boxes)
    return Entry(picture, name, annotation, split, partial(_read_boxes, annotation, classes))


def _read_boxes(path: Path, classes: tuple[str, ...], size: tuple[int, int]) -> list[Box]:
    boxes = []
    for line, text in text_lines(path):
        values = text.split()
        try:
            label, *shares = values
            label = int(label)
            x, y, width, height = (number(value) for value in shares)
        except ValueError:
            expected = "expected five numbers: class, centre x, centre y, width, height"
            raise UserError(f"{path}: line {line}: found {text!r:.80}, {expected}") from None
        if max(map(abs, (x, y, width, height))) > 2:
            expected = "expected shares of the picture, 0 to 1"
            raise UserError(f"{path}: line {line}: found {text!r:.80}, {expected}")
        name = class_name(f"{path}: line {line}", label, classes, first=0)
        corners = (*_edges(x, width, size[0]), *_edges(y, height, size[1]))
        boxes.append(Box(f"line {line}", " ".join(values[1:]), name, tuple(corners[i] for i in (0, 2, 1, 3))))
    return boxes


def _edges(centre: float, extent: float, side: int) -> tuple[float, float]:
    """First and last edge in pixels; whole ones where only the writing is off."""
    tolerance = max(LEAST_FRACTION, DIGITS_LOST * side)
    edges = ((centre - extent / 2) * side, (centre + extent / 2) * side)
    first, last = (round(edge) if abs(edge - round(edge)) <= tolerance else edge for edge in edges)
    return float(first), float(last)

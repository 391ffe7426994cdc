"""COCO: a JSON file of pictures, annotations and categories for each split; no Paddle here.

A box is left, top, width and height in pixels, counted from the upper left corner of the picture.
"""

import json
from collections import defaultdict
from functools import partial
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any, Optional

from common.errors import UserError
from common.json_file import read_object
from tasks.pcb.formats.records import (
    SPLIT_NAMES,
    Box,
    BoxSet,
    Entry,
    NoPicture,
    different_classes,
    name_below,
    number,
    take_all,
)
from tasks.pcb.images import SUFFIXES

LISTS = ("images", "annotations", "categories")
# Folders and their names, which may end like those of COCO itself: train2017.
FOLDERS = ("", "images", "Images", "JPEGImages")


def recognise(root: Path) -> bool:
    """Whether a JSON file with COCO's lists stands in the folder, or is meant itself."""
    return bool(_files(root))


def _files(root: Path) -> list[Path]:
    """JSON files in the folder or one below that name a list of pictures and one of categories."""
    if root.is_file():
        return [root] if root.suffix.lower() == ".json" else []
    places = [*root.glob("*.json"), *root.glob("*/*.json")]
    return [file for file in sorted(places) if file.is_file() and _looks_like_coco(file)]


def _looks_like_coco(file: Path) -> bool:
    content = file.read_bytes()
    return b'"images"' in content and (b'"categories"' in content or b'"annotations"' in content)


def read(
    root: Path, classes: Optional[tuple[str, ...]] = None, refused: Optional[list[UserError]] = None
) -> BoxSet:
    """The pictures of every file; the name of a file or of its folder tells the split.

    Annotations of crowds (``iscrowd``), which are regions of many things, are left out and counted.

    Args:
        classes: names in their order; by default categories in the order of their numbers.
        refused: as in :func:`tasks.pcb.formats.read_box_set`.

    Raises:
        UserError: no such file, something missing in one, or categories that differ between files.
    """
    files = _files(root)
    if not files:
        raise UserError(f"{root}: found no JSON file with images and categories, expected COCO's")
    named = [(file, _split_of(root, file)) for file in files]
    known = [split for _, split in named if split]
    if len(set(known)) < len(known) or len(known) < len(named) > 1:
        names = ", ".join(file.name for file in files)
        raise UserError(f"{root}: found the files {names}, expected one of each split (see data.root)")
    categories: dict[int, str] = {}
    entries, left_out = [], []
    for file, split in named:
        folder = root if root.is_dir() else root.parent
        content = read_object(file)
        entries += _entries(folder, file, content, split, categories, refused)
        crowds = sum(bool(annotation.get("iscrowd")) for annotation in content["annotations"])
        if crowds:
            words = "are left out, and what they cover counts as without defect"
            left_out.append(f"{file}: {crowds} annotations of crowds (iscrowd) {words}")
    by_number = different_classes(files[0], [categories[number] for number in sorted(categories)])
    return BoxSet("coco", classes or by_number, entries, tuple(left_out))


def _split_of(root: Path, file: Path) -> Optional[str]:
    if file == root:
        return None
    words = [file.stem.rpartition("_")[2], file.stem.partition("_")[0], file.parent.name]
    plain = [word.lower().rstrip("0123456789") for word in words]
    return next((SPLIT_NAMES[word] for word in plain if word in SPLIT_NAMES), None)


def _entries(
    root: Path,
    file: Path,
    content: dict[str, Any],
    split: Optional[str],
    categories: dict[int, str],
    refused: Optional[list[UserError]],
) -> list[Entry]:
    images, annotations, kinds = (_list(file, content, name) for name in LISTS)
    _add_categories(file, kinds, categories)
    by_image = defaultdict(list)
    for index, annotation in enumerate(annotations):
        by_image[json.dumps(annotation.get("image_id"))].append((index, annotation))
    rows, seen, place_of = [], set(), {}
    for index, image in enumerate(images):
        place = f"{file}: images[{index}]"
        if not isinstance(image.get("id"), (int, str)):
            raise UserError(f"{place}: id: found {image.get('id')!r:.40}, expected a number")
        key = json.dumps(image["id"])
        if key in seen:
            raise UserError(f"{place}: id: found {image['id']!r:.40} twice, expected different ones")
        seen.add(key)
        rows.append((root, file, place, image, split, by_image.pop(key, []), categories, place_of))
    entries = take_all(_entry, rows, refused)
    for index, annotation in sorted(chain(*by_image.values()), key=itemgetter(0)):
        found = f"image_id: found {annotation.get('image_id')!r:.40}, expected the id of a picture"
        error = NoPicture(f"{file}: annotations[{index}]: {found}")
        if refused is None:
            raise error
        refused.append(error)
    return entries


def _list(file: Path, content: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = content.get(name)
    if not isinstance(found, list):
        kind = type(found).__name__ if name in content else "nothing"
        raise UserError(f"{file}: {name}: found {kind}, expected a list")
    for index, item in enumerate(found):
        if not isinstance(item, dict):
            raise UserError(f"{file}: {name}[{index}]: found {type(item).__name__}, expected an object")
    return found


def _add_categories(file: Path, kinds: list[dict[str, Any]], categories: dict[int, str]) -> None:
    here: dict[int, str] = {}
    for index, kind in enumerate(kinds):
        place, label, name = f"{file}: categories[{index}]", kind.get("id"), kind.get("name")
        if not isinstance(label, int) or isinstance(label, bool):
            raise UserError(f"{place}: id: found {label!r:.40}, expected a whole number")
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{place}: name: found {name!r:.40}, expected a class")
        if label in here:
            raise UserError(f"{place}: id: found {label} twice, expected different ones")
        here[label] = name.strip()
    for label, name in here.items():
        if categories and categories.get(label) != name:
            found = f"found category {label} {name!r:.40}"
            raise UserError(f"{file}: {found}, expected {categories.get(label)!r} as in the other files")
    if categories and len(here) < len(categories):
        lost = min(set(categories) - set(here))
        raise UserError(f"{file}: found no category {lost}, expected {categories[lost]!r} as in the others")
    categories.update(here)


def _entry(
    root: Path,
    file: Path,
    place: str,
    image: dict[str, Any],
    split: Optional[str],
    annotations: list[tuple[int, dict[str, Any]]],
    categories: dict[int, str],
    place_of: dict[Path, str],
) -> Entry:
    name = image.get("file_name")
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"{place}: file_name: found {name!r:.40}, expected a picture")
    name = name.replace("\\", "/")
    picture = _picture(root, file, name)
    if picture is None:
        raise NoPicture(f"{place}: file_name: no such picture {name:.200} below {root}")
    if picture.suffix.lower() not in SUFFIXES:
        raise UserError(f"{place}: file_name: found {name:.200}, expected one of {', '.join(SUFFIXES)}")
    other = place_of.setdefault(picture, place)
    if other != place:
        # Each would have boxes that the other lacks, which would count as without defect.
        found = f"found {name:.200}, the picture of {other.rpartition(': ')[2]} too"
        raise UserError(f"{place}: file_name: {found}, expected all boxes of a picture at one of images")
    read_boxes = partial(_read_boxes, file, place, image, annotations, categories)
    return Entry(picture, name_below(root, picture), file, split, read_boxes, image)


def _picture(root: Path, file: Path, name: str) -> Optional[Path]:
    """Where a picture stands: beside its file, below the root, or in a folder named like the file."""
    whole = file.stem.rpartition("_")[2]
    split = whole.rstrip("0123456789")
    folders = [file.parent, *(root / folder for folder in FOLDERS)]
    folders += [root / folder / part for folder in FOLDERS for part in (whole, split)]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _read_boxes(
    file: Path,
    place: str,
    image: dict[str, Any],
    annotations: list[tuple[int, dict[str, Any]]],
    categories: dict[int, str],
    size: tuple[int, int],
) -> list[Box]:
    declared = (image.get("width"), image.get("height"))
    if any(declared) and declared != size:
        found = f"found width {declared[0]!r:.20} and height {declared[1]!r:.20}"
        raise UserError(f"{place}: {found}, expected {size[0]} and {size[1]} as the picture has")
    boxes = []
    for index, annotation in annotations:
        crowd = annotation.get("iscrowd")
        if crowd not in (None, 0, 1):
            found = f"found {crowd!r:.40}, expected 0 or 1"
            raise UserError(f"{file}: annotations[{index}]: iscrowd: {found}")
        if not crowd:
            boxes.append(_box(file, f"annotations[{index}]", annotation, categories))
    return boxes


def _box(file: Path, place: str, annotation: dict[str, Any], categories: dict[int, str]) -> Box:
    label, box = annotation.get("category_id"), annotation.get("bbox")
    if isinstance(label, bool) or not isinstance(label, int) or label not in categories:
        expected = f"expected one of {', '.join(map(str, sorted(categories)[:8]))}"
        raise UserError(f"{file}: {place}: category_id: found {label!r:.40}, {expected}")
    try:
        if not isinstance(box, list) or any(isinstance(value, str) for value in box):
            raise ValueError("no list of numbers")
        left, top, width, height = (number(value) for value in box)
    except ValueError:
        expected = "expected left, top, width and height"
        raise UserError(f"{file}: {place}: bbox: found {json.dumps(box):.60}, {expected}") from None
    written = " ".join(f"{value:g}" for value in (left, top, width, height))
    return Box(place, written, categories[label], (left, top, left + width, top + height))

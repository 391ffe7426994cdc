"""Pascal VOC: an XML file for each picture; no Paddle here.

Pictures stand in ``JPEGImages`` and XML files in ``Annotations``, or both side by side, or wherever lists
of pairs in the root say, as PaddleDetection has them. Corners are whole pixels, the first is 1 and the
last is inside the box.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Optional
from xml.etree.ElementTree import Element

from common.errors import UserError
from common.xml_file import read_xml
from tasks.pcb.formats.records import (
    PICTURE_FOLDERS,
    SPLIT_NAMES,
    Box,
    BoxSet,
    Entry,
    NoAnnotation,
    NoPicture,
    find_classes,
    name_below,
    no_boxes,
    number,
    read_pair_lists,
    take_all,
    text_lines,
    with_own_names,
)
from tasks.pcb.images import SUFFIXES, find_files, is_picture

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def recognise(root: Path) -> bool:
    """Whether an XML file of an annotation stands somewhere below the folder."""
    if not root.is_dir():
        return False
    files = (file for file in find_files(root) if file.suffix.lower() == ".xml")
    return any(b"<annotation" in _beginning(file) or not file.stat().st_size for file in files)


def _beginning(file: Path) -> bytes:
    with open(file, "rb") as stream:
        return stream.read(4096).replace(b"\0", b"")


def read(
    root: Path, classes: Optional[tuple[str, ...]] = None, refused: Optional[list[UserError]] = None
) -> BoxSet:
    """The pictures of the lists in the root or in ``ImageSets/Main``, or all below the root.

    Args:
        classes: names in their order, before those of ``classes.txt`` or ``label_list.txt``.
        refused: as in :func:`tasks.pcb.formats.read_box_set`.

    Raises:
        UserError: no XML file, or one without its picture.
    """
    classes = classes or find_classes(root)
    lists = read_pair_lists(root, ".xml")
    if lists is not None:
        rows = [(root, *pair, split) for split, pairs in lists.items() for pair in pairs]
        return BoxSet("voc", classes, take_all(_listed, rows, refused))
    files = list(find_files(root))
    annotations = {file.with_suffix(""): file for file in files if file.suffix.lower() == ".xml"}
    if not annotations:
        raise UserError(f"{root}: found no XML file, expected Pascal VOC's annotations")
    pictures = {}
    for file in filter(is_picture, files):
        pictures.setdefault(file.with_suffix(""), file)
    entries = take_all(_entry, [(root, file, pictures) for file in annotations.values()], refused)
    known = {entry.picture for entry in entries}
    entries += [_without_annotation(root, file) for file in filter(is_picture, files) if file not in known]
    entries = with_own_names(entries, refused)
    return BoxSet("voc", classes, _in_image_sets(root, entries, refused))


def _listed(root: Path, place: str, picture: Path, annotation: Path, split: str) -> Entry:
    for kind, file, error in (("picture", picture, NoPicture), ("annotation", annotation, NoAnnotation)):
        if not file.is_file():
            raise error(f"{place}: no such {kind} {file}")
    return Entry(picture, name_below(root, picture), annotation, split, partial(_read_boxes, annotation))


def _entry(root: Path, annotation: Path, pictures: dict[Path, Path]) -> Entry:
    places = _places(root, annotation.with_suffix(""))
    picture = next((pictures[place] for place in places if place in pictures), None)
    if picture is None:
        suffixes = ", ".join(SUFFIXES)
        expected = f"expected {places[-1].relative_to(root)} with one of {suffixes}"
        raise NoPicture(f"{annotation}: found no picture of this annotation, {expected}")
    return Entry(picture, name_below(root, picture), annotation, None, partial(_read_boxes, annotation))


def _places(root: Path, stem: Path) -> list[Path]:
    """Where the picture of an annotation may stand, without its suffix."""
    below = stem.relative_to(root).parts
    places = [stem]
    for index, part in enumerate(below[:-1]):
        if part.lower() in ("annotations", "xml", "xmls"):
            for folder in PICTURE_FOLDERS:
                places.append(root.joinpath(*below[:index], folder, *below[index + 1 :]))
    return places


def _without_annotation(root: Path, picture: Path) -> Entry:
    return Entry(picture, name_below(root, picture), None, None, no_boxes)


def _in_image_sets(root: Path, entries: list[Entry], refused: Optional[list[UserError]]) -> list[Entry]:
    """The entries with the splits of ``ImageSets/Main``; all as they are if there is no such list."""
    by_name = {entry.name.rpartition(".")[0]: entry for entry in entries}
    listed: dict[str, list[Entry]] = {}

    def find(file: Path, line: int, stem: str) -> Entry:
        if stem not in by_name:
            raise NoPicture(f"{file}: line {line}: found {stem!r:.80}, expected a picture below {root}")
        return by_name[stem]

    for name in ("train", "trainval", "val", "test"):
        file = root / "ImageSets/Main" / f"{name}.txt"
        split = SPLIT_NAMES["train" if name == "trainval" else name]
        if split in listed or not file.is_file():
            continue
        listed[split] = take_all(find, [(file, *line) for line in text_lines(file)], refused)
    if not listed:
        return entries
    return [replace(entry, split=split) for split, found in listed.items() for entry in found]


def _read_boxes(annotation: Path, size: tuple[int, int]) -> list[Box]:
    outermost = read_xml(annotation)
    if outermost is None:
        # A board without defect has an <annotation> too; this is what an export that broke off leaves.
        expected = "expected <annotation>, without <object> if there is no defect"
        raise UserError(f"{annotation}: found an empty file, {expected}")
    if outermost.tag != "annotation":
        raise UserError(f"{annotation}: found <{outermost.tag:.40}>, expected <annotation>")
    _require_size(annotation, outermost.find("size"), size)
    objects = outermost.findall("object")
    return [_box(annotation, f"object {index}", found) for index, found in enumerate(objects, start=1)]


def _require_size(annotation: Path, found: Optional[Element], size: tuple[int, int]) -> None:
    if found is None:
        return
    texts = [(found.findtext(side) or "").strip() for side in ("width", "height")]
    # Some tools write zeros where they have not looked.
    if any(text not in ("", "0") for text in texts) and texts != [str(side) for side in size]:
        expected = f"expected {size[0]} x {size[1]} as the picture is"
        raise UserError(f"{annotation}: size: found {' x '.join(texts):.40}, {expected}")


def _box(annotation: Path, place: str, found: Element) -> Box:
    name = (found.findtext("name") or "").strip()
    if not name:
        raise UserError(f"{annotation}: {place}: found no <name>, expected a class")
    several = len(found.findall("bndbox"))
    if several > 1:
        raise UserError(f"{annotation}: {place}: found {several} <bndbox>, expected one in each <object>")
    texts = [(found.findtext(f"bndbox/{corner}") or "").strip() for corner in CORNERS]
    try:
        x1, y1, x2, y2 = (number(text) for text in texts)
    except ValueError:
        wrong = next(i for i, text in enumerate(texts) if not _is_number(text))
        shown, expected = repr(texts[wrong]) if texts[wrong] else "nothing", "expected a number"
        where = f"{annotation}: {place}: {CORNERS[wrong]}"
        raise UserError(f"{where}: found {shown:.40}, {expected}") from None
    return Box(place, " ".join(texts), name, (x1 - 1, y1 - 1, x2, y2))


def _is_number(text: str) -> bool:
    try:
        number(text)
    except ValueError:
        return False
    return True

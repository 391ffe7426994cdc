"""Writing pictures with boxes in each format; no Paddle here."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Optional
from xml.etree import ElementTree

from common.errors import UserError
from tasks.pcb.formats.records import SPLITS
from tasks.pcb.formats.templates import FOLDER, TEMPLATE, TESTED

# As files of the formats are named.
LIST_NAMES = {"train": "train", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Sample:
    """A picture to write.

    Attributes:
        picture: the file to copy.
        name: its path below the folder of pictures, with ``/``.
        size: width and height in pixels.
        boxes: label, counted from 0, and half-open x1, y1, x2, y2 of each.
        template: the file of its defect-free template, copied too: into ``templates`` under the same name,
            beside it in DeepPCB's layout.
    """

    picture: Path
    name: str
    size: tuple[int, int]
    split: Optional[str]
    boxes: list[tuple[int, tuple[float, float, float, float]]]
    template: Optional[Path] = None


def write_voc(folder: Path, classes: tuple[str, ...], samples: list[Sample]) -> None:
    """``JPEGImages``, ``Annotations``, ``ImageSets/Main`` if there are splits, and ``classes.txt``."""
    for sample in samples:
        _copy(sample, folder, "JPEGImages")
        annotation = ElementTree.Element("annotation")
        _add(annotation, "filename", PurePosixPath(sample.name).name)
        size = ElementTree.SubElement(annotation, "size")
        for tag, side in zip(("width", "height"), sample.size):
            _add(size, tag, side)
        for label, (x1, y1, x2, y2) in sample.boxes:
            item = ElementTree.SubElement(annotation, "object")
            _add(item, "name", classes[label])
            _add(item, "difficult", 0)
            box = ElementTree.SubElement(item, "bndbox")
            for tag, value in (("xmin", x1 + 1), ("ymin", y1 + 1), ("xmax", x2), ("ymax", y2)):
                _add(box, tag, round(value))
        file = folder / "Annotations" / _with_suffix(sample.name, ".xml")
        _write_new(file, ElementTree.tostring(annotation, "unicode"))
    for split, chosen in _by_split(samples).items():
        names = [_with_suffix(sample.name, "") for sample in chosen]
        _write_lines(folder / "ImageSets/Main" / f"{LIST_NAMES[split]}.txt", names)
    _write_lines(folder / "classes.txt", classes)


def write_coco(folder: Path, classes: tuple[str, ...], samples: list[Sample]) -> None:
    """``images`` and a JSON file of each split, or ``all.json``, in ``annotations``."""
    for sample in samples:
        _copy(sample, folder, "images")
    categories = [{"id": index, "name": name} for index, name in enumerate(classes, start=1)]
    for split, chosen in (_by_split(samples) or {None: samples}).items():
        images, annotations = [], []
        for image_id, sample in enumerate(chosen, start=1):
            width, height = sample.size
            images.append({"id": image_id, "file_name": sample.name, "width": width, "height": height})
            for label, (x1, y1, x2, y2) in sample.boxes:
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": label + 1,
                        "bbox": [_plain(value) for value in (x1, y1, x2 - x1, y2 - y1)],
                        "area": _plain((x2 - x1) * (y2 - y1)),
                        "iscrowd": 0,
                    }
                )
        content = {"images": images, "annotations": annotations, "categories": categories}
        file = folder / "annotations" / f"{LIST_NAMES[split] if split else 'all'}.json"
        _write_new(file, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def write_yolo(folder: Path, classes: tuple[str, ...], samples: list[Sample]) -> None:
    """``images``, ``labels``, ``data.yaml``, lists of splits if there are some, and ``classes.txt``."""
    for sample in samples:
        _copy(sample, folder, "images")
        (width, height), lines = sample.size, []
        for label, (x1, y1, x2, y2) in sample.boxes:
            shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height)
            # Six digits, the usual number, lose pixels in wide pictures.
            lines.append(" ".join([str(label), *(f"{share:.10f}" for share in shares)]))
        _write_lines(folder / "labels" / _with_suffix(sample.name, ".txt"), lines)
    text = ""
    for split, chosen in _by_split(samples).items():
        name = LIST_NAMES[split]
        text += f"{name}: {name}.txt\n"
        _write_lines(folder / f"{name}.txt", [f"./images/{sample.name}" for sample in chosen])
    text = text or "# The data were not split: train, val and test are to be named here.\n"
    # Quoted, since a name such as 1e3 would be read as a number.
    names = "".join(f"  {i}: {json.dumps(name, ensure_ascii=False)}\n" for i, name in enumerate(classes))
    _write_new(folder / "data.yaml", f"{text}names:\n{names}")
    _write_lines(folder / "classes.txt", classes)


def write_deeppcb(folder: Path, classes: tuple[str, ...], samples: list[Sample]) -> None:
    """``trainval.txt``, ``val.txt`` and ``test.txt`` of pictures and annotations, and ``classes.txt``."""
    lists: dict[str, list[str]] = {}
    for sample in samples:
        name = PurePosixPath(sample.name)
        if AMBIGUOUS.search(sample.name):
            expected = "expected no line ends in it and no space behind a suffix, for the lists of DeepPCB"
            raise UserError(f"{sample.name!r:.200}: found this name of a picture, {expected}")
        parent = name.parent if len(name.parts) > 1 else PurePosixPath("images")
        # DeepPCB's lists name ID.jpg where the file is ID_test.jpg.
        _copy_file(sample.picture, folder / parent / f"{name.stem}{TESTED}{name.suffix}")
        if sample.template is not None:
            _copy_file(sample.template, folder / parent / f"{name.stem}{TEMPLATE}{sample.template.suffix}")
        annotation = parent.with_name(f"{parent.name}_not") / f"{name.stem}.txt"
        lines = [" ".join(str(round(value)) for value in (*box, label + 1)) for label, box in sample.boxes]
        _write_lines(folder / annotation, lines)
        lists.setdefault(sample.split or "train", []).append(f"{parent / name.name} {annotation}")
    for split, lines in lists.items():
        _write_lines(folder / f"{'trainval' if split == 'train' else LIST_NAMES[split]}.txt", lines)
    _write_lines(folder / "classes.txt", classes)


# In lists of pairs a space parts the picture from its annotation.
AMBIGUOUS = re.compile(r"[\r\n]|\.[A-Za-z]{3,4}\s")
WRITERS = {"voc": write_voc, "coco": write_coco, "yolo": write_yolo, "deeppcb": write_deeppcb}
# They have no fractions of pixels.
WHOLE_PIXELS = ("voc", "deeppcb")


def _by_split(samples: list[Sample]) -> dict[str, list[Sample]]:
    chosen = {split: [sample for sample in samples if sample.split == split] for split in SPLITS}
    return {split: found for split, found in chosen.items() if found}


def _copy(sample: Sample, folder: Path, pictures: str) -> None:
    """Copy a picture below ``pictures`` of the folder, and its template below ``templates``."""
    _copy_file(sample.picture, folder / pictures / sample.name)
    if sample.template is not None:
        _copy_file(sample.template, folder / FOLDER / _with_suffix(sample.name, sample.template.suffix))


def _copy_file(file: Path, target: Path) -> None:
    _require_new(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, target)


def _write_lines(file: Path, lines) -> None:
    _write_new(file, "".join(f"{line}\n" for line in lines))


def _write_new(file: Path, text: str) -> None:
    _require_new(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())


def _require_new(file: Path) -> None:
    if file.exists():
        raise UserError(
            f"{file.name}: found two pictures that would have this file, expected different names"
        )


def _with_suffix(name: str, suffix: str) -> str:
    return str(PurePosixPath(name).with_suffix(suffix))


def _add(parent: ElementTree.Element, tag: str, value: object) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value

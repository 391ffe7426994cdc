"""Pictures with boxes from one format into another; no Paddle here."""

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from common.errors import UserError, refused_writing
from tasks.pcb.data import annotated, label_of, names_of, read_boxes
from tasks.pcb.formats import Fields, read_box_set
from tasks.pcb.formats.records import BoxSet, Entry
from tasks.pcb.formats.writers import WHOLE_PIXELS, WRITERS, Sample
from tasks.pcb.grouping import groups_of
from tasks.pcb.images import picture_size
from tasks.pcb.splitting import DEEPPCB_VALIDATION, require_apart

# Of convert_boxes.py.
FLAGS = Fields("INPUT", "--from", "--templates", "--unannotated")


@dataclass(frozen=True)
class Conversion:
    """What was read and written.

    Attributes:
        rounded: boxes that had fractions of pixels, which the new format has not.
        flags: of train.py, with which the new data are split, and but for DeepPCB's layout grouped, as the
            old ones are without; empty where nothing is needed.
        resplit: whether pictures are split off for validation otherwise than before, whatever the flags.
        left_out: annotations that were not written, a line each.
    """

    format: str
    classes: tuple[str, ...]
    pictures: int
    boxes: int
    rounded: int
    flags: str
    resplit: bool
    left_out: tuple[str, ...]


def convert(
    root: Path,
    target: str,
    output: Path,
    source: str = "auto",
    classes: Optional[tuple[str, ...]] = None,
    unannotated: str = "refuse",
    outside: str = "refuse",
    templates: Optional[str] = None,
) -> Conversion:
    """Write the data set in ``root`` as ``target`` into the new folder ``output``; pictures are copied.

    Splits, paths of pictures, templates and the order of pictures, boxes and classes stay; boxes of whole
    pixels stay to the pixel. What a format has beside boxes is lost: attributes, masks.

    Args:
        source, classes, unannotated, outside, templates: as ``data.format``, ``data.classes``,
            ``data.unannotated``, ``data.boxes_outside`` and ``data.templates``.

    Raises:
        UserError: ``output`` holds something, or the data set is damaged; nothing is left in
            ``output`` then.
    """
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"--output: {output} exists, expected the name of a new folder")
    found = read_box_set(root, source, classes, templates=templates, fields=FLAGS)
    entries = annotated(found.entries, unannotated, FLAGS.unannotated)
    _require_once(root, entries)
    boxes = [read_boxes(entry, outside) for entry in entries]
    names = found.classes or names_of(root, boxes)
    _require_names(root, names)
    rounded, samples = 0, []
    for entry, read in zip(entries, boxes):
        size = picture_size(entry.picture)
        corners = [box.corners for box in read]
        if target in WHOLE_PIXELS:
            rounded += sum(_whole(box, size) != box for box in corners)
            corners = [_whole(box, size) for box in corners]
        labels = [label_of(entry, box, names) for box in read]
        written = list(zip(labels, corners))
        samples.append(Sample(entry.picture, entry.name, size, entry.split, written, entry.template))
    _write(target, output, names, samples)
    found = replace(found, entries=entries)
    flags = _flags(found, root, target) if target != found.format else ""
    counts = len(samples), sum(map(len, boxes)), rounded
    return Conversion(found.format, names, *counts, flags, _resplit(found, target), found.left_out)


def _flags(found: BoxSet, root: Path, target: str) -> str:
    """What only DeepPCB's layout implies: that folders are boards, and which of them validates."""
    splits = {entry.split for entry in found.entries}
    if target == "deeppcb":
        # Folders that were none would be split off whole.
        return "--data.split hash" if splits == {None} and any("/" in e.name for e in found.entries) else ""
    groups = groups_of(found, root, None, None)
    if not all(groups):
        return ""
    trained = {group for group, entry in zip(groups, found.entries) if entry.split == "train"}
    held_out = "test" in splits and "validation" not in splits and DEEPPCB_VALIDATION in trained
    return "--data.group -1" + (f" --data.validation_group {DEEPPCB_VALIDATION}" if held_out else "")


def _resplit(found: BoxSet, target: str) -> bool:
    """Whether folders become boards beside lists that leave validation open, which no flag undoes."""
    if target != "deeppcb" or found.format == target:
        return False
    splits = {entry.split for entry in found.entries}
    return splits != {None} and "validation" not in splits and any("/" in e.name for e in found.entries)


def _write(target: str, output: Path, names: tuple[str, ...], samples: list[Sample]) -> None:
    partial = output.with_name(f"{output.name}.{os.getpid()}.partial")
    try:
        with refused_writing(partial):
            partial.mkdir(parents=True)
            WRITERS[target](partial, names, samples)
            # Windows replaces no folder, not even an empty one.
            if output.exists():
                output.rmdir()
            os.replace(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _require_once(root: Path, entries: list[Entry]) -> None:
    require_apart(root, entries)
    seen: set[Path] = set()
    for entry in entries:
        if entry.picture in seen:
            raise UserError(f"{root}: found {entry.name:.200} twice in a list, expected each picture once")
        seen.add(entry.picture)


def _require_names(root: Path, names: tuple[str, ...]) -> None:
    broken = next((name for name in names if len(name.splitlines()) != 1 or name != name.strip()), None)
    if broken is not None:
        raise UserError(f"{root}: found the class {broken!r:.60}, expected a name of one line")


def _whole(
    corners: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """The box with its edges on the nearest pixels, one pixel wide and high at least."""
    first = [min(round(value), side - 1) for value, side in zip(corners[:2], size)]
    last = [max(round(value), low + 1) for value, low in zip(corners[2:], first)]
    return (*map(float, first), *map(float, last))

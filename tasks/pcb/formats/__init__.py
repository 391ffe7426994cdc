"""Formats of pictures with boxes, each read into the same records; no Paddle here."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Optional

from common.errors import UserError
from tasks.pcb.formats import coco, deeppcb, voc, yolo
from tasks.pcb.formats.records import SPLITS, BoxSet
from tasks.pcb.formats.templates import with_templates

READERS = {"deeppcb": deeppcb, "voc": voc, "coco": coco, "yolo": yolo}
TITLES = {
    "deeppcb": "DeepPCB (trainval.txt)",
    "voc": "Pascal VOC (.xml)",
    "coco": "COCO (.json)",
    "yolo": "YOLO (data.yaml or classes.txt)",
}


class Fields(NamedTuple):
    """What messages call the settings of a data set: fields of a configuration, or a command's flags."""

    root: str = "data.root, --data-root"
    format: str = "data.format"
    templates: str = "data.templates"
    unannotated: str = "data.unannotated"


CONFIGURED = Fields()


def read_box_set(
    root: Path,
    name: str = "auto",
    classes: Optional[tuple[str, ...]] = None,
    refused: Optional[list[UserError]] = None,
    templates: Optional[str] = None,
    fields: Fields = CONFIGURED,
) -> BoxSet:
    """The pictures of a data set with their templates; annotations are not read yet.

    Training comes first, then validation and test, each in the order of the pictures' names. Boards of
    DeepPCB's own groups stay as its lists have them, for what was measured with that order.

    Args:
        root: its folder, or the JSON file of a COCO set or the YAML file of a YOLO one.
        name: of the format; ``auto`` recognises it.
        classes: names of the classes in the order of their numbers, before those of the data.
        refused: where it is given, pictures or annotations whose counterpart is missing are left out, and
            their errors are added to it.
        templates: where they stand, see :func:`tasks.pcb.formats.templates.find_templates`.
        fields: names of the settings, for messages.

    Raises:
        UserError: no such place, no format or several, or what the format's reader refuses.
    """
    if not root.exists():
        raise UserError(f"{root}: no such folder, expected pictures with boxes (see {fields.root})")
    found = READERS[recognise(root, fields.format) if name == "auto" else name].read(root, classes, refused)
    entries = found.entries
    # Formats name pictures and splits in different orders, but draws should be the same.
    if not (found.format == "deeppcb" and deeppcb.of_published_groups(entries)):
        entries = sorted(entries, key=lambda entry: entry.name)
    entries = sorted(entries, key=lambda entry: SPLITS.index(entry.split or "train"))
    folder = root if root.is_dir() else root.parent
    return replace(found, entries=with_templates(entries, templates, folder, fields.templates))


def recognise(root: Path, field: str = CONFIGURED.format) -> str:
    """The format of a folder or file.

    Args:
        field: that could name it, for messages.

    Raises:
        UserError: it looks like none of them, or like several.
    """
    found = [name for name, reader in READERS.items() if reader.recognise(root)]
    if len(found) == 1:
        return found[0]
    seen = " and ".join(TITLES[name] for name in found) if found else "no data set"
    expected = "one of " + ", ".join(TITLES.values()) if not found else f"one of them in {field}"
    raise UserError(f"{root}: found {seen}, expected {expected}")

"""Drawn boards without a fault in every format, and what check_data says of them once they are changed."""

from pathlib import Path

from common.config import build
from common.reporting.findings import Finding
from tasks.pcb.check import check_data
from tasks.pcb.config import Config
from tasks.pcb.conversion import convert
from tasks.pcb.formats import READERS
from tasks.pcb.synthetic_boards import write_boards

# Whole groups: the lists of drawn boards tear some apart, as DeepPCB's do.
APART = {"group": -1, "split": "group", "test_share": 0.25, "validation_share": 0.25}


def write_sets(folder: Path) -> Path:
    """The same boards in ``folder`` in every format, a folder each."""
    write_boards(folder / "boards", number=60, size=128, seed=2)
    for name in READERS:
        convert(folder / "boards", name, folder / name)
    return folder


# With one anchor and one cell a box, two of these boards would have boxes that get no target.
MODEL = {"assign_iou": 0.4, "neighbour_cells": True}


def configuration(root: str, **fields) -> Config:
    """Fields of ``data`` by their names, those of ``augment``, ``model`` and ``loss`` as mappings."""
    values = {name: fields.pop(name, {}) for name in ("augment", "model", "loss")}
    values["augment"] = {"crop": 128, **values["augment"]}
    values["model"] = {**MODEL, **values["model"]}
    return build(Config, {"task": "pcb", "data": {"root": root, **APART, **fields}, **values}, "test")


def check(folder: Path, root: str, **fields) -> list[Finding]:
    return check_data(configuration(root, **fields), folder)[1]


def found(findings: list[Finding]) -> list[tuple]:
    """Severity, kind, count and files with lines of each finding."""
    return sorted(
        (f.severity, f.kind, f.count, *(f"{p.file.name}:{p.line}".rstrip(":") for p in f.places))
        for f in findings
    )

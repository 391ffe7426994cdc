"""Boxes outside their picture, of no size, doubled, and how many there are."""

from typing import Optional

import numpy as np

from common.evaluation.detection import box_iou
from common.reporting.findings import Finding
from common.reporting.page import HtmlTable, Section
from tasks.pcb.checks.source import Checked, Source
from tasks.pcb.formats.records import Box, has_size

SAME_PLACE = 0.95


def check_boxes(source: Source) -> tuple[Section, list[Finding]]:
    """Boxes in all and a picture, and those that are wrong."""
    findings = [*_impossible(source), *_doubled(source)]
    return _section(source), findings


def _section(source: Source) -> Section:
    rows = []
    for split, pictures in source.splits.items():
        counts = np.array([len(p.labels) for p in pictures])
        groups = len({p.group for p in pictures if p.group})
        numbers = [len(pictures), groups, int((counts == 0).sum()), counts.sum()]
        mean = f"{counts.mean():.2f}" if len(counts) else "-"
        rows.append([split, *(f"{n:,}" for n in numbers), mean, str(counts.max(initial=0))])
    columns = ["split", "pictures", "groups", "without box", "boxes", "boxes a picture", "most"]
    said = "As training reads them." if not source.refusal else "Of the pictures that can be read."
    return Section("Boxes", said, tables=[HtmlTable(columns, rows)])


def _impossible(source: Source) -> list[Finding]:
    empty, outside, beside, unknown = [], [], [], []
    for picture in source.pictures:
        for box in picture.written:
            share = _share_inside(box, picture)
            if box.name not in source.classes:
                unknown.append(picture.place(box))
            if share is None:
                empty.append(picture.place(box, picture.path.name))
            elif share < 1:
                (outside if share else beside).append(picture.place(box, _outside(picture, share)))
    numbers = "correct the numbers (corners or centre, pixels or shares, counted from 0 or from 1?)"
    classes = f"correct these labels, or add them to data.classes ({', '.join(source.classes)[:80]})"
    severity, cut, left_out = "error", f"{numbers}, or --data.boxes_outside clip cuts them off", numbers
    if source.config.data.boxes_outside == "clip":
        severity = "note"
        cut, left_out = (f"nothing: data.boxes_outside is clip, so they are {d}" for d in ("cut", "left out"))
    kinds = [
        (
            "error",
            "box of no size",
            "boxes have no width or no height",
            numbers,
            empty,
        ),
        (severity, "box beside its picture", "boxes lie outside their picture", left_out, beside),
        (severity, "box outside", "boxes stick out of their picture", cut, outside),
        ("error", "class outside data.classes", "boxes have other classes", classes, unknown),
    ]
    boxes = sum(len(p.written) for p in source.pictures)
    return [
        Finding(severity, kind, f"{len(places):,} of {boxes:,} {message}", remedy, places)
        for severity, kind, message, remedy, places in kinds
        if places
    ]


def _share_inside(box: Box, picture: Checked) -> Optional[float]:
    """Share of a box's area in its picture; None for a box of no size."""
    if not has_size(box.corners):
        return None
    x1, y1, x2, y2 = box.corners
    width, height = picture.size
    inside = max(0.0, min(x2, width) - max(x1, 0.0)), max(0.0, min(y2, height) - max(y1, 0.0))
    if inside == (x2 - x1, y2 - y1):
        return 1.0
    return min(inside[0] * inside[1] / ((x2 - x1) * (y2 - y1)), 1 - 1e-9)


def _outside(picture: Checked, share: float) -> str:
    width, height = picture.size
    return f"{1 - share:.0%} outside {picture.path.name}, {width} x {height}"


def _doubled(source: Source) -> list[Finding]:
    doubled, differing = [], []
    for picture in source.pictures:
        overlap = np.triu(box_iou(picture.boxes, picture.boxes), 1)
        for first, second in np.argwhere(overlap >= SAME_PLACE):
            one, other = picture.used[first], picture.used[second]
            detail = f"as {one.place}, IoU {overlap[first, second]:.2f}"
            if one.name == other.name:
                doubled.append(picture.place(other, detail))
            else:
                differing.append(picture.place(other, f"{one.name} {detail}"))
    found = []
    if doubled:
        message = f"{len(doubled):,} boxes repeat one of the same class (IoU of at least {SAME_PLACE})"
        remedy = "delete the second; it can get no target, and counts as missed"
        found.append(Finding("warning", "doubled box", message, remedy, doubled))
    if differing:
        message = f"{len(differing):,} boxes lie on one of another class (IoU of at least {SAME_PLACE})"
        remedy = "decide for one class; a cell and anchor learns one of them"
        found.append(Finding("warning", "two classes at one place", message, remedy, differing))
    return found

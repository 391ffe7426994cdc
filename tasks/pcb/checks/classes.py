"""Boxes of each class, and classes that are rare or missing."""

from common.reporting.class_balance import imbalance, listed, ratio
from common.reporting.findings import Finding, shorten
from common.reporting.page import HtmlTable, Section
from tasks.pcb.checks.source import Source

FEW_BOXES = 10
CLASSES_SHOWN = 30
IMBALANCE_REMEDY = (
    "more pictures of the rare class help most; else --data.repeat_threshold or --loss.class_weights "
    "balanced; read ap_50 of each class beside map_50"
)


def check_classes(source: Source) -> tuple[Section, list[Finding]]:
    """Boxes of each class and split, and what is wrong with them."""
    counts = {split: _count(source, split) for split in source.splits}
    findings = []
    for split, numbers in counts.items():
        findings += _rare(split, numbers)
    findings += imbalance(counts.get("train", {}), "boxes", IMBALANCE_REMEDY)
    return _section(source, counts), findings


def _count(source: Source, split: str) -> dict[str, int]:
    labels = source.labels(split)
    return {name: int((labels == index).sum()) for index, name in enumerate(source.classes)}


def _section(source: Source, counts: dict[str, dict[str, int]]) -> Section:
    rows = []
    for index, name in enumerate(source.classes):
        pictures = sum((p.labels == index).any() for chosen in source.splits.values() for p in chosen)
        rows.append([shorten(name, 30), *(f"{c[name]:,}" for c in counts.values()), f"{pictures:,}"])
    if len(rows) > CLASSES_SHOWN:
        rest = len(rows) - CLASSES_SHOWN
        rows = [*rows[:CLASSES_SHOWN], [f"and {rest} more", *[""] * len(counts), ""]]
    used = sum(map(len, source.splits.values()))
    rows.append(["all", *(f"{sum(c.values()):,}" for c in counts.values()), f"{used:,}"])
    rows.append(["largest / smallest", *(ratio(c.values()) for c in counts.values()), ""])
    columns = ["class", *counts, "pictures with it"]
    return Section("Classes", "Boxes of each class.", tables=[HtmlTable(columns, rows)])


def _rare(split: str, counts: dict[str, int]) -> list[Finding]:
    found = []
    if not any(counts.values()):
        message = f"{split} has no box at all"
        remedy = "add annotated pictures, or see data.split; training needs boxes in every split"
        return [Finding("error", "split without boxes", message, remedy, count=1)]
    absent = [name for name, count in counts.items() if not count]
    if absent:
        message = f"{split} has no box of {listed(absent)}"
        remedy = "add pictures, or leave the class out; it cannot be learnt from none, nor measured on none"
        found.append(Finding("warning", "class missing from a split", message, remedy, count=len(absent)))
    few = [f"{name} ({count})" for name, count in counts.items() if 0 < count < FEW_BOXES]
    if few:
        message = f"{split} has fewer than {FEW_BOXES} boxes of {listed(few)}"
        remedy = "add pictures, or merge the class with another; its metrics are mostly chance"
        found.append(Finding("warning", "class of few boxes", message, remedy, count=len(few)))
    return found

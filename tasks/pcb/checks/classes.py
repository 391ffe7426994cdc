"""Boxes of each class, and classes that are rare or missing."""

from common.reporting.findings import Finding, shorten
from common.reporting.page import HtmlTable, Section
from tasks.pcb.checks.source import Source

FEW_BOXES = 10
# Largest class over smallest: from here on worth knowing, and worth doing something about.
UNEVEN, VERY_UNEVEN = 3, 10
CLASSES_SHOWN = 30


def check_classes(source: Source) -> tuple[Section, list[Finding]]:
    """Boxes of each class and split, and what is wrong with them."""
    counts = {split: _count(source, split) for split in source.splits}
    findings = []
    for split, numbers in counts.items():
        findings += _rare(split, numbers)
    return _section(source, counts), [*findings, *_imbalance(counts.get("train", {}))]


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
    rows.append(["largest / smallest", *(_ratio(c) for c in counts.values()), ""])
    columns = ["class", *counts, "pictures with it"]
    return Section("Classes", "Boxes of each class.", tables=[HtmlTable(columns, rows)])


def _ratio(counts: dict[str, int]) -> str:
    numbers = list(counts.values())
    return f"{max(numbers) / min(numbers):.2f}" if numbers and min(numbers) else "-"


def _rare(split: str, counts: dict[str, int]) -> list[Finding]:
    found = []
    if not any(counts.values()):
        message = f"{split} has no box at all"
        remedy = "add annotated pictures, or see data.split; training needs boxes in every split"
        return [Finding("error", "split without boxes", message, remedy, count=1)]
    absent = [name for name, count in counts.items() if not count]
    if absent:
        message = f"{split} has no box of {_listed(absent)}"
        remedy = "add pictures, or leave the class out; it cannot be learnt from none, nor measured on none"
        found.append(Finding("warning", "class missing from a split", message, remedy, count=len(absent)))
    few = [f"{name} ({count})" for name, count in counts.items() if 0 < count < FEW_BOXES]
    if few:
        message = f"{split} has fewer than {FEW_BOXES} boxes of {_listed(few)}"
        remedy = "add pictures, or merge the class with another; its metrics are mostly chance"
        found.append(Finding("warning", "class of few boxes", message, remedy, count=len(few)))
    return found


def _imbalance(counts: dict[str, int]) -> list[Finding]:
    numbers = {name: count for name, count in counts.items() if count}
    if not numbers or max(numbers.values()) < UNEVEN * min(numbers.values()):
        return []
    most, least = max(numbers, key=numbers.get), min(numbers, key=numbers.get)
    ratio = numbers[most] / numbers[least]
    message = (
        f"train has {numbers[most]:,} boxes of {shorten(most, 20)} and {numbers[least]:,} of "
        f"{shorten(least, 20)}, {ratio:.1f} times as many"
    )
    remedy = (
        "more pictures of the rare class help most; else --data.repeat_threshold or --loss.class_weights "
        "balanced; read ap_50 of each class beside map_50"
    )
    severity = "warning" if ratio >= VERY_UNEVEN else "note"
    return [Finding(severity, "imbalance", message, remedy, count=round(ratio))]


def _listed(names: list[str]) -> str:
    shown = ", ".join(shorten(name, 30) for name in names[:8])
    return shown + (f" and {len(names) - 8} more" if len(names) > 8 else "")

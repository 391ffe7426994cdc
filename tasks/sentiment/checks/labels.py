"""Labels that are missing or doubtful, and classes that are rare."""

import contextlib
import unicodedata
from collections import Counter

from common.reporting.class_balance import imbalance, listed, ratio
from common.reporting.findings import Finding, Place, shorten
from common.reporting.page import HtmlTable, Section
from tasks.sentiment.checks.source import Source

FEW_TEXTS = 10
CLASSES_SHOWN = 30
IMBALANCE_REMEDY = (
    "read f1_macro instead of accuracy, and try --loss.class_weights balanced or --data.sampling balanced"
)


def check_labels(source: Source) -> tuple[Section, list[Finding]]:
    """Texts of each class and split, and what is wrong with them."""
    counts = {split: Counter(row.label for row in rows) for split, rows in source.splits.items()}
    classes = _classes(source, counts)
    findings = [*_missing(source), *_alike(source), *_unknown(source), *_rare(source, counts, classes)]
    return _section(source, counts, classes), findings


def _classes(source: Source, counts: dict[str, Counter]) -> list[str]:
    known = source.data.classes if source.data else source.config.data.classes
    return list(known) if known else sorted(counts["train"])


def _section(source: Source, counts: dict[str, Counter], classes: list[str]) -> Section:
    rows = [[shorten(name, 30), *(f"{c[name]:,}" for c in counts.values())] for name in classes]
    if len(rows) > CLASSES_SHOWN:
        rows = [*rows[:CLASSES_SHOWN], [f"and {len(rows) - CLASSES_SHOWN} more", *[""] * len(counts)]]
    ratios = ["largest / smallest", *(ratio([c[name] for name in classes]) for c in counts.values())]
    totals = ["all", *(f"{sum(c.values()):,}" for c in counts.values())]
    said = f"as training reads them: {source.data.summary()}" if source.data else "of the files as they are"
    return Section("Classes", said, tables=[HtmlTable(["class", *counts], [*rows, totals, ratios])])


def _missing(source: Source) -> list[Finding]:
    places = [
        source.place(split, row) for split, rows in source.files.items() for row in rows if not row.label
    ]
    if not places:
        return []
    message = f"{len(places):,} rows have nothing in column {source.config.data.label_column!r}"
    remedy = "label these rows or delete them; training refuses the file as it is"
    return [Finding("error", "no label", message, remedy, places)]


def _alike(source: Source) -> list[Finding]:
    counts = Counter(row.label for rows in source.files.values() for row in rows if row.label)
    written: dict[str, list[str]] = {}
    for label, _ in counts.most_common():
        written.setdefault(_plain(label), []).append(label)
    groups = [labels for labels in written.values() if len(labels) > 1]
    rarer = {label: labels[0] for labels in groups for label in labels[1:]}
    places = [
        source.place(split, row, f"label {row.label}, mostly written {rarer[row.label]}")
        for split, rows in source.files.items()
        for row in rows
        if row.label in rarer
    ]
    if not places:
        return []
    shown = "; ".join(" and ".join(repr(shorten(label, 20)) for label in labels) for labels in groups[:3])
    remedy = "write each label in one way; as it is, each way is a class of its own"
    return [Finding("warning", "labels that look alike", shown, remedy, places)]


def _plain(label: str) -> str:
    plain = unicodedata.normalize("NFKC", label).casefold().strip(" .,;:!。，；：！\"'")
    with contextlib.suppress(ValueError):
        plain = repr(float(plain))
    return plain


def _unknown(source: Source) -> list[Finding]:
    given = source.config.data.classes
    known = set(given) if given else {row.label for row in source.files["train"]}
    rows = [
        (split, row)
        for split, several in source.files.items()
        for row in several
        if row.label and row.label not in known
    ]
    if not rows:
        return []
    kind = "label outside data.classes" if given else "class not in training"
    labels = list(dict.fromkeys(row.label for _, row in rows))
    message = f"{len(rows):,} rows with {listed(labels)}"
    places = [source.place(split, row, f"label {row.label}") for split, row in rows]
    remedy = "correct these labels, or " + (
        "add them to data.classes" if given else "add training texts of them"
    )
    return [Finding("error", kind, message, remedy, places)]


def _rare(source: Source, counts: dict[str, Counter], classes: list[str]) -> list[Finding]:
    findings = []
    if len(counts["train"]) == 1:
        message = f"train has only {next(iter(counts['train']))!r}, expected two classes or more"
        remedy = "add texts of another class, or see data.label_column"
        return [Finding("error", "one class", message, remedy, count=1)]
    for split, count in counts.items():
        absent = [name for name in classes if not count[name]]
        if absent:
            message = f"{split} has no text of {listed(absent)}"
            remedy = "add texts, or leave the class out; metrics over classes are undefined for it"
            findings.append(
                Finding("warning", "class missing from a split", message, remedy, count=len(absent))
            )
        few = [name for name in classes if 0 < count[name] < FEW_TEXTS]
        if few:
            numbered = [f"{name} ({count[name]})" for name in few]
            message = f"{split} has fewer than {FEW_TEXTS} texts of {listed(numbered)}"
            remedy = "add texts, or merge the class with another; its metrics are mostly chance"
            places = _first_rows(source, split, few)
            findings.append(Finding("warning", "class of few texts", message, remedy, places, len(few)))
    trained = {name: counts["train"][name] for name in classes}
    return [*findings, *imbalance(trained, "texts", IMBALANCE_REMEDY)]


def _first_rows(source: Source, split: str, classes: list[str]) -> list[Place]:
    first: dict[str, Place] = {}
    for row in source.splits[split]:
        if row.label in classes and row.label not in first:
            first[row.label] = source.place(split, row, f"label {row.label}")
    return list(first.values())

"""Texts that stand twice: in one file, with two labels, and in two splits."""

from dataclasses import dataclass

from common.reporting.findings import Finding, Place
from common.reporting.page import HtmlTable, Section
from tasks.sentiment.checks.near import nearest
from tasks.sentiment.checks.source import Source
from tasks.sentiment.data import normalise
from tasks.sentiment.reading import Row

SIMILAR = 0.7
PAIRS = (("test", "train"), ("validation", "train"), ("test", "validation"))
DROPPED = "nothing: data.duplicates is drop, so training leaves them out"


@dataclass(frozen=True)
class Overlap:
    """Rows of one split that stand in another, each with what stands there.

    Attributes:
        exact: the same text, character for character.
        letters: the same letters and digits, but other punctuation, white space or symbols.
        near: other letters, but a Jaccard similarity of at least :data:`SIMILAR` of their character
            5-grams; of the rows that training keeps, since dropping duplicates leaves these.
        other_label: how many rows of ``exact`` and ``letters`` have another label there.
    """

    exact: list[Place]
    letters: list[Place]
    near: list[Place]
    other_label: int


def check_duplicates(source: Source) -> tuple[Section, list[Finding]]:
    """The overlap of every two splits as a table, and the findings of files and of splits."""
    findings = [finding for split in source.files for finding in _inside(source, split)]
    # Where training drops duplicates its splits share none, but the files may.
    compared = source.files if source.drops else source.splits
    rows = []
    for split, other in PAIRS:
        if split in source.splits and other in source.splits:
            overlap = _overlap(source, split, other, compared)
            number = len(compared.get(split, source.splits[split]))
            findings += _between(source, split, other, overlap, number)
            exact, letters = len(overlap.exact), len(overlap.exact) + len(overlap.letters)
            numbers = (number, exact, letters, overlap.other_label, len(overlap.near))
            rows.append([f"{split} in {other}", *(f"{number:,}" for number in numbers)])
    columns = ["split", "texts", "exactly", "by letters", "with another label", "nearly"]
    said = (
        "Texts of a split that also stand in another: character for character; when only letters and "
        f"digits are compared; and those that differ, with at least {SIMILAR:.0%} of their character "
        "5-grams in common (Jaccard)."
    )
    return Section("Texts in two splits", said, tables=[HtmlTable(columns, rows)]), findings


def _inside(source: Source, split: str) -> list[Finding]:
    groups: dict[str, list[Row]] = {}
    for row in source.files[split]:
        key = normalise(row.text)
        if key and row.label:
            groups.setdefault(key, []).append(row)
    copies, conflicting, conflicts = [], [], 0
    for rows in groups.values():
        if len({row.label for row in rows}) > 1:
            conflicts += 1
            conflicting += [source.place(split, row, f"label {row.label}") for row in rows]
        else:
            copies += [source.place(split, row, f"as line {rows[0].line}") for row in rows[1:]]
    found = []
    severity = "note" if source.drops else "warning"
    name = source.paths[split].name
    if conflicting:
        message = (
            f"{name}: texts that stand with different labels: {conflicts:,}, in {len(conflicting):,} rows"
        )
        remedy = DROPPED if source.drops else "correct the labels, or --data.duplicates drop"
        found.append(Finding(severity, "two labels", message, remedy, conflicting, conflicts))
    if copies:
        message = f"{name}: {len(copies):,} of {len(source.files[split]):,} rows repeat an earlier one"
        remedy = DROPPED if source.drops else "--data.duplicates drop"
        found.append(Finding(severity, "repeated text", message, remedy, sorted(copies, key=_line)))
    return found


def _line(place: Place) -> int:
    return place.line


def _overlap(source: Source, split: str, other: str, compared: dict[str, list[Row]]) -> Overlap:
    exact, letters, near = [], [], []
    other_label = 0
    known: dict[str, list[Row]] = {}
    for row in compared.get(other, []):
        known.setdefault(normalise(row.text), []).append(row)
    for row in compared.get(split, []):
        key = normalise(row.text)
        there = known.get(key, []) if key else []
        same = [known_row for known_row in there if known_row.text == row.text]
        if there:
            partner = _with_another_label(row, same or there)
            place = source.place(split, row, _partner(source, row, other, partner))
            (exact if same else letters).append(place)
            other_label += any(known_row.label != row.label for known_row in there)
    rows, others = source.splits[split], source.splits[other]
    texts, other_texts = ([normalise(row.text) for row in part] for part in (rows, others))
    for number, (found, similarity) in nearest(texts, other_texts, SIMILAR).items():
        detail = (
            f"{similarity:.2f} {_partner(source, rows[number], other, others[found])}: {others[found].text}"
        )
        near.append(source.place(split, rows[number], detail))
    return Overlap(exact, letters, near, other_label)


def _with_another_label(row: Row, there: list[Row]) -> Row:
    """The first of the rows with another label than ``row``, or the first."""
    return next((known for known in there if known.label != row.label), there[0])


def _partner(source: Source, row: Row, split: str, there: Row) -> str:
    label = "" if row.label == there.label else f" (label {row.label}, there {there.label})"
    return f"{source.paths[split].name}:{there.line}{label}"


def _between(source: Source, split: str, other: str, overlap: Overlap, number: int) -> list[Finding]:
    severity, remedy = "error", f"--data.duplicates drop; until then the {split} score is partly memory"
    if other == "validation":
        severity, remedy = (
            "warning",
            "--data.duplicates drop; until then the best epoch is chosen on test texts",
        )
    if source.drops:
        severity, remedy = "note", DROPPED
    labels = f"; {overlap.other_label} with another label there" if overlap.other_label else ""
    found = []
    if overlap.exact:
        message = f"{len(overlap.exact):,} of {number:,} texts of {split} also stand in {other}"
        both = len(overlap.exact) + len(overlap.letters)
        message += f", {both:,} when only letters and digits are compared{labels}"
        found.append(Finding(severity, "same text in two splits", message, remedy, overlap.exact))
    if overlap.letters:
        message = (
            f"{len(overlap.letters):,} of {number:,} texts of {split} stand in {other} but for punctuation"
        )
        message += "" if overlap.exact else labels
        found.append(Finding(severity, "same letters in two splits", message, remedy, overlap.letters))
    if overlap.near:
        message = f"{len(overlap.near):,} of {number:,} texts of {split} nearly stand in {other}"
        remedy = f"read some of them; remove them from {other} if they are copies"
        found.append(Finding("warning", "nearly the same in two splits", message, remedy, overlap.near))
    return found

"""Boards and pictures that stand in more than one split."""

import hashlib
from collections import Counter, defaultdict

import numpy as np

from common.reporting.findings import Finding, Place
from common.reporting.page import HtmlTable, Section
from tasks.pcb.checks.source import Checked, Source
from tasks.pcb.checks.thumbnails import most_alike

PAIRS = (("test", "train"), ("validation", "train"), ("test", "validation"))
# Correlation of thumbnails. Two scans of one place on a board have it, two places seldom.
ALIKE = 0.9
REMEDY = "--data.group with what tells boards apart, and --data.split group keeps them on one side"


def check_splits(source: Source) -> tuple[Section, list[Finding]]:
    """A table of what every two splits share, and the findings."""
    contents = {p.path: _digest(p) for p in source.pictures if p.size}
    rows, findings = [], [*_ungrouped(source), *_repeated(source, contents)]
    for split, other in PAIRS:
        if not (source.splits.get(split) and source.splits.get(other)):
            continue
        shared, in_shared = _shared_groups(source, split, other)
        equal = _equal(source, split, other, contents)
        alike = _alike(source, split, other, contents)
        findings += _between(source, split, other, shared, in_shared, equal, alike)
        numbers = (len(source.splits[split]), len(shared), in_shared, len(equal), len(alike))
        rows.append([f"{split} in {other}", *(f"{n:,}" for n in numbers)])
    columns = ["split", "pictures", "groups in both", "pictures of them", "equal files", "alike"]
    said = f"Alike: the thumbnails of two files that differ correlate by at least {ALIKE}."
    return Section("Pictures in two splits", said, tables=[HtmlTable(columns, rows)]), findings


def _digest(picture: Checked) -> bytes:
    return hashlib.sha1(picture.path.read_bytes()).digest()


def _ungrouped(source: Source) -> list[Finding]:
    if any(p.group for p in source.pictures):
        return []
    message = "nothing tells which board, panel or lot a picture shows"
    remedy = "--data.group, so that no board stands on both sides; without it the scores are of known boards"
    return [Finding("note", "no groups", message, remedy, count=1)]


def _shared_groups(source: Source, split: str, other: str) -> tuple[list[str], int]:
    counts = Counter(p.group for p in source.splits[split] if p.group)
    known = {p.group for p in source.splits[other]}
    shared = sorted(group for group in counts if group in known)
    return shared, sum(counts[group] for group in shared)


def _repeated(source: Source, contents: dict) -> list[Finding]:
    """Copies inside a split; a picture that is listed twice is no copy."""
    places = []
    for pictures in source.splits.values():
        first: dict[bytes, Checked] = {}
        for picture in pictures:
            known = first.setdefault(contents[picture.path], picture)
            if known.path != picture.path:
                places.append(Place(picture.path, detail=f"as {known.path}"))
    if not places:
        return []
    message = f"{len(places):,} pictures are copies of another in their split, byte for byte"
    remedy = "delete them; training counts them several times"
    return [Finding("warning", "repeated picture", message, remedy, places)]


def _equal(source: Source, split: str, other: str, contents: dict) -> list[Place]:
    known: dict[bytes, list[Checked]] = defaultdict(list)
    for picture in source.splits[other]:
        known[contents[picture.path]].append(picture)
    return [
        Place(p.path, detail=f"as {known[contents[p.path]][0].path}")
        for p in source.splits[split]
        if known[contents[p.path]]
    ]


def _alike(source: Source, split: str, other: str, contents: dict) -> list[Place]:
    others = source.splits[other]
    standing = {contents[p.path] for p in others}
    pictures = [p for p in source.splits[split] if contents[p.path] not in standing]
    index, correlation = most_alike([p.look for p in pictures], [p.look for p in others])
    return [
        Place(pictures[i].path, detail=f"{correlation[i]:.2f} {others[index[i]].path}")
        for i in np.argsort(-correlation, kind="stable")
        if correlation[i] >= ALIKE
    ]


def _between(
    source: Source,
    split: str,
    other: str,
    groups: list[str],
    in_groups: int,
    equal: list[Place],
    alike: list[Place],
) -> list[Finding]:
    number = len(source.splits[split])
    found = []
    if equal:
        message = f"{len(equal):,} of {number:,} pictures of {split} also stand in {other}, byte for byte"
        remedy = f"delete one of them, or split by hash; until then the {split} score is partly memory"
        found.append(Finding("error", "same picture in two splits", message, remedy, equal))
    if alike:
        message = f"{len(alike):,} of {number:,} pictures of {split} look like one of {other}"
        remedy = f"see whether they are copies, or the same place of another board; if so, {REMEDY}"
        found.append(Finding("warning", "alike in two splits", message, remedy, alike))
    if groups:
        listed = ", ".join(groups[:8]) + (f" and {len(groups) - 8} more" if len(groups) > 8 else "")
        message = f"{in_groups:,} of {number:,} pictures of {split} show boards of {other}: {listed}"
        remedy = f"{REMEDY}; until then look at seen and unseen boards apart"
        found.append(Finding("warning", "board in two splits", message, remedy, count=len(groups)))
    return found

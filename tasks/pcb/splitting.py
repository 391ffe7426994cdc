"""Which pictures train, validate and test: by lists, by whole groups, or by a hash; no Paddle here."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from common.errors import UserError
from tasks.pcb import config as settings
from tasks.pcb.formats.records import SPLITS, BoxSet, Entry, text_lines

# Of DeepPCB, which has no list for validation, this one is held out whole.
DEEPPCB_VALIDATION = "92000"


def split_entries(
    found: BoxSet, groups: Sequence[str], root: Path, data: settings.Data
) -> dict[str, list[int]]:
    """Indices of the entries of each split, in the data set's order.

    Lists are those of ``data.train_list`` and its like, else the data set's own. What they leave open is
    split off training: the group that is named, else whole groups where pictures have groups, else
    pictures by the SHA-1 of their files, so that none changes sides when others are added.

    Raises:
        UserError: a list does not fit the pictures, there is no such group, or a split would be empty.
    """
    splits = _given(found.entries, groups, root, data)
    own_test = "test" in splits
    whole, used = len(splits["train"]), 0.0
    for name, group, share in (
        ("test", data.test_group, data.test_share),
        ("validation", data.validation_group, data.validation_share),
    ):
        if splits.get(name):
            if group is not None:
                raise UserError(f"data.{name}_group: found {group}, but the data list their {name} pictures")
            continue
        pool = splits["train"]
        if group is None and name == "validation" and found.format == "deeppcb" and own_test:
            group = DEEPPCB_VALIDATION if DEEPPCB_VALIDATION in {groups[i] for i in pool} else None
        if group is not None:
            chosen = _named_group(name, group, pool, groups)
        elif any(groups) and data.split != "hash":
            chosen = _whole_groups(name, pool, groups, share * whole)
        else:
            chosen = _by_hash(pool, found.entries, used, used + share)
            used += share
        splits[name] = [i for i in pool if i in chosen]
        splits["train"] = [i for i in pool if i not in chosen]
        if not splits[name] or not splits["train"]:
            raise UserError(
                f"{root}: found {whole} pictures, too few to split off {name} (data.{name}_share, "
                f"data.{name}_list) and to train on the rest"
            )
    return {name: splits[name] for name in SPLITS}


def _given(
    entries: list[Entry], groups: Sequence[str], root: Path, data: settings.Data
) -> dict[str, list[int]]:
    """The splits that lists name; all is training if there are none."""
    splits = _listed(entries, root, data) if data.split in ("auto", "list") else {}
    if data.split == "list" and not splits:
        raise UserError(f"{root}: data.split: found no lists of splits, expected some, or data.test_list")
    if data.split == "group" and not any(groups):
        raise UserError("data.split: found group, but no data.group that tells the boards apart")
    if not splits:
        splits = {"train": list(range(len(entries)))}
    if not splits.get("train"):
        raise UserError(f"{root}: found no picture to train on, expected some outside validation and test")
    return splits


def shared_groups(splits: dict[str, list[str]]) -> list[str]:
    """Groups that stand in training and in another split, in their order."""
    others = {group for name, groups in splits.items() if name != "train" for group in groups}
    return sorted(group for group in set(splits["train"]) & others if group)


def _listed(entries: list[Entry], root: Path, data: settings.Data) -> dict[str, list[int]]:
    files = {"train": data.train_list, "validation": data.validation_list, "test": data.test_list}
    named = {name: root / file for name, file in files.items() if file is not None}
    if not named:
        own = {name: [i for i, entry in enumerate(entries) if entry.split == name] for name in SPLITS}
        require_apart(root, entries)
        return {name: indices for name, indices in own.items() if indices}
    names = _names(entries)
    splits: dict[str, list[int]] = {}
    taken: dict[int, str] = {}
    for name, file in named.items():
        splits[name] = _read_list(file, names, taken)
    if "train" not in splits:
        splits["train"] = [i for i in range(len(entries)) if i not in taken]
    return splits


def require_apart(root: Path, entries: list[Entry]) -> None:
    """Refuse data that list a picture in two splits.

    Raises:
        UserError: naming the first one.
    """
    split_of: dict[Path, Optional[str]] = {}
    for entry in entries:
        other = split_of.setdefault(entry.picture, entry.split)
        if other != entry.split:
            found = f"found {entry.name:.200} in {other} and in {entry.split}"
            raise UserError(f"{root}: {found}, expected each picture in one split")


def _names(entries: list[Entry]) -> dict[str, Optional[int]]:
    """Every way to name a picture: its path and its name, with and without the suffix; None if ambiguous."""
    names: dict[str, Optional[int]] = {}
    for index, entry in enumerate(entries):
        stem = entry.name.rpartition(".")[0]
        whole = {entry.name, stem, entry.name.rpartition("/")[2], stem.rpartition("/")[2], entry.picture.name}
        for name in whole:
            names[name] = index if names.get(name, index) == index else None
    return names


def _read_list(file: Path, names: dict[str, Optional[int]], taken: dict[int, str]) -> list[int]:
    indices = []
    for line, text in text_lines(file):
        name = text.replace("\\", "/")
        parts = name.split("/")
        ends = ["/".join(parts[start:]) for start in range(len(parts))]
        known = next((end for end in ends if end in names), None)
        if known is None:
            raise UserError(f"{file}: line {line}: found {text!r:.80}, expected a picture of the data set")
        index = names[known]
        if index is None:
            found = f"found {text!r:.80}, which names several pictures"
            raise UserError(f"{file}: line {line}: {found}, expected it with its folder")
        if index in taken:
            raise UserError(f"{file}: line {line}: found {text!r:.80}, which also stands in {taken[index]}")
        taken[index] = f"{file.name} line {line}"
        indices.append(index)
    if not indices:
        raise UserError(f"{file}: found no picture, expected one a line")
    return sorted(indices)


def _named_group(name: str, group: str, pool: list[int], groups: Sequence[str]) -> set[int]:
    chosen = {i for i in pool if groups[i] == group}
    if not chosen:
        there = ", ".join(sorted({groups[i] for i in pool if groups[i]})[:12]) or "a data.group"
        raise UserError(f"data.{name}_group: found {group}, expected one of {there}")
    return chosen


def _whole_groups(name: str, pool: list[int], groups: Sequence[str], wanted: float) -> set[int]:
    """Pictures of the groups with the lowest hashes, until there are as many as wanted."""
    sizes = Counter(groups[i] for i in pool)
    if len(sizes) < 2:
        found = f"found only the group {next(iter(sizes))!r:.40} to train on"
        raise UserError(f"data.group: {found}, expected another one to split off as {name}")
    chosen: set[str] = set()
    for group in sorted(sizes, key=lambda group: _digest(group.encode()))[:-1]:
        if chosen and sum(sizes[g] for g in chosen) >= wanted:
            break
        chosen.add(group)
    return {i for i in pool if groups[i] in chosen}


def _by_hash(pool: list[int], entries: list[Entry], low: float, high: float) -> set[int]:
    # Of the file's bytes: copies of a picture under other names stay together.
    places = {i: int(_digest(entries[i].picture.read_bytes())[:13], 16) / 16**13 for i in pool}
    return {i for i, place in places.items() if low <= place < high}


def _digest(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()

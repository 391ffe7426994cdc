"""Detections of a split as the rows of a file, and back; metrics and report are made from these."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import UserError
from common.evaluation.detection import Detections
from common.table_file import read_table
from tasks.pcb.data import Picture

CORNERS = ("x1", "y1", "x2", "y2")


def rounded(found: Detections) -> Detections:
    """As the file has it: hundredths of a pixel, millionths of a score."""
    boxes = found.boxes.astype(float).round(2).astype(np.float32)
    return Detections(boxes, found.labels, found.scores.astype(float).round(6).astype(np.float32))


def prediction_rows(
    names: Sequence[str], detections: Sequence[Detections], classes: tuple[str, ...]
) -> list[dict[str, Any]]:
    """A row a detection, of pictures by name; those without any have no row."""
    return [
        {"image": name, **row}
        for name, found in zip(names, detections)
        for row in detection_rows(found, classes)
    ]


def detection_rows(found: Detections, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """A row a detection of one picture: class, score, and corners in pixels, as :func:`rounded` has them."""
    return [
        {
            "class": classes[label],
            "score": round(float(score), 6),
            **{corner: round(float(value), 2) for corner, value in zip(CORNERS, box)},
        }
        for box, label, score in zip(found.boxes, found.labels, found.scores)
    ]


def read_predictions(file: Path, names: Sequence[str], classes: tuple[str, ...]) -> list[Detections]:
    """The detections of the named pictures, in that order; the inverse of :func:`prediction_rows`.

    Raises:
        UserError: the file is damaged.
    """
    rows: dict[str, list[dict[str, str]]] = {name: [] for name in names}
    # Without any detection it has no header either.
    if file.read_bytes().strip():
        for row in read_table(file, ("image", "class", "score", *CORNERS), text=True).to_dict("records"):
            if row["image"] in rows:
                rows[row["image"]].append(row)
    try:
        return [_detections(rows[name], classes) for name in names]
    except ValueError as error:
        raise UserError(f"{file}: is damaged: {error}") from None


def _detections(rows: list[dict[str, str]], classes: tuple[str, ...]) -> Detections:
    boxes = np.array([[row[corner] for corner in CORNERS] for row in rows], np.float32).reshape(-1, 4)
    labels = np.array([classes.index(row["class"]) for row in rows], int)
    return Detections(boxes, labels, np.array([row["score"] for row in rows], np.float32))


def picture_names(paths: Sequence[Path]) -> list[str]:
    """File names; where two are equal, paths below the folder that all have in common.

    No two are equal: a file that comes again, as one that is listed twice, has its number behind it, ``#2``.
    """
    names = [path.name for path in paths]
    if len(set(names)) < len(names):
        # Templates may be named by an absolute path beside pictures that are not.
        whole = [Path(os.path.abspath(path)) for path in paths]
        common = os.path.commonpath([path.parent for path in whole])
        names = [path.relative_to(common).as_posix() for path in whole]
    seen: Counter = Counter()
    for index, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[index] = f"{name}#{seen[name]}"
    return names


def templates_of(pictures: Sequence[Picture]) -> list[Path]:
    """The defect-free templates of pictures, each once, in order."""
    return list(dict.fromkeys(picture.template for picture in pictures if picture.template is not None))

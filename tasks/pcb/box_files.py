"""The files that boxes are written to while they are found: JSON, CSV, and pictures with them drawn."""

import contextlib
import json
import os
from pathlib import Path, PurePath
from typing import Any, Optional

import cv2
import numpy as np

from common.csv_lines import csv_writer
from common.errors import Interrupted, UserError, refused_writing
from common.evaluation.detection import Detections
from tasks.pcb.drawing import draw_boxes, drawable_name

JSON_NAME, CSV_NAME, PICTURES = "predictions.json", "predictions.csv", "pictures"
COLUMNS = ("image", "class", "score", "x1", "y1", "x2", "y2")
# Those of the others are written as PNG, under their name with that suffix behind it.
DRAWN_SUFFIXES = (".jpg", ".jpeg", ".png")


class BoxFiles:
    """A context in which pictures are written, in order; the files get their names when it ends well.

    When it ends early, what is finished stays in whole files that end with ``.partial``, and the error
    says so; without any picture nothing stays.

    Args:
        folder: made if it is not there.
        classes: names of the classes.
        head: what ``predictions.json`` says before its pictures.
        drawing: whether pictures with boxes are written too, below ``pictures/``.
    """

    def __init__(self, folder: Path, classes: tuple[str, ...], head: dict[str, Any], drawing: bool):
        self.folder, self.classes, self.head, self.drawing = folder, classes, head, drawing
        self.finals = [folder / JSON_NAME, folder / CSV_NAME]
        self.places = [file.with_name(f"{file.name}.{os.getpid()}.partial") for file in self.finals]
        self.pictures, self.between = 0, ""
        self.drawn: set[Path] = set()

    def __enter__(self) -> "BoxFiles":
        with refused_writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            # A name that is not Unicode is written with the numbers of its bytes.
            form = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
            self.json, self.csv = (place.open("w", **form) for place in self.places)
            self.writer = csv_writer(self.csv)
            self.writer.writerow(COLUMNS)
            self.json.write(f'{json.dumps(self.head, ensure_ascii=False)[:-1]}, "pictures": [')
        return self

    def write(self, name: str, image: np.ndarray, found: Detections) -> None:
        """Add a picture with its boxes; when this returns, they are in the files."""
        rows = self._rows(found)
        with refused_writing(self.folder):
            drawn = self._draw(name, image, found) if self.drawing else None
            self.writer.writerows([name, *row.values()] for row in rows)
            size = {"height": image.shape[0], "width": image.shape[1]}
            self._add({"image": name, **size, **({"drawn": drawn} if drawn else {}), "boxes": rows})
            self.csv.flush()
        self.pictures += 1

    def write_unread(self, name: str, error: str) -> None:
        """Add a picture that cannot be read."""
        with refused_writing(self.folder):
            self._add({"image": name, "error": error})

    def _add(self, entry: dict[str, Any]) -> None:
        self.json.write(f"{self.between}\n{json.dumps(entry, ensure_ascii=False)}")
        self.json.flush()
        self.between = ","

    def _rows(self, found: Detections) -> list[dict[str, Any]]:
        return [
            {
                "class": self.classes[label],
                "score": round(float(score), 6),
                **{side: round(float(value), 2) for side, value in zip(COLUMNS[3:], box)},
            }
            for box, label, score in zip(found.boxes, found.labels, found.scores)
        ]

    def _draw(self, name: str, image: np.ndarray, found: Detections) -> str:
        file = self._place(name)
        # OpenCV draws nothing beyond ASCII.
        texts = [
            f"{drawable_name(self.classes, label)} {score:.2f}"
            for label, score in zip(found.labels, found.scores)
        ]
        drawn = draw_boxes(image, found.boxes, found.labels, texts)
        file.parent.mkdir(parents=True, exist_ok=True)
        # OpenCV's own writing of files fails on names beyond ASCII on Windows.
        file.write_bytes(cv2.imencode(file.suffix, drawn)[1].tobytes())
        return file.relative_to(self.folder).as_posix()

    def _place(self, name: str) -> Path:
        """Where a picture is drawn: below the folder, whatever its name, and no two in one file."""
        path = PurePath(name)
        parts = [part for part in path.parts if part not in (path.anchor, "..")]
        file = self.folder.joinpath(PICTURES, *parts)
        if file.suffix.lower() not in DRAWN_SUFFIXES:
            file = file.with_name(f"{file.name}.png")
        stem, number = file.stem, 1
        while file in self.drawn:
            number += 1
            file = file.with_name(f"{stem}-{number}{file.suffix}")
        self.drawn.add(file)
        return file

    def __exit__(self, kind, error, traceback) -> None:
        with refused_writing(self.folder):
            self.json.write("\n]}\n")
            self.json.close()
            self.csv.close()
            for place, final in zip(self.places, self.finals):
                if kind is None:
                    os.replace(place, final)
                elif not self.pictures:
                    place.unlink()
            if kind is not None and not self.pictures:
                with contextlib.suppress(OSError):
                    self.folder.rmdir()
        if kind is not None and self.pictures:
            kept = f"{self.pictures:,} finished pictures are in {self.places[0]} and {self.places[1].name}"
            if issubclass(kind, UserError):
                raise UserError(f"{error}; {kept}") from None
            if issubclass(kind, KeyboardInterrupt):
                raise Interrupted(kept) from None


def occupied(folder: Path) -> Optional[Path]:
    """A file from before that would be replaced."""
    return next((folder / name for name in (JSON_NAME, CSV_NAME) if (folder / name).exists()), None)

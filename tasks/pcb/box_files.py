"""The files that boxes are written to while they are found: JSON, CSV, and pictures with them drawn.

A CSV file has a row a box, another a row a picture, with the error of one that cannot be read.
"""

import contextlib
import json
import os
from pathlib import Path, PurePath
from typing import Any, Optional, TextIO

import cv2
import numpy as np

from common.csv_lines import csv_writer
from common.errors import Interrupted, UserError, refused_writing
from common.evaluation.detection import Detections
from tasks.pcb.drawing import draw_boxes, drawable_name
from tasks.pcb.predictions import CORNERS, detection_rows

JSON_NAME, CSV_NAME, LIST_NAME = NAMES = ("predictions.json", "predictions.csv", "pictures.csv")
PICTURES = "pictures"
COLUMNS = ("image", "class", "score", *CORNERS)
LIST_COLUMNS = ("image", "width", "height", "boxes", "error")
JSON_END = "\n]}\n"
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
        self.finals = [folder / name for name in NAMES]
        self.places = [file.with_name(f"{file.name}.{os.getpid()}.partial") for file in self.finals]
        self.pictures, self.between = 0, ""
        self.drawn: set[Path] = set()
        self.files: list[TextIO] = []

    def __enter__(self) -> "BoxFiles":
        # A name that is not Unicode is written with the numbers of its bytes.
        form = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
        with contextlib.ExitStack() as undo, refused_writing(self.folder):
            undo.callback(self._remove)
            self.folder.mkdir(parents=True, exist_ok=True)
            self.json, self.csv, self.list = self.files = [place.open("w", **form) for place in self.places]
            self.writer, self.list_writer = csv_writer(self.csv), csv_writer(self.list)
            self.writer.writerow(COLUMNS)
            self.list_writer.writerow(LIST_COLUMNS)
            self.json.write(f'{json.dumps(self.head, ensure_ascii=False)[:-1]}, "pictures": [')
            self.whole = [file.tell() for file in self.files]
            undo.pop_all()
        return self

    def write(self, name: str, image: np.ndarray, found: Detections) -> None:
        """Add a picture with its boxes; when this returns, they are in the files."""
        rows, (height, width) = detection_rows(found, self.classes), image.shape[:2]
        with refused_writing(self.folder):
            drawn = {"drawn": self._draw(name, image, found)} if self.drawing else {}
            self.writer.writerows([name, *row.values()] for row in rows)
            self.list_writer.writerow([name, width, height, len(rows), ""])
            self._add({"image": name, "height": height, "width": width, **drawn, "boxes": rows})
        self.pictures += 1

    def write_unread(self, name: str, error: str) -> None:
        """Add a picture that cannot be read."""
        with refused_writing(self.folder):
            self.list_writer.writerow([name, "", "", "", error])
            self._add({"image": name, "error": error})

    def _add(self, entry: dict[str, Any]) -> None:
        self.json.write(f"{self.between}\n{json.dumps(entry, ensure_ascii=False)}")
        # Writes what the files hold back, too.
        self.whole = [file.tell() for file in self.files]
        self.between = ","

    def _draw(self, name: str, image: np.ndarray, found: Detections) -> str:
        file = self._place(name)
        texts = [
            f"{drawable_name(self.classes, label)} {score:.2f}"
            for label, score in zip(found.labels, found.scores)
        ]
        drawn = draw_boxes(image, found.boxes, found.labels, texts)
        file.parent.mkdir(parents=True, exist_ok=True)
        # OpenCV's own writing of files fails on names beyond ASCII on Windows.
        try:
            file.write_bytes(cv2.imencode(file.suffix, drawn)[1].tobytes())
        except OSError:
            file.unlink(missing_ok=True)
            raise
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
        if kind is None:
            try:
                return self._finish()
            except UserError as refused:
                error = refused
        if not self.pictures:
            self._remove()
            raise error
        self._keep_whole()
        kept = f"{self.pictures:,} finished pictures are in {self.places[0]} and "
        kept += " and ".join(place.name for place in self.places[1:])
        if isinstance(error, UserError):
            raise UserError(f"{error}; {kept}") from None
        if isinstance(error, KeyboardInterrupt):
            raise Interrupted(kept) from None

    def _finish(self) -> None:
        with refused_writing(self.folder):
            self.json.write(JSON_END)
            for file in self.files:
                file.close()
            old = self._old_drawings()
            for place, final in zip(self.places, self.finals):
                os.replace(place, final)
            for file in old - self.drawn:
                file.unlink(missing_ok=True)

    def _old_drawings(self) -> set[Path]:
        """Those that the ``predictions.json`` about to be replaced lists."""
        try:
            old = json.loads(self.finals[0].read_text(encoding="utf-8"))["pictures"]
            names = [entry["drawn"] for entry in old if "drawn" in entry]
        except (OSError, ValueError, KeyError, TypeError):
            return set()
        below, files = self.folder / PICTURES, [self.folder / str(name) for name in names]
        return {file for file in files if ".." not in file.parts and below in file.parents}

    def _keep_whole(self) -> None:
        """End the files behind the last picture that is in all of them, as far as the disk lets them."""
        self._close()
        with contextlib.suppress(OSError):
            for place, size in zip(self.places, self.whole):
                os.truncate(place, size)
            with open(self.places[0], "a", newline="") as text:
                text.write(JSON_END)

    def _remove(self) -> None:
        self._close()
        with contextlib.suppress(OSError):
            for place in self.places:
                place.unlink(missing_ok=True)
            self.folder.rmdir()

    def _close(self) -> None:
        for file in self.files:
            # What cannot be written now is cut off or removed.
            with contextlib.suppress(OSError):
                file.close()


def occupied(folder: Path) -> Optional[Path]:
    """A file from before that would be replaced."""
    return next((folder / name for name in NAMES if (folder / name).exists()), None)

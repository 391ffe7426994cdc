"""Boxes of any number of pictures, by a run or by an exported model."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Optional

import numpy as np
from tqdm import tqdm

from common.errors import UserError
from common.evaluation.detection import select
from tasks.pcb.box_files import LIST_NAME, PICTURES, BoxFiles, occupied
from tasks.pcb.detect import Detector
from tasks.pcb.drawing import numbered_names
from tasks.pcb.formats.templates import Templates, find_templates
from tasks.pcb.images import find_files, is_picture, picture_size, read_image
from tasks.pcb.pairs import require_equal_size, stack_pair
from tasks.pcb.source import Source, find_source

BATCH = 4


@dataclass(frozen=True)
class Named:
    """A picture of the input.

    Attributes:
        name: as the input has it, a folder's pictures by their path below it.
        image: pixels, uint8 [height, width, 1 or 3]; None if it or its template cannot be read.
        error: why.
        template: its pixels likewise, for a model of pairs.
    """

    name: str
    image: Optional[np.ndarray]
    error: str = ""
    template: Optional[np.ndarray] = None

    @property
    def shown(self) -> np.ndarray:
        """What the network is shown."""
        return self.image if self.template is None else stack_pair(self.image, self.template)


def predict(
    run: Path,
    input: str,
    output: Optional[Path] = None,
    threshold: Optional[float] = None,
    batch_size: int = BATCH,
    overwrite: bool = False,
    no_drawing: bool = False,
    templates: Optional[str] = None,
) -> None:
    """Write ``predictions.json``, ``predictions.csv``, ``pictures.csv`` and pictures with boxes drawn.

    Pictures are read one batch at a time, in order. One that cannot be read is told of in a line and in
    the files, and passed over. Nothing needs Paddle before the first picture is read.

    Args:
        run: folder of a run or of an exported model.
        input: a picture, a folder of them, or a ``.txt`` file with one name a line, relative to its folder.
        output: folder of the files.
        threshold: smallest score of a box; as measured on validation if None.
        batch_size: pictures computed at once.
        overwrite: whether files from before may be replaced.
        no_drawing: whether pictures are not drawn.
        templates: for a model of pairs, see :func:`tasks.pcb.formats.templates.find_templates`; a folder's
            pictures have the names that ``input`` gives the tested ones.

    Raises:
        UserError: something that was given is wrong, or a picture cannot be read; the files with all
            others are whole then.
        Interrupted: by Ctrl-C, with pictures finished.
    """
    source = find_source(run)
    threshold = _threshold(source, run, threshold)
    _check_flags(output, batch_size, overwrite)
    files = files_of(Path(input), output / PICTURES)
    reader = Reader(source.bits, _templates(source, run, Path(input), templates))
    if Path(input).is_dir():
        files = reader.tested(files)
    pictures = _from_the_first(read_pictures(files, reader.read), len(files), input)
    head = {"classes": source.classes, "threshold": threshold}
    # Fonts are looked for once, which is slow and no part of the speed.
    numbered = "" if no_drawing else numbered_names(source.classes)
    with BoxFiles(output, source.classes, head, not no_drawing) as written:
        detector = source.load()
        started = time.perf_counter()
        counts, unread, busy = write_boxes(written, detector, pictures, len(files), threshold, batch_size)
        seconds = time.perf_counter() - started
    print(_summary(written, source.classes, counts, unread))
    if numbered:
        print(f"drawn as numbers, since no font here has their characters: {numbered}")
    print(_speed(written.pictures, seconds, busy))
    if unread:
        found = f"{unread:,} of {len(files):,} pictures cannot be read, see {output / LIST_NAME}"
        raise UserError(f"--input: {input}: {found}; boxes of all others are written")


def files_of(input: Path, drawn: Optional[Path] = None) -> list[tuple[str, Path]]:
    """Name and path of every picture of an input, in order: of the list, or of the names in a folder.

    Args:
        drawn: a folder that is left out, that of pictures with boxes drawn by an earlier call.

    Raises:
        UserError: there is no such input, or it names no picture.
    """
    if input.is_dir():
        kept = (f for f in find_files(input) if is_picture(f) and not (drawn and _below(f, drawn)))
        files = [(f.relative_to(input).as_posix(), f) for f in kept]
        if not files:
            raise UserError(f"--input: {input}: found no picture in the folder, expected some")
        return files
    if not input.is_file():
        raise UserError(f"--input: {input}: no such file or folder, expected a picture, a folder or a list")
    if input.suffix.lower() != ".txt":
        return [(input.name, input)]
    try:
        lines = input.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--input: {input}: cannot be read as text: {error}") from None
    files = [(line.strip(), input.parent / line.strip()) for line in lines if line.strip()]
    if not files:
        raise UserError(f"--input: {input}: found no line, expected one picture a line")
    return files


def _below(file: Path, folder: Path) -> bool:
    return Path(os.path.abspath(folder)) in Path(os.path.abspath(file)).parents


@dataclass(frozen=True)
class Reader:
    """Reads pictures as the training did.

    Attributes:
        bits: that the camera uses of a picture of 16.
        templates: where templates stand, for a model of pairs.
    """

    bits: int = 16
    templates: Optional[Templates] = None

    def read(self, name: str, file: Path) -> Named:
        """A picture, with its template for a model of pairs.

        Raises:
            UserError: one of them cannot be read, or the template is missing or of another size.
        """
        # OpenCV fills up what is cut off without a word.
        size = picture_size(file)
        if self.templates is None:
            return Named(name, read_image(file, self.bits))
        template = self.templates.of(file, name)
        if template is None:
            expected = "expected a_temp.jpg beside a_test.jpg, or its name in --templates"
            raise UserError(f"{file}: found no template, {expected}")
        require_equal_size(template, picture_size(template), file, size)
        pixels = [read_image(path, self.bits) for path in (file, template)]
        return Named(name, pixels[0], template=pixels[1])

    def tested(self, files: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
        """The pictures of a folder without those that are templates of others."""
        if self.templates is None:
            return files
        known = {self.templates.of(file, name) for name, file in files}
        tested = [(name, file) for name, file in files if file not in known]
        if len(tested) < len(files):
            print(f"{len(files) - len(tested):,} pictures are templates of others")
        return tested


def read_pictures(
    files: list[tuple[str, Path]], read: Callable[[str, Path], Named] = Reader().read
) -> Iterator[Named]:
    """Every picture, read as it is asked for."""
    for name, file in files:
        try:
            yield read(name, file)
        except UserError as error:
            yield Named(name, None, " ".join(str(error).split()))


def write_boxes(
    written: BoxFiles,
    detector: Detector,
    pictures: Iterator[Named],
    number: int,
    threshold: float,
    batch_size: int,
) -> tuple[Counter, int, float]:
    """Write all pictures; return boxes by class, pictures that cannot be read, seconds of the network."""
    counts: Counter = Counter()
    unread, busy = 0, 0.0
    # Off where standard error is not a terminal.
    with tqdm(total=number, unit=" pictures", disable=None) as bar:
        while part := list(islice(pictures, batch_size)):
            started = time.perf_counter()
            found = iter(detector.detect([p.shown for p in part if p.image is not None]))
            busy += time.perf_counter() - started
            for picture in part:
                if picture.image is None:
                    unread += 1
                    tqdm.write(f"passed over: {picture.error}", file=sys.stderr)
                    written.write_unread(picture.name, picture.error)
                else:
                    detections = next(found)
                    kept = select(detections, detections.scores >= threshold)
                    written.write(picture.name, picture.image, kept)
                    counts.update(kept.labels.tolist())
            bar.update(len(part))
    return counts, unread, busy


def _from_the_first(pictures: Iterator[Named], number: int, input: str) -> Iterator[Named]:
    """All pictures, once one of them is found to be readable."""
    before = []
    for picture in pictures:
        before.append(picture)
        if picture.image is not None:
            return chain(before, pictures)
    if number == 1:
        raise UserError(f"--input: {before[0].error}")
    for picture in before:
        print(f"passed over: {picture.error}", file=sys.stderr)
    raise UserError(f"--input: {input}: none of {number:,} pictures can be read")


def _threshold(source: Source, run: Path, asked: Optional[float]) -> float:
    if asked is not None and not 0 <= asked <= 1:
        raise UserError(f"--threshold: found {asked:g}, expected a number from 0 to 1")
    if asked is None and source.threshold is None:
        raise UserError(
            f"--threshold: missing, and {run} has none of its own; expected one, "
            "or evaluate.py --split validation first"
        )
    return source.threshold if asked is None else asked


def _templates(source: Source, run: Path, input: Path, given: Optional[str]) -> Optional[Templates]:
    if source.pairs:
        own = input if input.is_dir() else input.parent
        return find_templates(given, own if given is None else Path(), "--templates")
    if given is not None:
        raise UserError(f"--templates: found {given}, but the model in {run} is shown tested pictures alone")
    return None


def _check_flags(output: Optional[Path], batch_size: int, overwrite: bool) -> None:
    if batch_size < 1:
        raise UserError(f"--batch-size: found {batch_size}, expected at least 1")
    if output is None:
        raise UserError("--output: missing, expected a folder")
    found = occupied(output)
    if found and not overwrite:
        raise UserError(f"--output: {found} exists, expected another folder, or --overwrite")


def _summary(written: BoxFiles, classes: tuple[str, ...], counts: Counter, unread: int) -> str:
    by_class = ", ".join(f"{name}: {counts[label]:,}" for label, name in enumerate(classes))
    boxes = f"{sum(counts.values()):,} boxes ({by_class})"
    passed = f"; {unread:,} passed over" if unread else ""
    return f"{written.finals[0]}: {written.pictures:,} pictures, {boxes}{passed}"


def _speed(pictures: int, seconds: float, busy: float) -> str:
    whole, network = (f"{pictures / max(spent, 1e-9):.1f} pictures/s" for spent in (seconds, busy))
    return f"{seconds:.1f} s without loading, {whole}; the network alone {network}"

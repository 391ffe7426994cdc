"""Label and probabilities of any number of texts, by a run or by an exported model."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Optional

import numpy as np
from tqdm import tqdm

from common.errors import UserError
from tasks.sentiment import prediction_file
from tasks.sentiment.classifier import BATCH
from tasks.sentiment.labels import Labels
from tasks.sentiment.prediction_file import PredictionFile
from tasks.sentiment.source import Source, find_source
from tasks.sentiment.texts import TextRow, Texts, texts_of_file, texts_of_stream

LABEL = "label"
BATCHES_TOGETHER = 32

# Probabilities [texts, classes] of texts; the second argument is called with numbers of finished texts.
Classify = Callable[[list[str], Callable[[int], Any]], np.ndarray]


def predict(
    run: Path,
    input: str,
    output: Optional[Path] = None,
    text_column: Optional[str] = None,
    batch_size: int = BATCH,
    overwrite: bool = False,
) -> None:
    """Write ``predictions.csv``: the columns of the input, ``label``, and ``p_CLASS`` for each class.

    Everything but later lines of a stream is checked before Paddle is imported.

    Args:
        run: folder of a run or of an exported model.
        input: a file, see :func:`~tasks.sentiment.texts.texts_of_file`, or ``-`` for lines on
            standard input.
        output: folder of the file; None for standard output, with a stream only.
        text_column: as in training if None.
        batch_size: texts computed at once.
        overwrite: whether a file from before may be replaced.

    Raises:
        UserError: something that was given is wrong.
        Interrupted: by Ctrl-C, with rows finished.
    """
    source = find_source(run)
    _check_flags(input, output, batch_size, overwrite)
    texts = _read(input, text_column or source.labels.text_column)
    header = output_columns(texts.columns, source.labels)
    with PredictionFile(output, header) as file:
        counts = write_predictions(file, source, texts, batch_size)
    by_class = ", ".join(f"{name}: {counts[name]:,}" for name in source.labels.classes)
    without = f", {counts['']:,} without text and label" if counts[""] else ""
    said = f"{file.final or file.place}: {file.rows:,} rows ({by_class}{without})"
    print(said, file=sys.stderr if output is None else sys.stdout)


def output_columns(columns: list[str], labels: Labels) -> list[str]:
    """Names of an output's columns; one of the input that is called as a new one becomes ``input_NAME``.

    Raises:
        UserError: that name is in the input too.
    """
    new = [LABEL, *(f"p_{name}" for name in labels.classes)]
    kept = [f"input_{name}" if name in new else name for name in columns]
    for name, old in zip(kept, columns):
        if name != old and name in columns:
            raise UserError(f"--input: found columns {old!r} and {name!r}, expected one of them")
    return [*kept, *new]


def predicted_rows(
    rows: Iterator[TextRow],
    classify: Classify,
    classes: tuple[str, ...],
    together: int,
    done: Callable[[int], Any] = lambda number: None,
) -> Iterator[list[list[str]]]:
    """Rows of the output, in order, as many as ``together`` at a time; no more are held.

    Rows without text get no label and no probabilities: whatever a model said of nothing would
    be counted with the rest.

    Args:
        done: called with numbers of finished rows.
    """
    while True:
        part = list(islice(rows, together))
        if not part:
            return
        texts = [text for _, text in part if text]
        probabilities = iter(classify(texts, done) if texts else [])
        yield [[*cells, *_prediction(next(probabilities) if text else None, classes)] for cells, text in part]
        done(len(part) - len(texts))


def _prediction(probabilities: Optional[np.ndarray], classes: tuple[str, ...]) -> list[str]:
    if probabilities is None:
        return [""] * (1 + len(classes))
    return [classes[probabilities.argmax()], *(f"{p:.7f}" for p in probabilities)]


def _check_flags(input: str, output: Optional[Path], batch_size: int, overwrite: bool) -> None:
    if batch_size < 1:
        raise UserError(f"--batch-size: found {batch_size}, expected at least 1")
    if output is None:
        if input != "-":
            raise UserError("--output: missing, expected a folder; --input - alone writes to standard output")
    elif (output / prediction_file.NAME).exists() and not overwrite:
        found = output / prediction_file.NAME
        raise UserError(f"--output: {found} exists, expected another folder, or --overwrite")


def _read(input: str, text_column: str) -> Texts:
    if input == "-":
        return texts_of_stream(sys.stdin.buffer)
    return texts_of_file(Path(input), text_column)


def write_predictions(file: PredictionFile, source: Source, texts: Texts, batch_size: int) -> Counter:
    """Write all rows; return how many have each label."""
    classifier = source.load()

    def classify(part: list[str], done: Callable[[int], Any]) -> np.ndarray:
        return classifier.probabilities(classifier.encode(part), batch_size, done)

    counts: Counter = Counter()
    together = batch_size * BATCHES_TOGETHER
    # Off where standard error is not a terminal.
    with tqdm(total=texts.number, unit=" texts", disable=None) as bar:
        for part in predicted_rows(texts.rows, classify, source.labels.classes, together, bar.update):
            file.write(part)
            counts.update(row[len(texts.columns)] for row in part)
    return counts

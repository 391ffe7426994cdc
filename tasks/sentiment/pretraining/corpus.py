"""The texts of corpora and of evaluation sets, by name; no Paddle here."""

from pathlib import Path

from common import config as configuration
from common.errors import UserError
from tasks.sentiment import config as settings
from tasks.sentiment import data as labelled
from tasks.sentiment.decoding import file_encoding
from tasks.sentiment.known_sets import KNOWN_SETS
from tasks.sentiment.pretraining.config import Data
from tasks.sentiment.reading import Columns, read_rows
from tasks.sentiment.records import FORMATS, clean

LINES = ".txt"
# What the known set leaves out, since ChnSentiCorp's test texts stand there: decontamination finds them.
OTHER = "online_shopping_other"
OTHER_CATEGORIES = ("书籍", "酒店", "计算机")


def corpus_names(data: Data) -> list[str]:
    """The corpora of all stages, each once, in order."""
    return list(dict.fromkeys(name for stage in data.stages for name in stage.corpora))


def corpus_files(name: str, root: Path) -> list[Path]:
    """The files that :func:`read_corpus` and :func:`read_evaluation_texts` read.

    Raises:
        UserError: one of them is not there.
    """
    if name == OTHER:
        files = [root / KNOWN_SETS["online_shopping"]["path"]]
    elif name in KNOWN_SETS:
        files = list(labelled.split_files(_known_config(name), root).values())
    else:
        files = [root / name]
    for file in files:
        if file.is_dir():
            raise UserError(f"{file}: found a folder, expected {name} to be a text file")
        if not file.is_file():
            raise UserError(
                f"{file}: no such file; expected {name} to be a text file below --data-root, "
                f"or one of {', '.join([*KNOWN_SETS, OTHER])}"
            )
    return files


def read_corpus(name: str, text_column: str, root: Path) -> list[str]:
    """The texts of a corpus: of a set known by name those of its training split.

    Raises:
        UserError: no such file, it cannot be read, or there is no text in it.
    """
    (file, *_) = corpus_files(name, root)
    if name == OTHER:
        known = KNOWN_SETS["online_shopping"]
        rows = read_rows(file, Columns(known["text_column"], group=known["group_column"]))
        return [row.text for row in rows if row.group in OTHER_CATEGORIES and labelled.normalise(row.text)]
    if name in KNOWN_SETS:
        return [review.text for review in _known_data(name, root).splits["train"]]
    return _read_file(file, text_column)


def read_evaluation_texts(name: str, text_column: str, root: Path) -> dict[str, list[str]]:
    """Validation and test texts of a set known by name, or all texts of a file, by what they are.

    Raises:
        UserError: as :func:`read_corpus`.
    """
    (file, *_) = corpus_files(name, root)
    if name not in KNOWN_SETS:
        return {name: _read_file(file, text_column)}
    splits = _known_data(name, root).splits
    return {f"{name} {split}": [r.text for r in splits[split]] for split in ("validation", "test")}


def _known_config(name: str) -> settings.Config:
    values = {"task": "sentiment", "data": {"train": name, "train_size": "all"}}
    return configuration.build(settings.Config, values, name)


def _known_data(name: str, root: Path) -> labelled.Data:
    return labelled.read_data(_known_config(name), root)


def _read_file(file: Path, text_column: str) -> list[str]:
    suffix = file.suffix.lower()
    if suffix == LINES:
        with open(file, encoding=file_encoding(file)) as lines:
            texts = [clean(line) for line in lines]
    elif suffix in FORMATS:
        texts = [row.text for row in read_rows(file, Columns(text_column), labels_required=False)]
    else:
        raise UserError(
            f"{file}: found the ending {suffix!r}, expected one of {', '.join((LINES, *FORMATS))}"
        )
    texts = [text for text in texts if text]
    if not texts:
        raise UserError(f"{file}: found no text, expected at least one")
    return texts

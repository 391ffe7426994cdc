"""The label map of a run: what is needed beside weights and tokenizer to predict; no Paddle here."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from common.errors import UserError
from common.json_file import read_object
from common.training.run_folder import write_text

FILE = "labels.json"


@dataclass(frozen=True)
class Labels:
    """Classes in the order of their indices, and the columns that held texts and labels in training."""

    classes: tuple[str, ...]
    text_column: str
    label_column: str

    def write(self, folder: Path) -> None:
        """Write ``labels.json``."""
        text = json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)
        write_text(folder / FILE, text + "\n")


def read_labels(folder: Path) -> Labels:
    """What :meth:`Labels.write` has written.

    Raises:
        UserError: no such file, or another content.
    """
    found = read_object(folder / FILE)
    classes = found.get("classes")
    if not isinstance(classes, list) or len(set(map(str, classes))) != len(classes) or len(classes) < 2:
        raise UserError(f"{folder / FILE}: classes: found {classes!r:.60}, expected two labels or more")
    columns = [found.get(name) for name in ("text_column", "label_column")]
    if not all(isinstance(value, str) for value in [*classes, *columns]):
        raise UserError(f"{folder / FILE}: found something else than text, expected labels and columns")
    return Labels(tuple(classes), *columns)

"""An exported model: what its folder holds, and how it is run; Paddle is imported when it is loaded."""

from dataclasses import dataclass
from pathlib import Path

from common import runtime
from common.errors import UserError
from common.inference.running import load_forward, model_files, require_format
from common.json_file import read_object
from tasks.runs import EXPORT
from tasks.sentiment.classifier import Classifier
from tasks.sentiment.labels import Labels, read_labels


@dataclass(frozen=True)
class Exported:
    """The model in a folder.

    Attributes:
        format: ``paddle`` or ``onnx``.
        max_length: tokens; longer texts are cut.
    """

    folder: Path
    format: str
    max_length: int
    labels: Labels

    def load(self) -> Classifier:
        """Tokenizer and model, on the processor.

        Raises:
            UserError: one of them cannot be loaded, or the model has other classes than the label map.
        """
        classifier = load_classifier(self.folder, self.format, self.max_length)
        found = classifier.probabilities(classifier.encode([""])).shape[1]
        if found != len(self.labels.classes):
            raise UserError(
                f"{self.folder}: found a model of {found} classes, "
                f"expected {len(self.labels.classes)}, as in labels.json"
            )
        return classifier


def find_exported(folder: Path) -> Exported:
    """The model in a folder, checked as far as that goes without loading it.

    Raises:
        UserError: a file is missing or damaged, or the format needs a package that is not installed.
    """
    file = folder / EXPORT
    found = read_object(file)
    kind, max_length = require_format(file, found.get("format")), found.get("max_length")
    if type(max_length) is not int or max_length < 1:
        raise UserError(f"{file}: max_length: found {max_length!r}, expected a number of tokens")
    model_files(folder, kind)
    if not (folder / "tokenizer_config.json").is_file():
        raise UserError(f"{folder}: found no tokenizer_config.json, expected what export.py has written")
    return Exported(folder, kind, max_length, read_labels(folder))


def load_classifier(folder: Path, kind: str, max_length: int) -> Classifier:
    """What predicts with the files of a folder, in which there need not be an ``export.json`` yet.

    Raises:
        UserError: tokenizer or model cannot be loaded.
    """
    model_files(folder, kind)
    with runtime.importing_paddle():
        from paddlenlp.transformers import AutoTokenizer
        from paddlenlp.utils.log import logger
    logger.set_level("WARNING")
    try:
        # A relative folder called bert-base-chinese would be taken for a hub's model of that name.
        tokenizer = AutoTokenizer.from_pretrained(str(folder.resolve()))
    except (AssertionError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise UserError(f"{folder}: the tokenizer cannot be loaded: {error}") from None
    forward = load_forward(folder, kind)
    return Classifier(tokenizer, max_length, lambda token_ids: forward(token_ids)[0])

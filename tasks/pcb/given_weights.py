"""Weights to start a detector from: what of a safetensors file fits a network; no Paddle here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from common.errors import UserError
from common.tensor_file import tensor_shapes
from common.weights_conversion import WEIGHTS

PICKLES = (".pdparams", ".bin", ".pt", ".pth")
# A checkpoint of this project holds the state of the optimizer and an average beside the model.
CHECKPOINT, BESIDE = "model/", ("optimizer/", "average/")
# PaddleDetection's names of the parts of its YOLOv3, and ours.
PARTS = {"neck.yolo_block.": "neck.blocks.", "neck.yolo_transition.": "neck.routes.", "yolo_head.": "head."}


@dataclass(frozen=True)
class NotLoaded:
    """A weight of the network or of the file that the other has not, or has in another shape.

    Attributes:
        name: the network's, or the file's where the network has no place for it.
        found: shape in the file, None if it has none.
        expected: shape in the network, None if it has none.
    """

    name: str
    found: Optional[Sequence[int]]
    expected: Optional[Sequence[int]]

    @property
    def reason(self) -> str:
        """Why it was not loaded."""
        if self.found is None:
            return "not in the file"
        return "no place in the network" if self.expected is None else "another shape"

    def row(self) -> dict[str, str]:
        """The columns of a table."""
        shapes = {"in_file": self.found, "in_network": self.expected}
        sides = {side: "" if shape is None else "x".join(map(str, shape)) for side, shape in shapes.items()}
        return {"name": self.name, "reason": self.reason, **sides}


def weights_file(weights: str) -> Path:
    """The safetensors file that ``model.weights`` names, itself or as the folder that holds it.

    Raises:
        UserError: there is none, or it is a pickle or damaged.
    """
    file = Path(weights) / WEIGHTS if Path(weights).is_dir() else Path(weights)
    if not file.is_file():
        raise UserError(f"model.weights: {file}: no such file, expected safetensors")
    if file.suffix in PICKLES:
        raise UserError(
            f"model.weights: {file} is a pickle, expected safetensors: "
            f"python scripts/convert_weights.py {file} --output FOLDER"
        )
    try:
        tensor_shapes(file)
    except UserError as error:
        raise UserError(f"model.weights: {error}") from None
    return file


def match(
    found: Mapping[str, Sequence[int]], expected: Mapping[str, Sequence[int]]
) -> tuple[dict[str, str], list[NotLoaded]]:
    """Which weight of a file goes where, and what is left over on either side.

    A weight fits by name and shape. Names are this project's, PaddleDetection's of a YOLOv3, or
    those of a backbone alone.

    Args:
        found: shapes in the file, by its names.
        expected: shapes in the network, by its names.

    Returns:
        The file's name for each weight of the network that fits, and the weights that do not, in the
        network's order, last those of the file alone.
    """
    sources: dict[str, str] = {}
    left = []
    for source, shape in found.items():
        if source.startswith(BESIDE):
            continue
        name = _our_name(source, expected)
        if name is None:
            left.append(NotLoaded(source, shape, None))
        elif list(shape) != list(expected[name]):
            left.append(NotLoaded(name, shape, expected[name]))
        else:
            sources[name] = source
    known = {weight.name for weight in left} | set(sources)
    left += [NotLoaded(name, None, shape) for name, shape in expected.items() if name not in known]
    places = {name: place for place, name in enumerate(expected)}
    return sources, sorted(left, key=lambda weight: places.get(weight.name, len(places)))


def _our_name(source: str, expected: Mapping[str, Sequence[int]]) -> Optional[str]:
    name = source[len(CHECKPOINT) :] if source.startswith(CHECKPOINT) else source
    for part, ours in PARTS.items():
        if name.startswith(part):
            name = ours + name[len(part) :]
    return next((candidate for candidate in (name, f"backbone.{name}") if candidate in expected), None)


def describe(left: Sequence[NotLoaded]) -> str:
    """How many weights were not loaded for which reason, with an example of each."""
    numbers = Counter(weight.reason for weight in left)
    first = {weight.reason: weight.name for weight in reversed(left)}
    parts = [f"{number} {reason} ({first[reason]})" for reason, number in numbers.items()]
    return ", ".join(parts)

"""Weights from pickles of Paddle and torch to safetensors, without running what the pickles say."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np

from common.array_unpickler import (
    DamagedPickle,
    ForbiddenName,
    PickledArray,
    PickledTensor,
    bfloat16_to_float32,
    unpickle,
)
from common.errors import UserError
from common.tensor_file import write_tensors
from common.torch_file import is_legacy, is_zip, read_legacy, read_zip

WEIGHTS = "model.safetensors"
DESCRIPTIONS = (
    "config.json",
    "model_config.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
)
# Where training scripts put the weights when they save more than those.
NESTED = ("state_dict", "model_state_dict", "model")


@dataclass
class Weights:
    """Arrays by name, whose names they are (``pt`` for torch's, else ``np``), and what was no array."""

    arrays: dict[str, np.ndarray]
    format: str
    left_out: list[str]

    @property
    def numbers(self) -> int:
        """Numbers in all arrays."""
        return sum(math.prod(array.shape) for array in self.arrays.values())


def read_weights(file: Path) -> Weights:
    """The arrays of a ``.pdparams``, or of a ``.bin`` or ``.pt`` of torch in either of its formats.

    bfloat16 becomes float32; Paddle writes it as uint16, of which it has no weights.

    Raises:
        UserError: the file is missing, damaged or no pickle, names something that is no array, or
            holds no arrays or several sets of them.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file, expected weights such as .pdparams, .bin or .pt")
    try:
        tree, from_torch = _read_tree(file)
        arrays, left_out = _select(file, tree)
    except ForbiddenName as error:
        raise UserError(
            f"{file}: found {str(error)!r} in the pickle, expected nothing but arrays; it was not called"
        ) from None
    except DamagedPickle as error:
        raise UserError(f"{file}: is damaged or holds no weights: found {error}") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
    if not from_torch:
        arrays = {n: bfloat16_to_float32(a) if a.dtype == np.uint16 else a for n, a in arrays.items()}
    return Weights(arrays, "pt" if from_torch else "np", left_out)


def convert(file: Path, output: Path) -> tuple[Weights, list[str]]:
    """Write the weights of ``file`` to ``output``/model.safetensors, and copy the files that describe them.

    The weights come last and at once, so that a folder that has them is complete.

    Returns:
        The weights, and the names of the files copied from beside ``file``.

    Raises:
        UserError: as :func:`read_weights`; or ``output`` has weights, or another description, already.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"--output: {output} is a file, expected a folder")
    if (output / WEIGHTS).exists():
        raise UserError(f"--output: {output / WEIGHTS} exists, expected a folder without weights")
    beside = [name for name in DESCRIPTIONS if (file.parent / name).is_file()]
    for name in beside:
        there = output / name
        if there.exists() and there.read_bytes() != (file.parent / name).read_bytes():
            raise UserError(f"--output: {there} differs from the one beside {file}, expected another folder")
    weights = read_weights(file)
    copied = [name for name in beside if not (output / name).exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in copied:
            shutil.copyfile(file.parent / name, output / name)
        native = {n: a.astype(a.dtype.newbyteorder("="), copy=False) for n, a in weights.arrays.items()}
        write_tensors(output / WEIGHTS, native, {"format": weights.format})
    except OSError as error:
        raise UserError(f"--output: {output} cannot be written: {error}") from None
    return weights, copied


def _read_tree(file: Path) -> tuple[Any, bool]:
    if is_zip(file):
        return read_zip(file), True
    with open(file, "rb") as content:
        if content.read(1) != b"\x80":
            raise DamagedPickle("the beginning of no pickle and no zip archive")
        content.seek(0)
        tree = unpickle(content)
        return (read_legacy(content), True) if is_legacy(tree) else (tree, False)


def _select(file: Path, tree: Any) -> tuple[dict[str, np.ndarray], list[str]]:
    if not isinstance(tree, dict):
        raise DamagedPickle("no dictionary of weights")
    # Paddle cuts arrays above a gigabyte when asked for an old protocol.
    if "UnpackBigParamInfor@@" in tree:
        raise UserError(f"{file}: found arrays in slices, expected them whole; save with protocol 4")
    places = {"": tree, **{str(key): value for key, value in tree.items() if isinstance(value, dict)}}
    sets = {place: arrays for place, arrays in ((p, _arrays(d)) for p, d in places.items()) if arrays}
    chosen = [place for place in NESTED if place in sets] or list(sets)
    if not chosen:
        raise DamagedPickle("no arrays")
    if len(chosen) > 1:
        where = ", ".join(place or "the top" for place in chosen)
        raise UserError(f"{file}: found weights at {where}, expected one set of them")
    (place,) = chosen
    for name in sets[place]:
        if not isinstance(name, str):
            raise DamagedPickle(f"a weight called {str(name)[:40]}")
    left_out = [str(key) for key in tree if str(key) != place and key not in sets[place]]
    left_out += [f"{place}/{key}" for key in places[place] if place and key not in sets[place]]
    return sets[place], left_out


def _arrays(tree: dict) -> dict[Any, np.ndarray]:
    found = {key: _array(value) for key, value in tree.items()}
    return {key: array for key, array in found.items() if array is not None}


def _array(value: Any) -> Optional[np.ndarray]:
    # Inside other things Paddle saves a tensor as its name and its array.
    if isinstance(value, tuple) and len(value) == 2:
        value = value[1]
    return value.array if isinstance(value, (PickledArray, PickledTensor)) else None

"""Safetensors files as far as weights need them: whole, shapes without reading, and read as float32."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save_file

from common.array_unpickler import bfloat16_to_float32
from common.errors import UserError
from common.whole_file import whole_file

FLOATS = ("F64", "F32", "F16", "BF16")


def tensor_shapes(file: Path) -> dict[str, list[int]]:
    """Shape of every tensor.

    Raises:
        UserError: the file is damaged.
    """
    try:
        with safe_open(str(file), framework="numpy") as tensors:
            return {name: tensors.get_slice(name).get_shape() for name in tensors.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file} is damaged, expected whole safetensors: {error}") from None


def read_tensors(file: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The tensors of these names, float32, whichever floating-point numbers they are stored as.

    Raises:
        UserError: the file is damaged, or a tensor holds other numbers.
    """
    names = list(names)
    with safe_open(str(file), framework="numpy") as tensors:
        stored = {name: tensors.get_slice(name).get_dtype() for name in names}
        for name, numbers in stored.items():
            if numbers not in FLOATS:
                raise UserError(f"{file}: {name}: found {numbers}, expected one of {', '.join(FLOATS)}")
        read = {n: tensors.get_tensor(n).astype(np.float32) for n in names if stored[n] != "BF16"}
    if len(read) < len(names):
        # NumPy has no bfloat16, and safe_open gives nothing rawer than arrays.
        for name, tensor in deserialize(file.read_bytes()):
            if stored.get(name) == "BF16":
                bits = np.frombuffer(tensor["data"], "<u2").reshape(tensor["shape"])
                read[name] = bfloat16_to_float32(bits)
    return read


def write_tensors(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write arrays so that a reader sees the old file or the new one, even after a power cut.

    Raises:
        UserError: it cannot be written; the old file stays.
    """
    contiguous = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    with whole_file(path) as partial:
        partial.touch()
        mode = partial.stat().st_mode
        try:
            save_file(contiguous, str(partial), metadata=metadata)
        except SafetensorError as error:
            # It hides the operating system's words between its own.
            words = str(error).rpartition("I/O error: ")[2].partition(" (os error")[0]
            raise OSError(words) from None
        # Safetensors makes files for their owner alone.
        partial.chmod(mode)
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())

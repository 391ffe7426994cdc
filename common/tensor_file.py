"""Safetensors files as far as weights need them: shapes without reading, all as float32, and writing."""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open
from safetensors.numpy import save_file

from common.array_unpickler import bfloat16_to_float32
from common.errors import UserError

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


def write_tensors(file: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write tensors so that a reader sees the old file or the new one, never a part, even after a crash.

    Raises:
        OSError: what the system says, such as that there is no space; nothing of the new file is left.
    """
    partial = file.with_name(f"{file.name}.partial")
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    try:
        with open(partial, "wb") as created:
            mode = os.fstat(created.fileno()).st_mode
        save_file(contiguous, str(partial), metadata=dict(metadata))
        # The library makes files that nobody else can read, whatever the user's mask is.
        os.chmod(partial, mode)
        with open(partial, "rb+") as content:
            os.fsync(content.fileno())
        os.replace(partial, file)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        code = int(number.group(1))
        raise OSError(code, os.strerror(code), str(file)) from None
    finally:
        partial.unlink(missing_ok=True)

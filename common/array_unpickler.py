"""Unpickling that allows nothing but arrays.

A pickle is a program that may call whatever it can import. Here it reaches only the names of
:data:`ALLOWED`, and behind each stands a constructor of this module: neither NumPy's nor torch's own
is called, so that what a pickle says of an array is checked before there is one.
"""

import math
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO, Optional

import numpy as np

# Of float, integer and boolean arrays, by NumPy's codes; bfloat16, which NumPy lacks, by its name.
CODES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")
BFLOAT16 = "bfloat16"


class ForbiddenName(Exception):
    """A pickle names something else than arrays; the message is that name."""


class DamagedPickle(Exception):
    """A pickle ends too early, or what it says of an array cannot be true."""


def bfloat16_to_float32(bits: np.ndarray) -> np.ndarray:
    """Numbers, float32, of the same shape as their bfloat16 bits, uint16; exact."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


class Storage:
    """Numbers in a row that torch's tensors are views of; ``raw`` may be filled in after unpickling."""

    __slots__ = ("code", "length", "raw")

    def __init__(self, code: str, length: int):
        if type(length) is not int or length < 0:
            raise DamagedPickle("a storage without a length")
        self.code, self.length, self.raw = code, length, b""

    def __setstate__(self, state: Any) -> None:
        raise DamagedPickle("a storage with a state")

    @property
    def size(self) -> int:
        """Bytes that ``raw`` must have."""
        return self.length * (2 if self.code == BFLOAT16 else np.dtype(self.code).itemsize)


class PickledTensor:
    """A tensor of torch: a view of a storage, checked to lie inside it."""

    __slots__ = ("storage", "offset", "shape", "strides")

    def __init__(self, storage: Storage, offset: int, shape: tuple, strides: tuple):
        whole = [offset, *shape, *strides]
        if not isinstance(storage, Storage) or not all(type(n) is int and n >= 0 for n in whole):
            raise DamagedPickle("a tensor without a storage, or of negative size")
        last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides))
        if len(shape) != len(strides) or math.prod(shape) > storage.length:
            raise DamagedPickle("a tensor larger than its storage")
        if math.prod(shape) and last >= storage.length:
            raise DamagedPickle("a tensor that ends behind its storage")
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def __setstate__(self, state: Any) -> None:
        raise DamagedPickle("a tensor with a state")

    @property
    def array(self) -> np.ndarray:
        """The tensor's numbers; bfloat16 as float32.

        Raises:
            DamagedPickle: the storage has not been read.
        """
        if len(self.storage.raw) != self.storage.size:
            raise DamagedPickle("a storage that is not there")
        bits = self.storage.code == BFLOAT16
        row = np.frombuffer(self.storage.raw, "<u2" if bits else "<" + self.storage.code)
        strides = tuple(stride * row.itemsize for stride in self.strides)
        view = np.lib.stride_tricks.as_strided(row[self.offset :], self.shape, strides, writeable=False)
        return bfloat16_to_float32(view) if bits else view


class PickledArray:
    """An array of NumPy, whose contents come as its state."""

    __slots__ = ("array",)

    def __init__(self, *ignored: Any):
        self.array = np.zeros(0, np.float32)

    def __setstate__(self, state: tuple) -> None:
        *_, shape, dtype, fortran, raw = state
        self.array = _array(raw, dtype, shape, "F" if fortran else "C")


class _Dtype:
    __slots__ = ("code", "order")

    def __init__(self, code: str, *ignored: Any):
        if code not in CODES:
            raise DamagedPickle(f"an array of type {str(code)[:20]!r}")
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple) -> None:
        if state[1] not in ("<", ">", "=", "|"):
            raise DamagedPickle("an array of unknown byte order")
        self.order = state[1]


class _Mapping(dict):
    """An ordered dictionary; torch keeps the versions of its layers in the state of one."""

    def __setstate__(self, state: Any) -> None:
        pass


class _Constructor:
    """What a pickle may call; unlike a function or class it has nothing that a pickle could change."""

    __slots__ = ("function",)

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise DamagedPickle("a constructor with a state")


class _StorageType:
    __slots__ = ("code",)

    def __init__(self, code: str):
        self.code = code

    def __setstate__(self, state: Any) -> None:
        raise DamagedPickle("a type with a state")


def _array(raw: Any, dtype: _Dtype, shape: tuple, order: str) -> np.ndarray:
    # Written by Python 2, bytes arrive as text.
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    if not isinstance(raw, (bytes, bytearray)) or not isinstance(dtype, _Dtype):
        raise DamagedPickle("an array that does not hold numbers")
    return np.frombuffer(raw, dtype.order + dtype.code).reshape(shape, order=order)


def _from_buffer(raw: Any, dtype: _Dtype, shape: tuple, order: str) -> PickledArray:
    pickled = PickledArray()
    pickled.array = _array(raw, dtype, shape, order)
    return pickled


def _scalar(dtype: _Dtype, raw: Any) -> PickledArray:
    return _from_buffer(raw, dtype, (), "C")


def _encode(text: str, encoding: str) -> bytes:
    # How bytes are written in pickles that Python 2 can read.
    if encoding != "latin1":
        raise DamagedPickle(f"bytes in encoding {str(encoding)[:20]!r}")
    return text.encode("latin1")


def _no_bytes(*arguments: Any) -> bytes:
    # How no bytes at all are written there.
    if arguments:
        raise DamagedPickle("bytes made of something else")
    return b""


def _tensor(storage: Storage, offset: int, shape: tuple, strides: tuple, *ignored: Any) -> PickledTensor:
    return PickledTensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor: PickledTensor, *ignored: Any) -> PickledTensor:
    return tensor


def _type_of_array(*arguments: Any) -> None:
    raise DamagedPickle("a type called as a constructor")


ALLOWED = {
    "builtins.dict": _Mapping,
    "builtins.tuple": tuple,
    "builtins.bytes": _no_bytes,
    "__builtin__.dict": _Mapping,
    "__builtin__.tuple": tuple,
    "__builtin__.bytes": _no_bytes,
    "collections.OrderedDict": _Mapping,
    "_codecs.encode": _encode,
    "numpy.ndarray": _type_of_array,
    "numpy.dtype": _Dtype,
    "numpy.core.multiarray._reconstruct": PickledArray,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _from_buffer,
    "numpy._core.multiarray._reconstruct": PickledArray,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy._core.numeric._frombuffer": _from_buffer,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
STORAGES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.BFloat16Storage": BFLOAT16,
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "b1",
}


# The unpickler in C allocates 64 GB for a pickle that numbers an object 4294967295; Python's does not.
class ArrayUnpickler(pickle._Unpickler):
    """An unpickler of arrays.

    Args:
        file: read from its position to the end of the pickle.
        storage_of: gives the :class:`Storage` for (code of its numbers, key, *rest*) of torch's
            persistent ids; without it a pickle with such ids is refused.
    """

    def __init__(self, file: BinaryIO, storage_of: Optional[Callable[..., Storage]] = None):
        super().__init__(file, encoding="latin1")
        self._storage_of = storage_of

    def find_class(self, module: str, name: str) -> Any:
        full_name = f"{module}.{name}"
        if full_name in STORAGES:
            return _StorageType(STORAGES[full_name])
        if full_name in ALLOWED:
            return _Constructor(ALLOWED[full_name])
        raise ForbiddenName(full_name[:80])

    def get_extension(self, code: int) -> None:
        raise ForbiddenName(f"extension {code}")

    def persistent_load(self, pid: Any) -> Storage:
        kind, storage_type, *rest = pid
        if self._storage_of is None or kind != "storage" or not isinstance(storage_type, _StorageType):
            raise DamagedPickle("a reference to something outside the file")
        return self._storage_of(storage_type.code, *rest)


def unpickle(file: BinaryIO, storage_of: Optional[Callable[..., Storage]] = None) -> Any:
    """What one pickle holds: containers, numbers, texts, :class:`PickledArray`, :class:`PickledTensor`.

    Raises:
        ForbiddenName: it names something that is neither an array nor a container.
        DamagedPickle: anything else is wrong with it.
    """
    try:
        return ArrayUnpickler(file, storage_of).load()
    except (ForbiddenName, DamagedPickle):
        raise
    # A damaged program can fail in any way that a program can.
    except Exception as error:
        raise DamagedPickle(f"{type(error).__name__}: {error}"[:120]) from None

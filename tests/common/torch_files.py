"""Files as torch.save writes them, put together from opcodes, so that no torch is needed."""

import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np

ORDERED = b"ccollections\nOrderedDict\n)R"
STORAGES = {"f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage", "bfloat16": "BFloat16Storage"}


def text(value: str) -> bytes:
    """A unicode string."""
    return b"X" + struct.pack("<i", len(value.encode())) + value.encode()


def numbers(values) -> bytes:
    """A tuple of numbers."""
    return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"


def tensor(key: str, code: str, length: int, offset=0, shape=(), strides=(), legacy=False) -> bytes:
    """A tensor that views storage ``key`` of ``length`` numbers."""
    view = b"N" if legacy else b""
    where = text("storage") + f"ctorch\n{STORAGES[code]}\n".encode() + text(key) + text("cpu")
    storage = b"(" + where + b"J" + struct.pack("<i", length) + view + b"tQ"
    rest = b"J" + struct.pack("<i", offset) + numbers(shape) + numbers(strides) + b"\x89" + ORDERED
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tR"


def state_dict(tensors: dict[str, bytes]) -> bytes:
    """A pickle of an ordered dictionary with torch's metadata in its state."""
    items = b"".join(text(name) + value for name, value in tensors.items())
    return b"\x80\x02" + ORDERED + b"(" + items + b"u}" + text("_metadata") + ORDERED + b"sb."


def zip_file(path: Path, pickled: bytes, storages: dict[str, bytes], root: str = "archive", **extra) -> Path:
    """The archive since torch 1.6; ``extra`` are more files in it, by name."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{root}/data.pkl", pickled)
        archive.writestr(f"{root}/byteorder", "little")
        for key, content in {**{f"{root}/data/{k}": c for k, c in storages.items()}, **extra}.items():
            archive.writestr(key, content)
    return path


def legacy_file(path: Path, pickled: bytes, storages: dict[str, bytes], itemsize: int = 4) -> Path:
    """The file before torch 1.6."""
    content = io.BytesIO()
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    for part in (0x1950A86A20F9469CFC6C, 1001, machine):
        pickle.dump(part, content, protocol=2)
    content.write(pickled)
    pickle.dump(list(storages), content, protocol=2)
    for raw in storages.values():
        content.write(struct.pack("<q", len(raw) // itemsize) + raw)
    path.write_bytes(content.getvalue())
    return path


def row(length: int, code: str = "f4") -> bytes:
    """0, 1, 2, ... as a storage's content."""
    if code == "bfloat16":
        return (np.arange(length, dtype="f4").view("u4") >> 16).astype("u2").tobytes()
    return np.arange(length, dtype=code).tobytes()


def equal(found: dict, expected: dict) -> bool:
    """Whether arrays of the same names have the same types, shapes and numbers."""
    assert set(found) == set(expected)
    return all(
        found[n].dtype.newbyteorder("=") == a.dtype.newbyteorder("=")
        and found[n].shape == a.shape
        and np.array_equal(found[n], a, equal_nan=a.dtype.kind == "f")
        for n, a in expected.items()
    )

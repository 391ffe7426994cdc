"""The two file formats of torch.save, read without torch: a zip archive, and what came before it."""

import re
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from common.array_unpickler import DamagedPickle, ForbiddenName, Storage, unpickle

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def is_zip(file: Path) -> bool:
    """Whether a file begins as a zip archive does."""
    with open(file, "rb") as content:
        return content.read(4) == b"PK\x03\x04"


def read_zip(file: Path) -> Any:
    """What torch.save wrote: ``NAME/data.pkl``, and the numbers of storage K in ``NAME/data/K``.

    Nothing is unpacked to disk. Raises ForbiddenName or DamagedPickle, as
    :func:`~common.array_unpickler.unpickle`.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_names(archive)
            return _read_archive(archive)
    except (ForbiddenName, DamagedPickle):
        raise
    # Broken archives also end in errors of text, numbers and memory.
    except Exception as error:
        raise DamagedPickle(f"a broken zip archive: {error}"[:120]) from None


def _check_names(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    for name in names:
        if name.startswith("/") or ".." in name.split("/") or "\\" in name or ":" in name:
            raise DamagedPickle(f"the path {name[:80]!r} in the archive")
    if len(set(names)) != len(names):
        raise DamagedPickle("two files of one name in the archive")
    # torch does not compress, and what it did not write may be a bomb.
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise DamagedPickle("compressed files in the archive")


def _read_archive(archive: zipfile.ZipFile) -> Any:
    roots = [
        name[: -len("data.pkl")] for name in archive.namelist() if re.fullmatch(r"[^/]+/data\.pkl", name)
    ]
    if len(roots) != 1:
        raise DamagedPickle(f"{len(roots)} files data.pkl in a zip archive")
    root = roots[0]
    if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
        raise DamagedPickle("numbers of another byte order")

    def storage_of(code: str, key: str, location: str, length: int) -> Storage:
        storage = Storage(code, length)
        name = f"{root}data/{key}"
        if name not in archive.namelist():
            raise DamagedPickle(f"no {name[:80]!r}, of which the pickle speaks")
        member = archive.getinfo(name)
        if member.file_size != storage.size:
            raise DamagedPickle(f"{name!r} of {member.file_size} bytes, where {storage.size} are due")
        storage.raw = archive.read(member)
        return storage

    with archive.open(f"{root}data.pkl") as pickled:
        return unpickle(pickled, storage_of)


def is_legacy(first: Any) -> bool:
    """Whether the first of several pickles in a file is the number by which torch knew its own."""
    return first == LEGACY_MAGIC


def read_legacy(content: BinaryIO) -> Any:
    """What torch.save wrote before version 1.6, read from behind the first pickle.

    Three pickles (version, machine, the object), a pickled list of storage keys, and each storage
    as its length, int64, and its numbers. Raises as :func:`read_zip`.
    """
    storages: dict[str, Storage] = {}

    def storage_of(code: str, key: str, location: str, length: int, view: Any) -> Storage:
        storage = storages.setdefault(key, Storage(code, length))
        if view is not None or (storage.code, storage.length) != (code, length):
            raise DamagedPickle("a view of a storage")
        return storage

    unpickle(content)
    machine = unpickle(content)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise DamagedPickle("numbers of another byte order")
    tree = unpickle(content, storage_of)
    keys = unpickle(content)
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(map(str, storages)):
        raise DamagedPickle("other storages than the pickle speaks of")
    for key in keys:
        storage = storages[key]
        if content.read(8) != struct.pack("<q", storage.length):
            raise DamagedPickle("a storage of another length than the pickle says")
        storage.raw = content.read(storage.size)
    return tree

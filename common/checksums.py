"""Files and folders that are known by size and SHA-256."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from common.errors import UserError


@dataclass(frozen=True)
class Part:
    """A file, or a folder with everything below it, as it must be.

    Attributes:
        path: below the folder it belongs in, with slashes.
        sha256: of the file's bytes, or of a folder as in :func:`folder_sha256`.
        size: bytes of all its files.
        files: how many files a folder holds; None for a file.
    """

    path: str
    sha256: str
    size: int
    files: Optional[int] = None


def missing_parts(parts: Sequence[Part], folder: Path) -> list[Part]:
    """The parts that are not in the folder yet; the others are there and as they must be.

    Raises:
        UserError: something else stands in the place of a part.
    """
    missing = []
    for part in parts:
        place = folder / part.path
        if not place.exists():
            missing.append(part)
            continue
        found = difference(part, place)
        if found:
            raise UserError(f"{place}: {found}; what is there is kept, move it away first")
    return missing


def difference(part: Part, place: Path) -> Optional[str]:
    """How a file or folder differs from what it must be, as "found, expected"; None where it does not.

    Raises:
        UserError: it cannot be read.
    """
    try:
        if part.files is None:
            return _file_difference(part, place)
        return _folder_difference(part, place)
    except OSError as error:
        raise UserError(f"{error.filename or place}: cannot be read: {error.strerror}") from None


def _file_difference(part: Part, place: Path) -> Optional[str]:
    if not place.is_file():
        return "found no file, expected one"
    size = place.stat().st_size
    if size != part.size:
        return f"found {size:,} bytes, expected {part.size:,}"
    return _sha256_difference(part, file_sha256(place))


def _folder_difference(part: Part, place: Path) -> Optional[str]:
    if not place.is_dir():
        return "found no folder, expected one"
    files = [file for file in place.rglob("*") if file.is_file()]
    if len(files) != part.files:
        return f"found {len(files)} files, expected {part.files}"
    size = sum(file.stat().st_size for file in files)
    if size != part.size:
        return f"found {size:,} bytes in its files, expected {part.size:,}"
    return _sha256_difference(part, folder_sha256(place))


def _sha256_difference(part: Part, found: str) -> Optional[str]:
    return None if found == part.sha256 else f"found SHA-256 {found}, expected {part.sha256}"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def folder_sha256(folder: Path) -> str:
    """One SHA-256 for all files of a folder: of the lines "sha256  path", ordered by path.

    Paths are relative to the folder; the shell says the same with
    ``cd FOLDER && find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum``.
    """
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    lines = [f"{file_sha256(files[path])}  {path}\n" for path in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()

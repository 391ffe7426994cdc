"""Unpacking archives from strangers: nothing outside the folder, nothing but files, nothing endless."""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import IO, Optional

from common.errors import UserError, refused_writing

# A member: its name, and what opens its content (None for a folder).
Member = tuple[str, Optional[Callable[[], IO[bytes]]]]

# What zipfile, tarfile, gzip and lzma raise on bytes that are no archive, are cut off or altered;
# RuntimeError is zipfile's word for an encrypted member.
NOT_AN_ARCHIVE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
    ValueError,
)


class DamagedDownload(UserError):
    """What was fetched is not what was expected; fetching it once more may help."""


def unpack(archive: Path, wanted: Sequence[str], folder: Path, limit: int) -> None:
    """Write the wanted members of a ``.zip``, ``.tar.gz`` or ``.tar.xz`` file into a new folder.

    Args:
        wanted: paths of files, or of folders with everything below them. What an archive puts
            in front of them is left out: ``a/b/c`` in the archive becomes ``b/c`` for the wanted ``b``.
        limit: bytes that the whole archive may unpack to.

    Raises:
        DamagedDownload: not an archive, or a member that has an absolute path, leaves the folder,
            is neither file nor folder, stands twice, or exceeds the limit.
        UserError: the folder cannot be written to.
    """
    members = _zip_members if archive.suffix == ".zip" else partial(_tar_members, limit=limit)
    left = limit
    with refused_writing(folder):
        try:
            for name, opener in members(archive):
                target = _target(name, wanted)
                if target is not None and opener is not None:
                    left = _write(name, opener, folder / target, left)
        except NOT_AN_ARCHIVE as error:
            raise DamagedDownload(f"is damaged or no {archive.suffix} archive: {error}") from None


def _zip_members(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            # The upper half is the file's mode on Unix; 0 where the archive is from elsewhere.
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise DamagedDownload(f"found {info.filename!r}, a link or device; expected files only")
            yield info.filename, None if info.is_dir() else partial(archive.open, info)


def _tar_members(path: Path, limit: int) -> Iterator[Member]:
    open_stream = lzma.open if path.suffix == ".xz" else gzip.open
    with open_stream(path) as stream, tarfile.open(fileobj=_Limited(stream, limit), mode="r|") as archive:
        for member in archive:
            if not (member.isreg() or member.isdir()):
                raise DamagedDownload(f"found {member.name!r}, a link or device; expected files only")
            yield member.name, None if member.isdir() else partial(archive.extractfile, member)


class _Limited:
    """A stream that refuses to give more than a number of bytes."""

    def __init__(self, stream: IO[bytes], limit: int):
        self.stream = stream
        self.limit = limit
        self.left = limit

    def read(self, size: int) -> bytes:
        content = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise DamagedDownload(f"unpacks to more than {self.limit:,} bytes")
        return content


def _target(name: str, wanted: Sequence[str]) -> Optional[str]:
    # As Windows reads it: both slashes separate, and a drive makes a path absolute.
    path = PureWindowsPath(name)
    if path.anchor or ".." in path.parts:
        raise DamagedDownload(f"found {name!r}, a path that leaves the folder; expected a relative one")
    for inner in (tuple(one.split("/")) for one in wanted):
        for start in range(len(path.parts) - len(inner) + 1):
            if path.parts[start : start + len(inner)] == inner:
                return "/".join(path.parts[start:])
    return None


def _write(name: str, opener: Callable[[], IO[bytes]], target: Path, left: int) -> int:
    """Write one member; return how many bytes the others may still have."""
    if target.exists():
        raise DamagedDownload(f"found {name!r} twice")
    target.parent.mkdir(parents=True, exist_ok=True)
    with opener() as source, open(target, "xb") as file:
        for block in iter(lambda: source.read(1 << 20), b""):
            left -= len(block)
            if left < 0:
                raise DamagedDownload(f"unpacks to more than expected, at {name!r}")
            file.write(block)
    return left

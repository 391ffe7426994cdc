"""Fetching files: continued where they broke off, verified, and put in their place only then."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import requests
from tqdm import tqdm

from common.archives import DamagedDownload, unpack
from common.checksums import Part, difference
from common.errors import UserError, refused_writing

# Seconds to connect, and between two pieces of an answer.
TIMEOUT = (10, 60)
ARCHIVES = (".zip", ".gz")


def install(address: str, parts: Sequence[Part], folder: Path, fetched: Path, limit: int) -> None:
    """Fetch a file or an archive, verify the parts in it, and move them into a folder.

    Args:
        parts: what to install, none of it there yet; of a file that is no archive, the one part it is.
        fetched: where the fetched file is kept meanwhile. Its folder is this function's own, on the
            disk of ``folder``; it is removed at the end, and kept for another try if fetching breaks off.
        limit: bytes that the fetched file may have, and that an archive may unpack to.

    Raises:
        UserError: the server, the content or the disk is not as it must be. A part is whole in
            its place or not there at all.
    """
    unpacked = fetched.parent / "unpacked"
    try:
        fetch(address, fetched, limit)
        with refused_writing(unpacked):
            shutil.rmtree(unpacked, ignore_errors=True)
            unpacked.mkdir()
        if fetched.suffix in ARCHIVES:
            unpack(fetched, [part.path for part in parts], unpacked, limit)
        else:
            os.replace(fetched, unpacked / parts[0].path)
        for part in parts:
            found = difference(part, unpacked / part.path)
            if found:
                raise DamagedDownload(f"{part.path}: {found}")
    except DamagedDownload as error:
        shutil.rmtree(fetched.parent, ignore_errors=True)
        raise UserError(f"{address}: {error}; nothing was installed") from None
    with refused_writing(folder):
        for part in parts:
            place = folder / part.path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(unpacked / part.path, place)
    shutil.rmtree(fetched.parent, ignore_errors=True)


def fetch(address: str, file: Path, limit: int) -> None:
    """Fetch one file; what an earlier try has left in ``FILE.partial`` is not fetched again.

    Nothing is done where the file exists. A server that ignores ranges sends the whole file again.

    Raises:
        DamagedDownload: the file is longer than ``limit`` bytes.
        UserError: the server does not answer, answers with an error or breaks off, or the disk is full.
    """
    partial = file.with_name(f"{file.name}.partial")
    with refused_writing(partial):
        if file.exists():
            return
        held = partial.stat().st_size if partial.exists() else 0
        try:
            response, start = _ask(address, held)
        except requests.RequestException as error:
            raise UserError(f"{address}: cannot be fetched: {_reason(error)}") from None
        with response:
            partial.parent.mkdir(parents=True, exist_ok=True)
            _receive(response, partial, start, limit)
        os.replace(partial, file)


def _ask(address: str, held: int) -> tuple[requests.Response, int]:
    """An answer whose body is still to be read, and the number of the byte that it starts with."""
    # Compressed on the way, neither lengths nor ranges would be those of the file.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={held}-"} if held else {})}
    response = requests.get(address, headers=headers, stream=True, timeout=TIMEOUT)
    status, begins = response.status_code, response.headers.get("Content-Range", "")
    if status == 200:
        return response, 0
    if held and status == 206 and begins.startswith(f"bytes {held}-"):
        return response, held
    response.close()
    if held and status in (206, 416):
        return _ask(address, 0)
    raise UserError(f"{address}: found HTTP {status} {response.reason}, expected the file")


def _receive(response: requests.Response, partial: Path, start: int, limit: int) -> None:
    length = response.headers.get("Content-Length", "")
    plain = response.headers.get("Content-Encoding", "identity") == "identity"
    total = start + int(length) if plain and length.isdigit() else None
    if total is not None and total > limit:
        raise DamagedDownload(f"found {total:,} bytes, expected at most {limit:,}")
    received, reason = start, ""
    progress = {"unit": "B", "unit_scale": True, "disable": None, "leave": False}
    with open(partial, "ab" if start else "wb") as file, tqdm(total=total, initial=start, **progress) as bar:
        try:
            for block in response.iter_content(1 << 16):
                received += len(block)
                if received > limit:
                    raise DamagedDownload(f"found more than {limit:,} bytes")
                file.write(block)
                bar.update(len(block))
        except requests.RequestException as error:
            reason = _reason(error)
    if reason or (total is not None and received != total):
        of_all = "" if total is None else f" of {total:,}"
        raise UserError(
            f"{response.url}: broke off after {received:,}{of_all} bytes: "
            f"{reason or 'the connection was closed'}; the same command continues there"
        )


def _reason(error: requests.RequestException) -> str:
    """What the operating system said in the end, or what the kind of error says."""
    if isinstance(error, requests.Timeout):
        return f"no answer for {TIMEOUT[1]} seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was closed"
    said: Optional[str] = None
    cause: Optional[BaseException] = error
    while cause is not None:
        said = getattr(cause, "strerror", None) or said
        cause = cause.__cause__ or cause.__context__
    return said or type(error).__name__

"""Text in UTF-8, UTF-16 with a byte-order mark, or GB18030, decoded block by block; no Paddle here."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Optional

from common.errors import UserError

BLOCK = 1 << 16
NEITHER = "found bytes that are neither UTF-8 nor GB18030, expected these, or UTF-16 with a byte-order mark"
BROKEN_UTF16 = "found bytes that are not UTF-16, expected it, since there is a byte-order mark"
# What is often given another ending, and how it begins.
NO_TEXT = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "a ZIP archive, as Excel workbooks are",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"\x89PNG\r\n": "a PNG picture",
    b"%PDF-": "a PDF document",
}


def file_encoding(path: Path) -> str:
    """The encoding in which the whole file can be decoded.

    Raises:
        UserError: no such file, bytes in none of the encodings, or a zero byte.
    """
    faults = []
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            _refuse_other_format(path, start)
            for encoding in _candidates(start):
                file.seek(0)
                line = _undecodable_line(path, file, encoding)
                if line is None:
                    return encoding
                faults.append(line)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file, expected one below --data-root or elsewhere") from None
    except IsADirectoryError:
        raise UserError(f"{path}: found a folder, expected a file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    # The encoding that fits longest is most likely meant.
    raise UserError(f"{path}: line {max(faults)}: {_undecodable(start)}")


def stream_lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """Lines, without their ends, of a stream that can be read only once.

    Its first 64 KB decide its encoding; they are read at once, the others as they are asked for.

    Args:
        name: what an error calls the stream.

    Raises:
        UserError: nothing in it, bytes in another encoding, or a zero byte; the lines before
            it have been given.
    """
    block = stream.read(BLOCK)
    if not block:
        raise UserError(f"{name}: found nothing, expected at least one line")
    return _decoded_lines(stream, name, block, _encoding_of_beginning(block, name))


def _decoded_lines(stream: BinaryIO, name: str, block: bytes, encoding: str) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    number, begun = 0, ""
    while True:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            found = f"found bytes that are not {encoding.replace('-sig', '').upper()}, as those before it are"
            raise UserError(f"{name}: line {number + _line(error)}: {found}") from None
        _refuse_zero(name, number, text)
        *lines, begun = (begun + text).split("\n")
        yield from lines
        number += len(lines)
        if not block:
            break
        block = stream.read(BLOCK)
    if begun:
        yield begun


def _candidates(start: bytes) -> tuple[str, ...]:
    return ("utf-16",) if _has_utf16_mark(start) else ("utf-8-sig", "gb18030")


def _undecodable(start: bytes) -> str:
    return BROKEN_UTF16 if _has_utf16_mark(start) else NEITHER


def _has_utf16_mark(start: bytes) -> bool:
    return start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def _refuse_other_format(name: object, start: bytes) -> None:
    for beginning, found in NO_TEXT.items():
        if start.startswith(beginning):
            raise UserError(f"{name}: found {found}, expected text")


def _encoding_of_beginning(block: bytes, name: str) -> str:
    faults = []
    _refuse_other_format(name, block)
    for encoding in _candidates(block):
        try:
            codecs.getincrementaldecoder(encoding)().decode(block, final=len(block) < BLOCK)
        except UnicodeDecodeError as error:
            faults.append(_line(error))
        else:
            return encoding
    raise UserError(f"{name}: line {max(faults)}: {_undecodable(block)}")


def _undecodable_line(path: Path, file: BinaryIO, encoding: str) -> Optional[int]:
    """The first line that cannot be decoded, from 1; None if all can."""
    decoder = codecs.getincrementaldecoder(encoding)()
    number, block = 0, b"-"
    while block:
        block = file.read(BLOCK)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            return number + _line(error)
        _refuse_zero(path, number, text)
        number += text.count("\n")
    return None


def _line(error: UnicodeDecodeError) -> int:
    # Of UTF-16, bytes of a character may look like the end of a line.
    return error.object[: error.start].decode(error.encoding, "replace").count("\n") + 1


def _refuse_zero(name: object, lines_before: int, text: str) -> None:
    if "\0" in text:
        line = lines_before + text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{name}: line {line}: found a zero byte, expected text")

"""XML files of strangers: elements and text, and nothing that could expand, load or run."""

import re
from pathlib import Path
from typing import Optional, Union
from xml.etree import ElementTree
from xml.parsers import expat

from common.errors import UserError

DECLARED = re.compile(rb"\s*(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")
EXPATS_OWN = ("utf-8", "utf-16", "iso-8859-1", "us-ascii")


def read_xml(path: Path) -> Optional[ElementTree.Element]:
    """The outermost element; None if there is nothing but white space.

    A document type is refused before any of it is read: entities, by which a small file fills the
    memory or reads other files, can be declared nowhere else.

    Raises:
        UserError: no such file, not XML, or XML with a document type.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not content.strip():
        return None
    return _parse(path, _decoded(path, content))


def _decoded(path: Path, content: bytes) -> Union[bytes, str]:
    """The content, as text where expat does not know the declared encoding, such as GB2312."""
    declared = DECLARED.match(content)
    encoding = declared.group(1).decode() if declared else "utf-8"
    if encoding.lower() in EXPATS_OWN:
        return content
    try:
        return content.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        raise UserError(f"{path}: found bytes that are not {encoding}, expected it as declared") from None


def _parse(path: Path, content: Union[bytes, str]) -> ElementTree.Element:
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_) -> None:
        line = parser.CurrentLineNumber
        raise UserError(f"{path}: line {line}: found a document type (DOCTYPE), expected XML without one")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        why = expat.ErrorString(error.code)
        raise UserError(f"{path}: line {error.lineno}: is not XML: {why}") from None
    except ValueError as error:
        raise UserError(f"{path}: is not XML: {error}") from None
    return builder.close()

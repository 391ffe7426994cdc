"""XML files of strangers: elements and text, and nothing that could expand, load or run."""

from pathlib import Path
from typing import Optional
from xml.etree import ElementTree
from xml.parsers import expat

from common.errors import UserError


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
    except (LookupError, ValueError) as error:
        raise UserError(f"{path}: is not XML: {error}") from None
    return builder.close()

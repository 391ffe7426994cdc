"""Texts that are empty, garbled, marked up, in another script, or far longer than the others."""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from common.reporting.findings import Finding
from tasks.sentiment.checks.source import Source
from tasks.sentiment.data import normalise

CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
TAGS = "a|b|br|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|script|span|strong|style|table|td|tr|u|ul"
HTML = re.compile(
    rf"</?(?:{TAGS})(?:\s[^<>]*)?/?>|&(?:[a-z]{{2,8}}|#\d{{2,6}}|#x[0-9a-f]{{2,6}});", re.IGNORECASE
)
URL = re.compile(r"https?://|www\.\w", re.IGNORECASE)
ESCAPE = re.compile(r'\\(?:[nrt](?![a-zA-Z])|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|")')
# Encodings that Chinese in UTF-8 is read in by mistake.
WRONG_ENCODINGS = ("gb18030", "cp1252", "latin-1")
# A fault of a smaller share of rows changes no result.
RARE = 0.001
LONG_CHARACTERS, LONG_TIMES = 1000, 10


LEFT_OUT = "training leaves such rows out; delete them, or see whether their text was lost"
CLEAN = "clean the text column; the model reads them as text, and learns them if they tell the class"


class Kind(NamedTuple):
    """A kind of doubtful text: how grave, what it is called and said of it, and which texts it is."""

    severity: str
    name: str
    message: str
    remedy: str
    is_fault: Callable[[str], bool]


def check_content(source: Source) -> list[Finding]:
    """A finding for each kind of doubtful text, over all files."""
    texts = [row.text for rows in source.files.values() for row in rows]
    long = max(LONG_CHARACTERS, round(LONG_TIMES * float(np.percentile([len(t) for t in texts], 95))))
    run_together = "see whether several rows have run into one, as behind an open quotation mark"
    message = f"texts have over {long:,} characters, the others far fewer"
    kinds = [*KINDS, Kind("note", "very long text", message, run_together, lambda text: len(text) > long)]
    if 2 * sum(bool(CHINESE.search(text)) for text in texts) > len(texts):
        kinds.append(LATIN)
    return [finding for kind in kinds for finding in _find(source, kind, len(texts))]


def _find(source: Source, kind: Kind, rows: int) -> list[Finding]:
    places = [
        source.place(split, row)
        for split, several in source.files.items()
        for row in several
        if kind.is_fault(row.text)
    ]
    if not places:
        return []
    severity = kind.severity if len(places) >= RARE * rows else "note"
    message = f"{len(places):,} of {rows:,} {kind.message}"
    return [Finding(severity, kind.name, message, kind.remedy, places)]


def is_garbled(text: str) -> bool:
    """Whether a text has replacement characters, or is Chinese in UTF-8 that was read as something else."""
    if "\ufffd" in text or "锟斤拷" in text:
        return True
    for encoding in WRONG_ENCODINGS:
        try:
            content = text.encode(encoding)
        except UnicodeEncodeError:
            continue
        # A few characters may have been lost on the way.
        meant = content.decode("utf-8", errors="replace")
        number = len(CHINESE.findall(meant))
        if meant != text and number >= 3 and 2 * number > len(meant):
            return True
    return False


def is_symbols(text: str) -> bool:
    """Whether a text has characters, but no letter and no digit."""
    return bool(text) and not normalise(text)


def is_latin(text: str) -> bool:
    """Whether most of ten letters and digits or more are ASCII."""
    letters = normalise(text)
    return len(letters) >= 10 and 2 * sum(c.isascii() for c in letters) > len(letters)


def _with(pattern: re.Pattern) -> Callable[[str], bool]:
    return lambda text: bool(pattern.search(text))


KINDS = (
    Kind("warning", "empty text", "rows have no text", LEFT_OUT, lambda text: not text),
    Kind("warning", "no letter or digit", "texts are punctuation or emoji only", LEFT_OUT, is_symbols),
    Kind(
        "warning",
        "wrong encoding",
        "texts have replacement characters, or were once read in a wrong encoding",
        "export the file again, as UTF-8 throughout",
        is_garbled,
    ),
    Kind("warning", "HTML", "texts have tags or entities of HTML", CLEAN, _with(HTML)),
    Kind("warning", "escape sequence", r"texts have sequences such as \n as letters", CLEAN, _with(ESCAPE)),
    Kind(
        "note",
        "URL",
        "texts have an address in them",
        "replace addresses by a word if they tell the class",
        _with(URL),
    ),
)
LATIN = Kind(
    "note",
    "mostly Latin or digits",
    "texts among Chinese ones are mostly Latin or digits",
    "see whether they are reviews; a Chinese model knows little of them",
    is_latin,
)

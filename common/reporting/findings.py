"""What a check of data has found: for the terminal, for a page, and every place of it as rows."""

from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Optional, Union

from common.reporting.page import HtmlTable, Section

SEVERITIES = {
    "error": "training fails, or its results mean nothing",
    "warning": "results are likely worse than they could be, or harder to believe",
    "note": "worth knowing",
}
EXAMPLES = 5


@dataclass(frozen=True)
class Place:
    """A row of a file, the text that stands there, and what is to be said of it.

    Attributes:
        line: or another place in the file, such as ``object 2``; empty where the whole file is meant.
    """

    file: Path
    line: Union[int, str] = ""
    text: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One kind of fault.

    Attributes:
        severity: a key of :data:`SEVERITIES`.
        kind: its name, a few words.
        message: what was found, in one line.
        remedy: what to do about it, in one line.
        places: all rows that have the fault, in the order of the files; none where it belongs to no row.
        count: how many there are; the number of places by default.
        every: whether the terminal names every place, not only the first few.
    """

    severity: str
    kind: str
    message: str
    remedy: str
    places: list[Place] = field(default_factory=list)
    count: Optional[int] = None
    every: bool = False

    def __post_init__(self):
        if self.severity not in SEVERITIES:
            raise ValueError(f"found severity {self.severity!r}, expected one of {', '.join(SEVERITIES)}")
        if self.count is None:
            object.__setattr__(self, "count", len(self.places))


def by_severity(findings: list[Finding]) -> list[Finding]:
    """The gravest first; otherwise in the order given."""
    return sorted(findings, key=lambda finding: list(SEVERITIES).index(finding.severity))


def findings_text(findings: list[Finding]) -> str:
    """Two or three lines a finding, and a last one that counts them by severity."""
    lines = []
    for finding in by_severity(findings):
        lines.append(f"{finding.severity:<8}{finding.count:>8,}  {finding.kind}: {finding.message}")
        if finding.places:
            shown = len(finding.places) if finding.every else EXAMPLES
            lines.append(f"{'':18}at {_where(finding.places, shown)}")
        lines.append(f"{'':18}-> {finding.remedy}")
    counts = [f"{name}s: {sum(f.severity == name for f in findings)}" for name in SEVERITIES]
    return "\n".join([*lines, ", ".join(counts)])


def findings_sections(findings: list[Finding]) -> list[Section]:
    """An overview, and a section a finding with up to :data:`EXAMPLES` examples."""
    findings = by_severity(findings)
    columns = ["severity", "count", "finding", "what was found", "what to do"]
    rows = [[f.severity, f"{f.count:,}", f.kind, f.message, f.remedy] for f in findings]
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in SEVERITIES.items())
    sections = [Section("Findings", meanings, tables=[HtmlTable(columns, rows, words=True)])]
    names = _names({place.file for finding in findings for place in finding.places})
    for finding in findings:
        examples = [
            [_named(names[place.file], place.line), shorten(place.text, 160), shorten(place.detail, 160)]
            for place in finding.places[:EXAMPLES]
        ]
        if examples:
            table = HtmlTable(["file and line", "text", "detail"], examples, words=True)
            sections.append(Section(f"{finding.severity}: {finding.kind}", finding.message, tables=[table]))
    return sections


def findings_rows(findings: list[Finding]) -> list[dict[str, Any]]:
    """A row a place, for a CSV file; a finding without one has a row of its own."""
    columns = ("severity", "kind", "file", "line", "text", "detail")
    rows = []
    for finding in by_severity(findings):
        for place in finding.places:
            where = (str(place.file), place.line, place.text, place.detail)
            rows.append(dict(zip(columns, (finding.severity, finding.kind, *where))))
        if not finding.places:
            rows.append(dict(zip(columns, (finding.severity, finding.kind, "", "", "", finding.message))))
    return rows


def shorten(text: str, most: int) -> str:
    """One line of at most ``most`` characters, without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _names(files: set[Path]) -> dict[Path, str]:
    """File names, or whole paths where names repeat."""
    unique = len({file.name for file in files}) == len(files)
    return {file: file.name if unique else str(file) for file in files}


def _named(file: Any, line: Union[int, str]) -> str:
    return f"{file}:{line}" if line != "" else str(file)


def _where(places: list[Place], shown: int) -> str:
    parts = []
    for file, together in groupby(places[:shown], key=lambda place: place.file):
        parts.append(_named(file, ", ".join(str(place.line) for place in together if place.line != "")))
    more = len(places) - shown
    return "; ".join(parts) + (f" and {more:,} more" if more > 0 else "")

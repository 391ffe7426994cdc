"""Findings as lines, as a page and as rows."""

from pathlib import Path

import pytest

from common.reporting.findings import (
    Finding,
    Place,
    findings_rows,
    findings_sections,
    findings_text,
    shorten,
)

PLACES = [Place(Path("a.csv"), line, f"text {line}", "detail") for line in range(2, 9)]
FINDINGS = [
    Finding("note", "rare", "a note", "nothing"),
    Finding("error", "broken", "what is wrong", "--flag value", PLACES),
]


def test_lines_begin_with_the_gravest_and_name_five_places():
    lines = findings_text(FINDINGS).splitlines()
    assert lines[0].split() == ["error", "7", "broken:", "what", "is", "wrong"]
    assert lines[1].strip() == "at a.csv:2, 3, 4, 5, 6 and 2 more"
    assert lines[2].strip() == "-> --flag value"
    assert lines[3].split() == ["note", "0", "rare:", "a", "note"]
    assert lines[-1] == "errors: 1, warnings: 0, notes: 1"
    assert findings_text([]) == "errors: 0, warnings: 0, notes: 0"


def test_a_page_has_an_overview_and_five_examples_and_the_rows_have_all():
    overview, broken = findings_sections(FINDINGS)
    assert [row[2] for row in overview.tables[0].rows] == ["broken", "rare"]
    assert [row[0] for row in broken.tables[0].rows] == [f"a.csv:{line}" for line in range(2, 7)]
    rows = findings_rows(FINDINGS)
    assert [row["line"] for row in rows] == [2, 3, 4, 5, 6, 7, 8, ""]
    assert rows[0] == {
        "severity": "error",
        "kind": "broken",
        "file": "a.csv",
        "line": 2,
        "text": "text 2",
        "detail": "detail",
    }
    assert rows[-1]["detail"] == "a note"


def test_files_of_one_name_are_told_apart_by_their_folders():
    places = [Place(Path("x/a.csv"), 2), Place(Path("y/a.csv"), 3)]
    _, section = findings_sections([Finding("note", "a", "b", "c", places)])
    assert [row[0] for row in section.tables[0].rows] == ["x/a.csv:2", "y/a.csv:3"]


def test_a_place_may_be_a_whole_file_and_every_one_may_be_named():
    places = [Place(Path(f"{number}.jpg")) for number in range(7)] + [Place(Path("a.xml"), "object 2")]
    finding = Finding("error", "a", "b", "c", places, every=True)
    where = findings_text([finding]).splitlines()[1].strip()
    assert where == "at 0.jpg; 1.jpg; 2.jpg; 3.jpg; 4.jpg; 5.jpg; 6.jpg; a.xml:object 2"
    assert findings_sections([finding])[1].tables[0].rows[0][0] == "0.jpg"


def test_a_severity_that_is_none_is_refused():
    with pytest.raises(ValueError, match="expected one of error, warning, note"):
        Finding("fatal", "a", "b", "c")


def test_what_is_shown_is_one_line_without_control_characters():
    assert shorten("a\x1b[31m\n b\u202e  c", 20) == "a [31m b c"
    assert shorten("一二三四五", 3) == "一二…"

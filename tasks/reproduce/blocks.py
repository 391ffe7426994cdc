"""Blocks of a page that are made of a suite's results.

``<!-- reproduce NAME -->`` begins a block with verdicts and all tables, ``<!-- reproduce NAME METRIC
SPLIT -->`` one with a single metric, a row an arm and a column a regime. ``<!-- end of reproduce
NAME -->`` ends either.
"""

import re
from pathlib import Path

from common.errors import UserError
from common.training.run_folder import write_text
from tasks.reproduce.markdown import markdown, metric_markdown
from tasks.reproduce.tables import Summary

BLOCK = re.compile(
    r"(<!-- reproduce (?P<suite>\w+)(?: (?P<metric>\w+) (?P<split>\w+))? -->\n).*?"
    r"(<!-- end of reproduce (?P=suite) -->)",
    re.DOTALL,
)


def suites_of(text: str) -> set[str]:
    """Names of the suites that a page has blocks of."""
    return {match["suite"] for match in BLOCK.finditer(text)}


def fill_blocks(text: str, summary: Summary) -> str:
    """The page with the blocks of one suite made anew.

    Raises:
        UserError: a block asks for a metric that no run has.
    """

    def fill(match: re.Match) -> str:
        if match["suite"] != summary["suite"]:
            return match.group()
        one = match["metric"]
        made = metric_markdown(summary, one, match["split"]) if one else markdown(summary, everything=False)
        return f"{match[1]}{made}{match[5]}"

    return BLOCK.sub(fill, text)


def fill_file(file: Path, summary: Summary) -> bool:
    """Make a suite's blocks of a file anew; False where it has none.

    Raises:
        UserError: the file cannot be read, or as :func:`fill_blocks`.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    if summary["suite"] not in suites_of(text):
        return False
    write_text(file, fill_blocks(text, summary))
    return True

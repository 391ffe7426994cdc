"""What is wrong with labelled texts, before hours of training; no Paddle here."""

from pathlib import Path
from typing import Optional

from common.reporting.findings import Finding
from common.reporting.page import HtmlTable, Section
from tasks.sentiment.checks.columns import check_columns
from tasks.sentiment.checks.content import check_content
from tasks.sentiment.checks.duplicates import check_duplicates
from tasks.sentiment.checks.labels import check_labels
from tasks.sentiment.checks.lengths import check_lengths, read_vocabulary
from tasks.sentiment.checks.source import Source, read_source
from tasks.sentiment.config import Config
from tasks.sentiment.data import normalise


def check_data(
    config: Config, data_root: Path, plots: Optional[Path] = None
) -> tuple[list[Section], list[Finding]]:
    """Read the files of a configuration and look for faults.

    Args:
        plots: folder for plots; of texts there are none.

    Returns:
        Tables of what was read, and what is wrong with it.

    Raises:
        UserError: a file, one of its rows, or the vocabulary of ``model.weights`` cannot be read.
    """
    vocabulary = read_vocabulary(config.model.weights)
    source = read_source(config, data_root)
    sections, findings = [_files_section(source)], check_columns(source)
    if any(finding.severity == "error" for finding in findings):
        sections[0].text = "The columns are wrong, so nothing else was looked at."
        return sections, findings
    section, of_labels = check_labels(source)
    sections.append(section)
    findings += of_labels
    section, of_duplicates = check_duplicates(source)
    sections.append(section)
    findings += [*of_duplicates, *check_content(source)]
    lengths, of_lengths = check_lengths(source, vocabulary)
    findings += of_lengths
    return [*sections, *lengths], [*findings, *_refusal(source, findings)]


def _files_section(source: Source) -> Section:
    rows = []
    for split, read in source.files.items():
        keys = {normalise(row.text) for row in read} - {""}
        empty = sum(not normalise(row.text) for row in read)
        unlabelled = sum(not row.label for row in read)
        numbers = (len(read), empty, unlabelled, len(keys))
        rows.append([str(source.paths[split]), split, *(f"{number:,}" for number in numbers)])
    columns = ["file", "given for", "rows", "empty", "without label", "different texts"]
    said = f"Training refuses them: {source.refusal}" if source.refusal else ""
    return Section("Files", said, tables=[HtmlTable(columns, rows)])


def _refusal(source: Source, findings: list[Finding]) -> list[Finding]:
    """What training says, where no other finding can be the reason."""
    if not source.refusal or any(finding.severity == "error" for finding in findings):
        return []
    return [Finding("error", "refused by training", source.refusal, "as the message says", count=1)]

"""What is wrong with pictures and boxes, before hours of training; no Paddle here."""

from pathlib import Path
from typing import Optional

import numpy as np

from common.reporting.findings import Finding
from common.reporting.page import Section
from tasks.pcb.anchors import training_anchors
from tasks.pcb.checks.assignment import check_assignment
from tasks.pcb.checks.boxes import check_boxes
from tasks.pcb.checks.classes import check_classes
from tasks.pcb.checks.files import check_files
from tasks.pcb.checks.sheets import class_sheets
from tasks.pcb.checks.sizes import check_sizes
from tasks.pcb.checks.source import Source, read_source
from tasks.pcb.checks.splits import check_splits
from tasks.pcb.config import Config


def check_data(
    config: Config, data_root: Path, plots: Optional[Path] = None
) -> tuple[list[Section], list[Finding]]:
    """Read the pictures and boxes of a configuration and look for faults.

    Args:
        plots: folder for plots and contact sheets, if they are to be drawn.

    Returns:
        Tables of what was read, and what is wrong with it.

    Raises:
        UserError: no data set can be read there; a damaged picture or annotation is a finding.
    """
    source = read_source(config, data_root)
    sections, findings = [], []
    for check in (check_files, check_boxes, check_classes):
        section, found = check(source)
        sections.append(section)
        findings += found
    boxes = source.boxes("train")
    anchors = np.array(training_anchors(boxes, config)) if len(boxes) else None
    of_sizes, found = check_sizes(source, anchors, plots)
    sections += of_sizes
    findings += found
    if anchors is not None:
        section, found = check_assignment(source, anchors)
        sections.append(section)
        findings += found
    section, found = check_splits(source)
    sections.append(section)
    findings += [*found, *_refusal(source, findings)]
    if plots is not None:
        sections += class_sheets(source, plots)
    return sections, findings


def _refusal(source: Source, findings: list[Finding]) -> list[Finding]:
    """What training says, where no other finding can be the reason."""
    if not source.refusal or any(finding.severity == "error" for finding in findings):
        return []
    return [Finding("error", "refused by training", source.refusal, "as the message says", count=1)]

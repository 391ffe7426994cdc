"""Results that were kept with the code, and whether new runs give them again."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import UserError
from common.evaluation.reference_check import ReferenceCheck, check_against_reference
from common.json_file import read_object
from common.reporting.tables import show
from common.training.run_folder import write_text
from tasks.reproduce.blocks import fill_file
from tasks.reproduce.merging import EMPTY, Plan, merge
from tasks.reproduce.report import to_json
from tasks.reproduce.results import Results
from tasks.reproduce.tables import CHANGED, Summary, of, select_runs, value_of

# What a file of references must hold, and each of its runs.
PARTS = dict.fromkeys(("runs", "headline", "environment", "differing", "best"), dict)
PARTS.update(dict.fromkeys(("claims", "exploratory", "sources"), list))
FIELDS = ("arm", "regime", "seed", "failure", "metrics", "config_sha256", "environment")
ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "tasks" / "reproduce" / "README.md",
    ROOT / "tasks" / "sentiment" / "mini-bert-zh" / "README.md",
)


def reference_file(suite: Path) -> Path:
    """Where the reference results of a suite's file stand."""
    return suite.parent / "reference" / f"{suite.stem}.json"


def read_reference(suite: Path) -> Summary:
    """Reference results of a suite.

    Raises:
        UserError: there are none, or the file is something else.
    """
    file = reference_file(suite)
    if not file.exists():
        raise UserError(
            f"{file}: found no reference results of {suite.stem}, expected what --write-reference keeps"
        )
    found = read_object(file)
    if found.get("suite") != suite.stem:
        raise UserError(f"{file}: suite: found {found.get('suite')!r}, expected the results of {suite.stem}")
    for part, kind in PARTS.items():
        if not isinstance(found.get(part), kind):
            kinds = f"found {type(found.get(part)).__name__}, expected {kind.__name__}"
            raise UserError(f"{file}: {part}: {kinds}, as --write-reference writes it")
    for name, run in found["runs"].items():
        missing = [field for field in FIELDS if not isinstance(run, dict) or field not in run]
        if missing:
            raise UserError(
                f"{file}: runs.{name}: found no {missing[0]}, expected it as --write-reference has it"
            )
    return found


def write_reference(suite: Path, summary: Summary, planned: Plan) -> list[Path]:
    """Keep results as the reference, and in the blocks that pages have of it; the files written.

    Args:
        summary: of arms in regimes with all their seeds; of others, the reference keeps what it has.
        planned: (arm, regime) and hash of the configuration by name of each run of the suite.
    """
    file = reference_file(suite)
    summary = merge(read_reference(suite) if file.exists() else EMPTY, summary, planned)
    write_text(file, to_json(summary))
    return [file, *(page for page in PAGES if fill_file(page, summary))]


def compare_with_reference(reference: Summary, results: Results) -> list[list[str]]:
    """A row (:data:`CHECK_COLUMNS`) an arm, regime and metric, or one where the configuration differs."""
    rows = []
    for regime in results.suite.regimes:
        for arm in results.arms(regime):
            if _changed(reference, results, arm, regime):
                rows.append([arm, regime, *["-"] * 6, CHANGED])
                continue
            task = results.task_of(arm)
            claimed = [c.metric for c in results.suite.claims if arm in (c.baseline, c.arm)]
            names = dict.fromkeys((*reference["headline"].get(task, ()), *claimed))
            for split in results.splits(arm, regime):
                for metric in names:
                    known = _known(reference, arm, regime, split, metric)
                    found = results.values(arm, regime, split, metric)
                    if known and found:
                        check = check_against_reference(known, found)
                        seeds = of(len(known.keys() & found.keys()), len(known))
                        rows.append([arm, regime, f"{metric}, {split}", *_said(check, seeds)])
    return rows


def differences(reference: Summary, now: Mapping[str, Any]) -> list[str]:
    """A line for each field of the environment that some run of the reference has otherwise."""
    known, several = reference["environment"], reference["differing"]
    lines = []
    for name in dict.fromkeys((*known, *several, *now)):
        values = several.get(name, [str(known.get(name))])
        if str(now.get(name)) not in values:
            lines.append(f"{name}: reference {' | '.join(values)}, now {now.get(name)}")
        elif len(values) > 1:
            others = " | ".join(value for value in values if value != str(now.get(name)))
            lines.append(f"{name}: now {now.get(name)}, as some runs of the reference; others {others}")
    return lines


def _changed(reference: Summary, results: Results, arm: str, regime: str) -> bool:
    hashes = {result.cell.name: result.cell.config_hash() for result in results.of(arm, regime)}
    known = reference["runs"]
    return any(name in known and known[name]["config_sha256"] != found for name, found in hashes.items())


def _known(reference: Summary, arm: str, regime: str, split: str, metric: str) -> dict[int, float]:
    values = {}
    for run in select_runs(reference, arm=arm, regime=regime):
        value = value_of(run, split, metric)
        if run["failure"] is not None or split in run["metrics"]:
            values[run["seed"]] = math.nan if value is None else value
    return values


def _said(check: ReferenceCheck, seeds: str) -> list[str]:
    interval = f"[{show(check.interval.low)}, {show(check.interval.high)}]" if check.interval else "-"
    difference = check.largest_difference
    largest = "-" if difference is None else show(difference)
    return [show(check.reference_mean), show(check.mean), seeds, interval, largest, check.status]

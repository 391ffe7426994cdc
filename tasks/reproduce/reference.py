"""Results that are kept with the code."""

from pathlib import Path
from typing import Any

from common.errors import UserError
from common.json_file import read_object
from common.training.run_folder import write_text
from tasks.reproduce.blocks import fill_file
from tasks.reproduce.merging import EMPTY, Plan, merge
from tasks.reproduce.report import to_json
from tasks.reproduce.results import check_metrics
from tasks.reproduce.tables import Summary

# What a file of references must hold, and each of its runs.
PARTS = dict.fromkeys(("runs", "headline", "environment", "differing", "best"), dict)
PARTS.update(dict.fromkeys(("claims", "exploratory", "sources"), list))
FIELDS = (
    *("task", "arm", "regime", "seed", "overrides", "seconds", "failure", "metrics"),
    *("config_sha256", "environment"),
)
COMPARED = ("baseline", "arm", "regime", "split", "metric", "kind")
ROW_FIELDS = {
    "claims": (*COMPARED, "text", "figure", "better", "verdict"),
    "exploratory": (*COMPARED, "uncorrected_verdict", "p_value", "adjusted"),
    "sources": ("arm", "regimes", "seeds"),
}
ROOT = Path(__file__).resolve().parents[2]
SUITES = ROOT / "configs" / "reproduce"
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
    for part, fields in ROW_FIELDS.items():
        for number, row in enumerate(found[part], start=1):
            _require(row, fields, f"{file}: {part}.{number}")
    for name, run in found["runs"].items():
        _require(run, FIELDS, f"{file}: runs.{name}")
        # JSON has no other word for a value that is not finite.
        check_metrics(run["metrics"], f"{file}: runs.{name}", (int, float, type(None)))
    return found


def write_reference(suite: Path, summary: Summary, planned: Plan) -> list[Path]:
    """Keep results as the reference, of a suite of the project in the blocks of pages too; the files written.

    Args:
        summary: of arms in regimes with all their seeds; of others, the reference keeps what it has.
        planned: (arm, regime) and hash of the configuration by name of each run of the suite.
    """
    file = reference_file(suite)
    summary = merge(read_reference(suite) if file.exists() else EMPTY, summary, planned)
    write_text(file, to_json(summary))
    # Another suite may have the name of one of the project.
    pages = PAGES if suite.resolve().parent == SUITES else ()
    return [file, *(page for page in pages if fill_file(page, summary))]


def _require(entry: Any, fields: tuple[str, ...], place: str) -> None:
    missing = [field for field in fields if not isinstance(entry, dict) or field not in entry]
    if missing:
        raise UserError(f"{place}: found no {missing[0]}, expected it as --write-reference has it")

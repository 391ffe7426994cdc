"""The flags of reproduce.py, and which of them go together."""

import argparse
from pathlib import Path

from common.errors import ArgumentParser, UserError

WAYS = ("list", "dry_run", "report_only", "cell", "pack")


def flags_parser(description: str) -> ArgumentParser:
    """What reads the flags.

    Args:
        description: of the script, for ``--help``.
    """
    parser = ArgumentParser(description=description)
    parser.add_argument("--suite", type=Path, required=True, help="such as configs/reproduce/smoke.yaml")
    parser.add_argument("--list", action="store_true", help="print every run's name and state, and stop")
    parser.add_argument("--dry-run", action="store_true", help="print hours and commands, and stop")
    parser.add_argument("--cell", metavar="NAME", help="run this one only, a broken one again")
    parser.add_argument("--report-only", action="store_true", help="report what is finished, run nothing")
    parser.add_argument("--pack", type=Path, metavar="FILE.tar.xz", help="write what is finished to one file")
    parser.add_argument(
        "--unpack", type=Path, nargs="+", metavar="FILE.tar.xz", help="before all else take over packed runs"
    )
    parser.add_argument("--check", action="store_true", help="run again, compare with the reference results")
    parser.add_argument("--seeds", type=int, help="at most so many seeds of each arm in each regime")
    parser.add_argument("--output", type=Path, help="the suite's folder [runs/reproduce/SUITE, ...-check]")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    parser.add_argument(
        "--write-reference",
        action="store_true",
        help="keep the results as reference and in the pages that show them",
    )
    return parser


def check_flags(arguments: argparse.Namespace) -> None:
    """Refuse flags that do not go together.

    Raises:
        UserError: naming one of them.
    """
    ways = [f"--{way.replace('_', '-')}" for way in WAYS if getattr(arguments, way) not in (False, None)]
    if len(ways) > 1:
        raise UserError(f"{ways[1]}: found beside {ways[0]}, expected one of them")
    if arguments.seeds is not None and arguments.seeds < 1:
        raise UserError(f"--seeds: found {arguments.seeds}, expected 1 or more")
    if arguments.unpack is not None and arguments.check:
        raise UserError("--unpack: found beside --check, which runs again what was packed")
    if not arguments.write_reference:
        return
    if arguments.seeds is not None:
        raise UserError("--write-reference: found beside --seeds, expected the results of all seeds")
    if ways and ways[0] != "--report-only":
        raise UserError(f"--write-reference: found beside {ways[0]}, which makes no report")

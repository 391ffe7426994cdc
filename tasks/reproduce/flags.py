"""Which flags of reproduce.py go together."""

import argparse

from common.errors import UserError

WAYS = ("list", "dry_run", "report_only", "cell", "pack")


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

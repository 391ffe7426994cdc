"""Download a public data set from its home, verify it, and leave it where training reads it."""

from common import runtime

runtime.prepare()

import argparse  # noqa: E402
import re  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Optional  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

from common.errors import ArgumentParser, UserError, run_command  # noqa: E402
from common.reporting.tables import text_table  # noqa: E402
from tasks import public_data, runs  # noqa: E402


def main() -> None:
    """Show the terms; download what is missing once they are accepted."""
    arguments = parse_arguments()
    if arguments.list:
        rows = [[one.name, str(one.files), megabytes(one.size), one.licence] for one in public_data.ALL]
        print(text_table(["name", "files", "size", "licence"], rows))
        return
    chosen = public_data.find(arguments.name)
    commit = check_commit(arguments.commit)
    mirror = check_mirror(arguments.mirror)
    root = runs.data_root(arguments.data_root)
    print(f"{chosen.name}: https://github.com/{chosen.repository}", *chosen.terms, sep="\n  ", flush=True)
    missing = chosen.missing(root)
    if not missing:
        print(f"already complete in {root / chosen.folder}, every file verified")
        return
    if not arguments.accept_licence:
        ask(chosen)
    print(f"from {chosen.address(commit, mirror)}", flush=True)
    chosen.install(missing, root, commit, mirror)
    print(f"{chosen.files} files, {megabytes(chosen.size)} in {root / chosen.folder}, every file verified")


def parse_arguments() -> argparse.Namespace:
    """The flags as given."""
    parser = ArgumentParser(description=__doc__)
    names = ", ".join(one.name for one in public_data.ALL)
    parser.add_argument("name", nargs="?", metavar="NAME", help=names)
    parser.add_argument("--list", action="store_true", help="show names, sizes and licences, and stop")
    parser.add_argument("--data-root", type=Path, help="folder of the data sets [$DATA_ROOT or data]")
    parser.add_argument("--accept-licence", action="store_true", help="accept the terms without being asked")
    parser.add_argument(
        "--mirror", metavar="URL", help="server that stands for scheme and host of the address"
    )
    parser.add_argument(
        "--commit", help="another commit of the home than the pinned one; the files stay the same"
    )
    return parser.parse_args()


def check_mirror(mirror: Optional[str]) -> Optional[str]:
    """A mirror's address without a slash at its end."""
    if mirror is None:
        return None
    try:
        parts = urlsplit(mirror)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UserError(f"--mirror: found {mirror!r}, expected an address such as https://mirror.example")
    return mirror.rstrip("/")


def check_commit(commit: Optional[str]) -> Optional[str]:
    """A commit, tag or branch as given, if it can be one."""
    if commit is not None and not re.fullmatch(r"[0-9A-Za-z][\w.-]*", commit, re.ASCII):
        raise UserError(f"--commit: found {commit!r}, expected a commit, tag or branch")
    return commit


def ask(chosen: public_data.PublicSet) -> None:
    """Go on at a yes, and at nothing else."""
    try:
        answer = input(f"Download {megabytes(chosen.size)} (unpacked) under these terms? [yes/no] ")
    except EOFError:
        print()
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise UserError(f"{chosen.name}: terms not accepted, expected yes or --accept-licence")


def megabytes(size: int) -> str:
    """Bytes as text."""
    return f"{size / 1e6:.1f} MB"


if __name__ == "__main__":
    run_command(main)

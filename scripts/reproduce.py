"""Run a suite of baseline and regularized recipes over seeds, and say which claims hold."""

from common import runtime

runtime.prepare()

from pathlib import Path  # noqa: E402

from common.errors import ArgumentParser, run_command  # noqa: E402
from tasks.reproduce.command import Reproduction  # noqa: E402


def main() -> None:
    """Parse the flags and do what they ask for."""
    parser = ArgumentParser(description=__doc__)
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
    Reproduction(parser.parse_args()).run()


if __name__ == "__main__":
    run_command(main)

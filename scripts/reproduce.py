"""Run a suite of baseline and regularized recipes over seeds, and say which claims hold."""

from common import runtime

runtime.prepare()

from common.errors import run_command  # noqa: E402
from tasks.reproduce.command import Reproduction  # noqa: E402
from tasks.reproduce.flags import flags_parser  # noqa: E402


def main() -> None:
    """Parse the flags and do what they ask for."""
    Reproduction(flags_parser(__doc__).parse_args()).run()


if __name__ == "__main__":
    run_command(main)

"""Mistakes of the user, and how a command answers them."""

import argparse
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# What the system says of a disk that takes no more.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class UserError(Exception):
    """The user's input is wrong; the message is one line: where, what was found, what was expected."""


class Interrupted(Exception):
    """Training was asked to stop and has saved its state."""


@contextlib.contextmanager
def refused_writing(place: Path) -> Iterator[None]:
    """Turn what the operating system refuses (no space, no permission) into a :class:`UserError`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{error.filename or place}: cannot be written: {error.strerror or error}") from None


class ArgumentParser(argparse.ArgumentParser):
    """argparse's parser, with mistakes answered as everywhere else: one line, no usage."""

    def __init__(self, **arguments):
        super().__init__(allow_abbrev=False, **arguments)

    def flags(self) -> list[str]:
        """Every flag that the parser knows, such as ``--run-dir``."""
        return [flag for action in self._actions for flag in action.option_strings]

    def error(self, message: str) -> None:
        """Raise the message as a :class:`UserError`."""
        raise UserError(f"{message} (see --help)")


def run_command(main: Callable[[], None]) -> None:
    """Run a command and leave with the exit code that the README promises.

    0 done, 2 the user's input is wrong (one line on stderr), 130 interrupted by SIGINT or SIGTERM;
    anything else is a defect, shows its traceback and exits with 1.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        main()
    except UserError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever read standard output, such as head, has seen enough; Python would complain when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (PermissionError, NotADirectoryError, IsADirectoryError) as error:
        # A place that the user named and that cannot hold what the command writes.
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if error.errno not in FULL:
            raise
        print(f"error: {error.filename or 'a file'}: cannot be written: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    except Interrupted as error:
        print(f"interrupted: {error}", file=sys.stderr)
        sys.exit(130)
    except KeyboardInterrupt as error:
        print(" ".join(["interrupted", *error.args]), file=sys.stderr)
        sys.exit(130)


def _interrupt(number: int, _frame) -> None:
    raise KeyboardInterrupt(f"by {signal.Signals(number).name}")

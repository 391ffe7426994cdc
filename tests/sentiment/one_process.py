"""Runs commands one after another in one process; started by ``test_bad_inputs.py``, not imported.

On standard input are [[script, [argument, ...]], ...]; on standard output is what each answered, in
order: exit code, both streams, and whether Paddle is imported by then.
"""

import contextlib
import io
import json
import runpy
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from common.errors import run_command

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def answer(main: Callable[[], None], script: str, arguments: list[str]) -> dict:
    """What a command answers that is started with these arguments."""
    sys.argv = [script, *arguments]
    code, printed, complained = 0, io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complained):
        try:
            run_command(main)
        except SystemExit as leaving:
            code = leaving.code
        except Exception:
            code = 1
            traceback.print_exc()
    streams = {"stdout": printed.getvalue(), "stderr": complained.getvalue()}
    return {"code": code, **streams, "paddle": "paddle" in sys.modules}


if __name__ == "__main__":
    calls = json.load(sys.stdin)
    # Read once, since a script prepares the process, which is too late once Paddle is imported.
    scripts = {script: runpy.run_path(str(SCRIPTS / script)) for script, _ in calls}
    json.dump([answer(scripts[script]["main"], script, arguments) for script, arguments in calls], sys.stdout)

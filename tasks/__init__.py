"""The tasks by name; each is loaded only when it is asked for."""

import importlib
import importlib.util
from types import ModuleType
from typing import Any

from common import runtime
from common.errors import UserError

NAMES = ("sentiment", "pcb")


def load(name: Any, part: str) -> ModuleType:
    """Module ``part`` of the task ``name``: ``config`` and ``data`` work without Paddle, ``task`` needs it.

    Raises:
        UserError: no such task, or it does not have the part.
    """
    if name not in NAMES:
        raise UserError(f"task: found {name!r}, expected {' or '.join(NAMES)}")
    if importlib.util.find_spec(f"tasks.{name}.{part}") is None:
        raise UserError(f"task: found {name}, for which {part} is not there yet")
    with runtime.importing_paddle():
        return importlib.import_module(f"tasks.{name}.{part}")

"""The tasks by name; each is loaded only when it is asked for."""

import importlib
from types import ModuleType
from typing import Any

from common import runtime
from common.errors import UserError

NAMES = ("sentiment", "pcb")


def load(name: Any, part: str) -> ModuleType:
    """Module ``part`` of the task ``name``: ``config`` and ``data`` work without Paddle, ``task`` needs it.

    Raises:
        UserError: no such task.
    """
    if name not in NAMES:
        raise UserError(f"task: found {name!r}, expected {' or '.join(NAMES)}")
    with runtime.without_known_noise():
        return importlib.import_module(f"tasks.{name}.{part}")

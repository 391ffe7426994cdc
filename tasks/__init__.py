"""The tasks by name; each is loaded only when it is asked for."""

import importlib
import importlib.util
from types import ModuleType
from typing import Any

from common import runtime
from common.errors import UserError

PACKAGES = {
    "sentiment": "tasks.sentiment",
    "pcb": "tasks.pcb",
    "sentiment_pretraining": "tasks.sentiment.pretraining",
}


def load(name: Any, part: str) -> ModuleType:
    """Module ``part`` of the task ``name``: ``config`` and ``data`` work without Paddle, ``task`` needs it.

    Raises:
        UserError: no such task, or it does not have the part.
    """
    if name not in PACKAGES:
        raise UserError(f"task: found {name!r}, expected one of {', '.join(PACKAGES)}")
    module = f"{PACKAGES[name]}.{part}"
    if importlib.util.find_spec(module) is None:
        raise UserError(f"task: found {name}, for which {part} is not there yet")
    with runtime.importing_paddle():
        return importlib.import_module(module)

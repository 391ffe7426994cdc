"""JSON files that hold an object."""

import json
from pathlib import Path
from typing import Any

from common.errors import UserError


def read_object(path: Path, field: str = "") -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        field: of the configuration, by which the file was named; messages begin with it.

    Raises:
        UserError: no such file, not JSON, or something else than an object.
    """
    place = f"{field}: {path}" if field else str(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{place}: no such file") from None
    except OSError as error:
        raise UserError(f"{place}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{place}: is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{place}: found {type(found).__name__}, expected an object")
    return found

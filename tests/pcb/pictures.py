"""Picture files for tests, and what was predicted of them."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np


def write_picture(file: Path, pixels: np.ndarray) -> None:
    """A picture under any name, in the format of its suffix."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(cv2.imencode(file.suffix, pixels)[1].tobytes())


def pictures_of(folder: Path) -> list[dict[str, Any]]:
    """What ``predictions.json`` in a folder says of each picture."""
    return json.loads((folder / "predictions.json").read_text(encoding="utf-8"))["pictures"]

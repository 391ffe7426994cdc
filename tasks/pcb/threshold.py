"""The score threshold that validation has chosen, kept with the run for the weights it was chosen for."""

import hashlib
import json
from pathlib import Path
from typing import Any, Optional

from common.json_file import read_object
from common.training.run_folder import write_text

FILE = "threshold.json"


def keep_threshold(assets: Path, threshold: float, weights: str) -> None:
    """Write the threshold beside the hash of its weights."""
    values = {"threshold": threshold, "weights_sha256": weights}
    write_text(assets / FILE, json.dumps(values, indent=2) + "\n")


def kept_threshold(assets: Path, weights: str) -> Optional[float]:
    """The threshold that was kept, None where none was or other weights have chosen it."""
    kept = read_object(assets / FILE) if (assets / FILE).is_file() else {}
    return kept["threshold"] if kept.get("weights_sha256") == weights else None


def hash_weights(model: Any) -> str:
    """SHA-256 over names and values of a model's parameters and statistics."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()

"""Training from given weights as a user does: what is recorded of them, and that a run outlives them."""

import json
import shutil
from hashlib import sha256

from tests.sentiment.encoder_folders import hugging_face_folder


def test_weights_are_recorded_by_hash_and_not_needed_to_resume(tmp_path, command):
    weights, run = tmp_path / "weights", tmp_path / "run"
    hugging_face_folder(weights, "bert")
    flags = ["--model.weights", weights, "--train.steps", 1, "--data.max_length", 16, "--run-dir", run]
    base = ["--config", "configs/quickstart/sentiment-baseline.yaml"]
    done = command("train.py", *base, *flags)
    assert done.returncode == 0, done.stderr
    file = weights / "model.safetensors"
    assert json.loads((run / "environment.json").read_text())["weights"] == {
        "file": str(file),
        "sha256": sha256(file.read_bytes()).hexdigest(),
        "revision": None,
        "pooler": True,
    }
    shutil.rmtree(weights)
    done = command("train.py", "--run-dir", run, "--resume")
    assert done.returncode == 0, done.stderr

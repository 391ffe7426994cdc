"""Several processes compute what one computes."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from tests.conftest import ROOT

RUN = [
    "--config tests/sentiment/small.yaml --train.steps 10 --train.batch_size 16",
    "--model.encoder_dropout 0 --model.layers 1 --model.hidden_size 32 --data.train_size 160",
]


def train(folder, processes: int, *flags: str) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    launch = ["-m", "paddle.distributed.launch", "--nproc_per_node", str(processes), "--backend", "gloo"]
    launch += ["--log_dir", str(folder / "log")]
    script = [
        str(ROOT / "scripts" / "train.py"),
        *" ".join(RUN).split(),
        "--run-dir",
        str(folder / "run"),
        *flags,
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *(launch if processes > 1 else []), *script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, env=environment)
    logs = "".join(file.read_text() for file in (folder / "log").glob("workerlog.*"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    weights = load_file(str(folder / "run/checkpoints/last.safetensors"))
    model = {name: array for name, array in weights.items() if name.startswith("model/")}
    return model, pd.read_csv(folder / "run/history.csv")


@pytest.fixture(scope="module")
def with_sgd(tmp_path_factory):
    flags = ["--optim.name", "sgd", "--optim.learning_rate", "0.1"]
    return [train(tmp_path_factory.mktemp(f"sgd{n}"), n, *flags) for n in (1, 2)]


def test_with_sgd_the_weights_after_ten_updates_agree(with_sgd):
    (one, _), (two, _) = with_sgd
    # A sum over 16 gradients in another order: float32 rounding, far below a step's 1e-3.
    assert max(np.abs(one[name] - two[name]).max() for name in one) < 1e-5


def test_with_sgd_the_training_loss_is_the_mean_over_all_processes(with_sgd):
    (_, one), (_, two) = with_sgd
    assert one["train_loss"].to_numpy() == pytest.approx(two["train_loss"].to_numpy(), abs=1e-5)
    assert one["step"].tolist() == two["step"].tolist() == [10]


def test_with_adamw_the_losses_agree(tmp_path):
    # Adam divides by the size of the gradient, so that rounding can turn an update around.
    (_, one), (_, two) = (train(tmp_path / str(n), n) for n in (1, 2))
    assert one["train_loss"].to_numpy() == pytest.approx(two["train_loss"].to_numpy(), abs=1e-4)
    assert one["validation_loss"].to_numpy() == pytest.approx(two["validation_loss"].to_numpy(), abs=1e-4)


@pytest.mark.slow
def test_processes_wait_for_one_that_evaluates_longer_than_gloo_would(tmp_path):
    script = tmp_path / "wait.py"
    script.write_text(
        "import time, paddle\n"
        "from common.training.device import any_process, rank, wait_for_all\n"
        "paddle.distributed.init_parallel_env()\n"
        "time.sleep(35 * (rank() == 0))\n"
        "wait_for_all()\n"
        "assert any_process(rank() == 1)\n"
    )
    launch = [sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo"]
    command = [*launch, "--log_dir", str(tmp_path / "log"), str(script)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, env=environment)
    logs = "".join(file.read_text() for file in (tmp_path / "log").glob("workerlog.*"))
    assert done.returncode == 0, done.stdout + done.stderr + logs

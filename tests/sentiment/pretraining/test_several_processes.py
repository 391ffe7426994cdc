"""Several processes share the batches of a pretraining run."""

import os
import random
import subprocess
import sys

import pandas as pd

from tests.conftest import ROOT

# But for a tenth held out, ten batches of eight, and one text behind them that two cannot share.
TEXTS = 90
RUN = [
    "--config configs/sentiment/pretrain.yaml --data.stages [{corpora:[own.txt]}] --data.decontaminate []",
    "--data.vocabulary_size 300 --data.tokens_per_batch 80 --train.updates_per_epoch 5",
    "--model.layers 1 --model.hidden_size 32 --model.heads 2",
    "--objective rtd --generator.layers 1 --generator.hidden_size 16",
]


def test_two_processes_detect_replaced_tokens_to_the_end_of_a_pass_and_keep_the_encoder(tmp_path):
    draw = random.Random(0)
    lines = ["".join(draw.choices("手机质量很好用物流快客服不错价格低", k=8)) for _ in range(TEXTS)]
    assert len(set(lines)) == TEXTS
    (tmp_path / "own.txt").write_text("\n".join(lines), encoding="utf-8")
    launch = ["-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo"]
    folders = ["--data-root", tmp_path, "--data.cache", tmp_path / "cache", "--run-dir", tmp_path / "run"]
    command = [sys.executable, *launch, "--log_dir", tmp_path / "log", ROOT / "scripts/pretrain.py"]
    done = subprocess.run(
        [*map(str, command), *" ".join(RUN).split(), *map(str, folders)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    logs = "".join(file.read_text() for file in (tmp_path / "log").glob("workerlog.*"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    history = pd.read_csv(tmp_path / "run/history.csv")
    assert history["step"].tolist() == [5, 10]
    assert history["train_loss"].iloc[1] < history["train_loss"].iloc[0]
    assert (tmp_path / "run/encoder/model.safetensors").is_file()

"""The command that converts weights, as a user runs it."""

import pickle
import shutil

import paddle
import pytest
from safetensors.numpy import load_file

from tasks.sentiment.weights import load_encoder
from tests.sentiment.encoder_folders import FAMILIES, new_encoder, write_vocabulary

BASE = ["--config", "configs/quickstart/sentiment-baseline.yaml"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_of_pickles_is_refused_converted_and_loaded(tmp_path, command, family):
    folder = tmp_path / "pickled"
    written = new_encoder(family)
    written.save_pretrained(str(folder), safe_serialization=False)
    write_vocabulary(folder)
    run = ["--run-dir", tmp_path / "run", "--data.max_length", 60]
    done = command("train.py", *BASE, *run, "--model.weights", folder)
    assert done.returncode == 2
    assert f"scripts/convert_weights.py {folder / 'model_state.pdparams'} --output FOLDER" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "run").exists()

    done = command("convert_weights.py", folder / "model_state.pdparams", "--output", tmp_path / "safe")
    assert done.returncode == 0, done.stderr
    assert "weights of Paddle" in done.stdout and "copied from" in done.stdout
    shutil.rmtree(folder)
    loaded, tokenizer = load_encoder(str(tmp_path / "safe"), tmp_path / "assets", 60)
    loaded.eval()
    ids = paddle.to_tensor([tokenizer("手机很好")["input_ids"]])
    assert loaded(ids)[1].numpy() == pytest.approx(written(ids)[1].numpy(), abs=1e-6)


def test_a_detector_of_paddle_is_converted(tmp_path, command):
    layer = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3), paddle.nn.BatchNorm2D(4))
    paddle.save(layer.state_dict(), str(tmp_path / "yolo.pdparams"))
    done = command("convert_weights.py", tmp_path / "yolo.pdparams", "--output", tmp_path / "safe")
    assert done.returncode == 0, done.stderr
    found = load_file(str(tmp_path / "safe/model.safetensors"))
    assert set(found) == set(layer.state_dict())
    assert all((found[name] == value.numpy()).all() for name, value in layer.state_dict().items())


class Malicious:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return eval, (f"open({str(self.mark)!r}, 'w')",)


def test_a_malicious_file_is_one_line_and_is_not_run(tmp_path, command):
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps({"weight": Malicious(tmp_path / "mark")}))
    done = command("convert_weights.py", tmp_path / "a.pdparams", "--output", tmp_path / "safe")
    assert done.returncode == 2
    assert "found 'builtins.eval' in the pickle, expected nothing but arrays" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "mark").exists() and not (tmp_path / "safe").exists()


def test_flags_that_are_missing_are_one_line(command):
    done = command("convert_weights.py", "a.bin")
    assert done.returncode == 2 and "--output" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert command("convert_weights.py", "--help").returncode == 0

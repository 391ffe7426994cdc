"""Encoders from folders: every family loads exactly; test_bad_inputs.py has what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import paddle
import pytest

from common.errors import UserError
from common.training.checkpoint import load_checkpoint
from common.training.run_folder import RunFolder
from tasks.sentiment.data import read_data
from tasks.sentiment.encoder_folder import check_weights
from tasks.sentiment.task import Task
from tasks.sentiment.weights import described_encoder, load_encoder
from tests.sentiment.encoder_folders import (
    FAMILIES,
    TEXTS,
    change_config,
    change_weights,
    hugging_face_folder,
    new_encoder,
    paddle_folder,
    write_as_bfloat16,
)
from tests.small_runs import small_config, small_trainer


def bare_hugging_face_folder(folder, family):
    return hugging_face_folder(folder, family, prefixed=False)


def outputs(encoder, tokenizer) -> list[np.ndarray]:
    encoder.eval()
    ids = paddle.to_tensor(np.array([tokenizer(TEXTS[0])["input_ids"]]))
    return [output.numpy() for output in encoder(ids)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("make", [paddle_folder, hugging_face_folder, bare_hugging_face_folder])
def test_weights_of_every_family_and_kind_of_folder_load_as_they_are(tmp_path, make, family):
    written = make(tmp_path / "weights", family)
    before = {file.name: file.read_bytes() for file in (tmp_path / "weights").iterdir()}
    loaded, tokenizer = load_encoder(str(tmp_path / "weights"), tmp_path / "assets", 60)
    assert type(loaded) is type(written)
    for found, expected in zip(outputs(loaded, tokenizer), outputs(written, tokenizer)):
        assert found == pytest.approx(expected, abs=1e-5)
    assert {file.name: file.read_bytes() for file in (tmp_path / "weights").iterdir()} == before


@pytest.mark.parametrize("family", FAMILIES)
def test_a_run_needs_the_folder_of_its_weights_no_more(tmp_path, family):
    hugging_face_folder(tmp_path / "weights", family)
    overrides = {"model": {"weights": str(tmp_path / "weights")}, "train": {"epochs": 1}}
    trainer = small_trainer(tmp_path / "run", overrides)
    trainer.run(resume=False)
    run = RunFolder(tmp_path / "run")
    shutil.rmtree(tmp_path / "weights")
    config = small_config(overrides)
    task = Task(config, read_data(config, Path()), run.assets, trained=True)
    load_checkpoint(run.best, task.model)
    load_checkpoint(run.best, trainer.task.model)
    task.model.eval()
    assert task.evaluate() == trainer.task.evaluate()


def test_a_run_of_byte_pairs_counts_positions_from_behind_the_pad_token(tmp_path):
    alphabet = [chr(n) for n in range(ord("!"), ord("~") + 1)]
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *alphabet, "go", "Ġ", "<mask>"]
    folder = tmp_path / "weights"
    written = hugging_face_folder(folder, "roberta", vocab_size=len(tokens), pad_token_id=1)
    (folder / "vocab.txt").unlink()
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\ng o\n")
    with pytest.raises(UserError, match="data.max_length: found 63, expected at most 62"):
        check_weights(str(folder), 63)
    loaded, tokenizer = load_encoder(str(folder), tmp_path / "assets", 62)
    ids = tokenizer("good" * 60, max_length=62, truncation=True)["input_ids"]
    assert len(ids) == 62 and tokenizer("good")["input_ids"] == [0, tokens.index("go"), 82, 71, 2]
    loaded.eval()
    assert loaded(paddle.to_tensor([ids]))[0].numpy() == pytest.approx(
        written(paddle.to_tensor([ids]))[0].numpy(), abs=1e-5
    )


def test_a_folder_wins_over_the_hub_name_that_it_is_called_by(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = paddle_folder(Path("bert-base-chinese"), "bert")
    loaded, tokenizer = load_encoder("bert-base-chinese", Path("assets"), 60)
    assert outputs(loaded, tokenizer)[0] == pytest.approx(outputs(written, tokenizer)[0], abs=1e-5)


def test_names_of_the_first_bert_and_half_precision_load_as_float32(tmp_path):
    written = hugging_face_folder(tmp_path, "bert")

    def old(tensors):
        names = {
            name: name.replace("Norm.weight", "Norm.gamma").replace("Norm.bias", "Norm.beta")
            for name in tensors
        }
        return {names[name]: array.astype(np.float16) for name, array in tensors.items()}

    change_weights(tmp_path, old)
    loaded, tokenizer = load_encoder(str(tmp_path), tmp_path / "assets", 60)
    assert {parameter.dtype for parameter in loaded.parameters()} == {paddle.float32}
    assert outputs(loaded, tokenizer)[0] == pytest.approx(outputs(written, tokenizer)[0], abs=0.02)


def test_bfloat16_loads_as_float32(tmp_path):
    written = hugging_face_folder(tmp_path, "ernie")
    write_as_bfloat16(tmp_path)
    loaded, _ = load_encoder(str(tmp_path), tmp_path / "assets", 60)
    for name, tensor in loaded.state_dict().items():
        expected = written.state_dict()[name].numpy()
        assert tensor.dtype == paddle.float32
        assert (tensor.numpy() == (expected.view(np.uint32) >> 16 << 16).view(np.float32)).all()


def test_a_missing_pooler_is_said(tmp_path, capsys):
    hugging_face_folder(tmp_path, "roberta")
    change_weights(tmp_path, lambda tensors: {n: a for n, a in tensors.items() if "pooler" not in n})
    load_encoder(str(tmp_path), tmp_path / "assets", 60)
    assert "has no pooler" in capsys.readouterr().out
    load_encoder(str(tmp_path), tmp_path / "assets", 60, pooler_read=False)
    assert "pooler" not in capsys.readouterr().out


def test_layers_beyond_the_configured_ones_are_said(tmp_path, capsys):
    hugging_face_folder(tmp_path, "bert")
    change_config(tmp_path, num_hidden_layers=1)
    load_encoder(str(tmp_path), tmp_path / "assets", 60)
    said = capsys.readouterr().out
    assert "16 weights have no place in the configured encoder, such as bert.encoder.layer.1." in said


@pytest.mark.parametrize("name", ["../weights", "/no/folder", "~/bert", "a/b/c", "bert base"])
def test_what_is_neither_a_folder_nor_a_hub_name_is_refused(name):
    with pytest.raises(UserError, match="no such folder"):
        check_weights(name, 60)


def test_a_folder_of_an_old_paddlenlp_is_understood(tmp_path):
    written = paddle_folder(tmp_path, "ernie")
    config = json.loads((tmp_path / "config.json").read_text())
    kept = {name: config[name] for name in config if name not in ("architectures", "model_type")}
    old = {"init_args": [{**kept, "init_class": "ErnieModel"}], "init_class": "ErnieForPretraining"}
    (tmp_path / "config.json").unlink()
    (tmp_path / "model_config.json").write_text(json.dumps(old))
    loaded, tokenizer = load_encoder(str(tmp_path), tmp_path / "assets", 60)
    assert outputs(loaded, tokenizer)[1] == pytest.approx(outputs(written, tokenizer)[1], abs=1e-5)


def test_the_description_of_a_run_builds_the_same_encoder_and_tokens(tmp_path):
    hugging_face_folder(tmp_path / "weights", "roberta")
    _, tokenizer = load_encoder(str(tmp_path / "weights"), tmp_path / "assets", 60)
    encoder, again = described_encoder(tmp_path / "assets")
    assert type(encoder) is type(new_encoder("roberta"))
    assert again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]
    assert {file.name for file in (tmp_path / "assets").iterdir()} == {
        "config.json",
        "tokenizer_config.json",
        "vocab.txt",
        "weights.json",
    }

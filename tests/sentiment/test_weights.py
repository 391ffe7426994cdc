"""Encoders from folders: both formats load exactly, and nothing stays at random unsaid."""

import json

import numpy as np
import paddle
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from common.errors import UserError
from tasks.sentiment.bert_folder import check_bert_folder
from tasks.sentiment.config import Model
from tasks.sentiment.model import new_encoder
from tasks.sentiment.vocabulary import build_vocabulary
from tasks.sentiment.weights import load_encoder

SMALL = Model(layers=2, hidden_size=32, heads=2)
TEXTS = ["这个手机真的很好用！", "质量差，不推荐"]


def hugging_face_folder(folder, prefix="bert."):
    """A BERT folder as Hugging Face writes it, made from a Paddle encoder: linear weights transposed."""
    encoder = new_encoder(SMALL, len(build_vocabulary(TEXTS)))
    tensors = {}
    for name, tensor in encoder.state_dict().items():
        array = tensor.numpy()
        linear = name.endswith("weight") and array.ndim == 2 and "embeddings" not in name
        tensors[f"{prefix}{hugging_face_name(name)}"] = np.ascontiguousarray(array.T if linear else array)
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    config = {
        "architectures": ["BertForMaskedLM"],
        "model_type": "bert",
        "vocab_size": len(build_vocabulary(TEXTS)),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 128,
        "max_position_embeddings": 512,
        "type_vocab_size": encoder.config.type_vocab_size,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "vocab.txt").write_text("\n".join(build_vocabulary(TEXTS)) + "\n", encoding="utf-8")
    return encoder


def hugging_face_name(name: str) -> str:
    for ours, theirs in (
        ("embeddings.layer_norm", "embeddings.LayerNorm"),
        ("encoder.layers.", "encoder.layer."),
        ("self_attn.q_proj", "attention.self.query"),
        ("self_attn.k_proj", "attention.self.key"),
        ("self_attn.v_proj", "attention.self.value"),
        ("self_attn.out_proj", "attention.output.dense"),
        ("linear1", "intermediate.dense"),
        ("linear2", "output.dense"),
        ("norm1", "attention.output.LayerNorm"),
        ("norm2", "output.LayerNorm"),
    ):
        name = name.replace(ours, theirs)
    return name


def paddle_folder(folder):
    encoder = new_encoder(SMALL, len(build_vocabulary(TEXTS)))
    encoder.save_pretrained(str(folder), safe_serialization=True)
    (folder / "vocab.txt").write_text("\n".join(build_vocabulary(TEXTS)) + "\n", encoding="utf-8")
    return encoder


def hugging_face_folder_of_the_bare_encoder(folder):
    return hugging_face_folder(folder, prefix="")


@pytest.mark.parametrize(
    "make", [hugging_face_folder, hugging_face_folder_of_the_bare_encoder, paddle_folder]
)
def test_weights_of_both_kinds_of_folder_load_as_they_are(tmp_path, make):
    written = make(tmp_path)
    loaded, tokenizer = load_encoder(tmp_path)
    written.eval()
    loaded.eval()
    ids = paddle.to_tensor(np.array([tokenizer(TEXTS[0])["input_ids"]]))
    assert loaded(ids)[0].numpy() == pytest.approx(written(ids)[0].numpy(), abs=1e-5)


def test_a_folder_that_cannot_start_a_run_is_refused_before_it_is_loaded(tmp_path):
    paddle_folder(tmp_path)
    check_bert_folder(tmp_path, max_length=128)
    with pytest.raises(UserError, match="data.max_length: found 513, expected at most 512"):
        check_bert_folder(tmp_path, max_length=513)
    (tmp_path / "vocab.txt").write_text("\n".join(f"token{i}" for i in range(100)))
    with pytest.raises(UserError, match="found 100 tokens, expected at most"):
        check_bert_folder(tmp_path, max_length=128)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(UserError, match="is broken|cannot be read"):
        check_bert_folder(tmp_path, max_length=128)
    (tmp_path / "model.safetensors").rename(tmp_path / "model_state.pdparams")
    with pytest.raises(UserError, match="has no model.safetensors"):
        check_bert_folder(tmp_path, max_length=128)


def test_damaged_weights_are_refused(tmp_path):
    paddle_folder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserError, match="is damaged"):
        load_encoder(tmp_path)


def test_a_missing_weight_is_refused_instead_of_left_at_random(tmp_path):
    hugging_face_folder(tmp_path)
    with safe_open(str(tmp_path / "model.safetensors"), framework="numpy") as file:
        kept = {name: file.get_tensor(name) for name in file.keys() if "layer.1.output" not in name}  # noqa: SIM118
    save_file(kept, str(tmp_path / "model.safetensors"), metadata={"format": "pt"})
    with pytest.raises(UserError, match="found no bert.encoder.layer.1.output.dense.weight"):
        load_encoder(tmp_path)


def test_a_missing_pooler_is_said(tmp_path, capsys):
    hugging_face_folder(tmp_path)
    with safe_open(str(tmp_path / "model.safetensors"), framework="numpy") as file:
        kept = {name: file.get_tensor(name) for name in file.keys() if "pooler" not in name}  # noqa: SIM118
    save_file(kept, str(tmp_path / "model.safetensors"), metadata={"format": "pt"})
    load_encoder(tmp_path)
    assert "has no pooler" in capsys.readouterr().out


def test_weights_of_another_shape_than_the_configuration_are_refused(tmp_path):
    hugging_face_folder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 9}))
    with pytest.raises(UserError, match="word_embeddings.weight receives a shape"):
        load_encoder(tmp_path)

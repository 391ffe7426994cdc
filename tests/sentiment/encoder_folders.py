"""Folders of small encoders, as PaddleNLP and as Hugging Face write them."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import paddle
from paddlenlp.transformers import (
    BertConfig,
    BertModel,
    ErnieConfig,
    ErnieModel,
    RobertaConfig,
    RobertaModel,
)
from safetensors.numpy import load_file, save_file

from tasks.sentiment.vocabulary import build_vocabulary

TEXTS = ["这个手机真的很好用！", "质量差，不推荐"]
CLASSES = {
    "bert": (BertConfig, BertModel),
    "roberta": (RobertaConfig, RobertaModel),
    "ernie": (ErnieConfig, ErnieModel),
}
FAMILIES = tuple(CLASSES)
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "initializer_range": 0.2,
}


def new_encoder(family: str, **overrides) -> paddle.nn.Layer:
    """A small encoder with random weights, in evaluation mode; an ERNIE with task embeddings."""
    config_class, model_class = CLASSES[family]
    task = {"use_task_id": True} if family == "ernie" else {}
    values = {"vocab_size": len(build_vocabulary(TEXTS)), "pad_token_id": 0, **SIZES, **task, **overrides}
    encoder = model_class(config_class(**values))
    encoder.eval()
    return encoder


def write_vocabulary(folder: Path) -> None:
    """A ``vocab.txt`` of the texts' characters."""
    (folder / "vocab.txt").write_text("\n".join(build_vocabulary(TEXTS)) + "\n", encoding="utf-8")


def paddle_folder(folder: Path, family: str) -> paddle.nn.Layer:
    """Write an encoder with PaddleNLP's own function; return it."""
    encoder = new_encoder(family)
    encoder.save_pretrained(str(folder), safe_serialization=True)
    write_vocabulary(folder)
    return encoder


def hugging_face_folder(folder: Path, family: str, prefixed: bool = True, **overrides) -> paddle.nn.Layer:
    """Write an encoder as Hugging Face does: its names, linear weights transposed, heads beside it."""
    encoder = new_encoder(family, **overrides)
    prefix = f"{family}." if prefixed else ""
    tensors = {"cls.predictions.bias": np.zeros(3, np.float32)} if prefixed else {}
    for name, tensor in encoder.state_dict().items():
        array = tensor.numpy()
        linear = name.endswith("weight") and array.ndim == 2 and "embeddings" not in name
        tensors[f"{prefix}{hugging_face_name(name)}"] = np.ascontiguousarray(array.T if linear else array)
    folder.mkdir(exist_ok=True)
    save_file(tensors, str(folder / "model.safetensors"), metadata={"format": "pt"})
    kind = {"bert": "BertForPreTraining", "roberta": "RobertaForMaskedLM", "ernie": "ErnieForMaskedLM"}
    config = {
        **SIZES,
        "architectures": [kind[family]],
        "model_type": family,
        "vocab_size": encoder.config.vocab_size,
        "pad_token_id": encoder.config.pad_token_id,
        "torch_dtype": "float16",
        "use_cache": True,
        "output_past": True,
        **({"use_task_id": True, "task_type_vocab_size": 3} if family == "ernie" else {}),
    }
    (folder / "config.json").write_text(json.dumps(config))
    write_vocabulary(folder)
    settings = {
        "do_lower_case": True,
        "tokenizer_class": "BertTokenizerFast",
        "vocab_file": "/home/a/vocab.txt",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return encoder


def hugging_face_name(name: str) -> str:
    """Torch's name of a weight."""
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


def change_config(folder: Path, **values) -> None:
    """Set fields of ``config.json``; None removes one."""
    config = {**json.loads((folder / "config.json").read_text()), **values}
    kept = {name: value for name, value in config.items() if value is not None}
    (folder / "config.json").write_text(json.dumps(kept))


def change_weights(folder: Path, change) -> None:
    """Replace the tensors {name: array} by what ``change`` makes of them."""
    file = folder / "model.safetensors"
    save_file(change(load_file(str(file))), str(file), metadata={"format": "pt"})


# What spoils a folder, as functions of it.
Spoil = Callable[[Path], object]


def without(name: str) -> Spoil:
    """A file is missing."""
    return lambda folder: (folder / name).unlink()


def pickled(name: str) -> Spoil:
    """The weights stand under the name of a pickle."""
    return lambda folder: (folder / "model.safetensors").rename(folder / name)


def vocabulary(text: str, encoding: str = "utf-8") -> Spoil:
    """Another text in ``vocab.txt``."""
    return lambda folder: (folder / "vocab.txt").write_text(text, encoding=encoding)


def config_text(text: str) -> Spoil:
    """Another text in ``config.json``."""
    return lambda folder: (folder / "config.json").write_text(text)


def fields(**values) -> Spoil:
    """Other fields in ``config.json``."""
    return lambda folder: change_config(folder, **values)


def weights(change) -> Spoil:
    """Other tensors."""
    return lambda folder: change_weights(folder, change)


def cut(folder: Path) -> None:
    """The end of the weights is missing."""
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-5])


def write_as_bfloat16(folder: Path) -> None:
    """Cut every number to bfloat16, in safetensors' own layout, since NumPy has no such type."""
    tensors = load_file(str(folder / "model.safetensors"))
    header, end = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "BF16", "shape": array.shape, "data_offsets": [end, end + 2 * array.size]}
        end += 2 * array.size
    text = json.dumps(header).encode()
    bits = b"".join((a.view(np.uint32) >> 16).astype(np.uint16).tobytes() for a in tensors.values())
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bits)

"""A pretrained encoder as a folder that this project, PaddleNLP and Hugging Face load."""

import json
import os
from pathlib import Path

import numpy as np
import paddle
from paddlenlp.transformers import BertModel
from safetensors.numpy import save_file

from common.training.run_folder import write_text
from common.weights_conversion import WEIGHTS
from tasks.sentiment.encoder_folder import ARCHITECTURE
from tasks.sentiment.pretraining.data import VOCABULARY
from tasks.sentiment.weights import torch_names

# As BERT was published; fine-tuning drops out whatever pretraining has done.
DROPOUT = 0.1
TOKENIZER = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}


def write_encoder(
    encoder: BertModel,
    heads: dict[str, np.ndarray],
    vocabulary: list[str],
    folder: Path,
    half_precision: bool,
    with_pooler: bool,
) -> None:
    """Configuration, vocabulary and weights, these at last, so that a folder that has them is complete.

    Args:
        heads: weights beside the encoder, by torch's names.
        vocabulary: the tokens, lower-cased.
        half_precision: float16 instead of float32.
        with_pooler: whether the encoder's pooler was ever trained.
    """
    names = torch_names(encoder)
    tensors = dict(heads)
    for name, tensor in encoder.state_dict().items():
        if name.startswith("pooler.") and not with_pooler:
            continue
        source, transposed = names[name]
        tensors[f"bert.{source}"] = tensor.numpy().T if transposed else tensor.numpy()
    number = np.float16 if half_precision else np.float32
    described = encoder.config.to_dict()
    config = {name: described[name] for name in ARCHITECTURE if described.get(name) is not None}
    config.update(
        model_type="bert",
        architectures=["BertForMaskedLM" if heads else "BertModel"],
        hidden_dropout_prob=DROPOUT,
        attention_probs_dropout_prob=DROPOUT,
        torch_dtype=np.dtype(number).name,
    )
    tokenizer = {**TOKENIZER, "model_max_length": config["max_position_embeddings"]}
    write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
    write_text(folder / "tokenizer_config.json", json.dumps(tokenizer, indent=2) + "\n")
    write_text(folder / VOCABULARY, "\n".join(vocabulary) + "\n")
    partial = folder / f"{WEIGHTS}.{os.getpid()}.partial"
    contiguous = {name: np.ascontiguousarray(array.astype(number)) for name, array in tensors.items()}
    save_file(contiguous, str(partial), metadata={"format": "pt"})
    os.replace(partial, folder / WEIGHTS)


def masked_language_head(head: paddle.nn.Layer) -> dict[str, np.ndarray]:
    """Weights of BERT's masked-language head by torch's names, those of its shared output layer left out."""
    return {
        "cls.predictions.transform.dense.weight": head.transform.weight.numpy().T,
        "cls.predictions.transform.dense.bias": head.transform.bias.numpy(),
        "cls.predictions.transform.LayerNorm.weight": head.layer_norm.weight.numpy(),
        "cls.predictions.transform.LayerNorm.bias": head.layer_norm.bias.numpy(),
        "cls.predictions.bias": head.bias.numpy(),
    }

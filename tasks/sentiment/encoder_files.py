"""An encoder as a folder in Hugging Face's layout, from which PaddleNLP and this project load it too."""

import json
from pathlib import Path

import numpy as np
import paddle
from safetensors.numpy import save_file

from common.training.run_folder import write_text
from common.weights_conversion import WEIGHTS
from tasks.sentiment.encoder_folder import ARCHITECTURE
from tasks.sentiment.weights import torch_names

TOKENIZER = {"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": None}


def write_encoder(encoder: paddle.nn.Layer, vocabulary: Path, folder: Path) -> None:
    """Configuration, vocabulary and weights of a BERT, these in half precision, without the pooler.

    Args:
        vocabulary: folder with the ``vocab.txt`` to copy.
        folder: made, or its files replaced; the weights come last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    described = encoder.config.to_dict()
    config = {name: described[name] for name in ARCHITECTURE if described.get(name) is not None}
    config.update(model_type="bert", architectures=["BertModel"], torch_dtype="float16")
    write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
    settings = {**TOKENIZER, "model_max_length": encoder.config.max_position_embeddings}
    write_text(folder / "tokenizer_config.json", json.dumps(settings, indent=2) + "\n")
    write_text(folder / "vocab.txt", (vocabulary / "vocab.txt").read_text(encoding="utf-8"))
    names, tensors = torch_names(encoder), {}
    for name, tensor in encoder.state_dict().items():
        if name.startswith("pooler."):
            continue
        source, transposed = names.get(name, (name, False))
        array = tensor.numpy().astype(np.float16)
        tensors[source] = np.ascontiguousarray(array.T if transposed else array)
    temporary = folder / f"{WEIGHTS}.partial"
    save_file(tensors, str(temporary), metadata={"format": "pt"})
    temporary.replace(folder / WEIGHTS)

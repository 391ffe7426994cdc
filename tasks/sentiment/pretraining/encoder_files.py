"""A pretrained encoder as a folder that this project, PaddleNLP and Hugging Face load."""

import json
from pathlib import Path

import numpy as np
import paddle
from paddlenlp.transformers import BertModel

from common.tensor_file import read_tensors, tensor_shapes, write_tensors
from common.training.run_folder import write_text
from common.weights_conversion import WEIGHTS
from tasks.sentiment.encoder_folder import ARCHITECTURE
from tasks.sentiment.pretraining.data import VOCABULARY, Data
from tasks.sentiment.pretraining.tokenizer_json import tokenizer_json
from tasks.sentiment.weights import old_name, torch_names

# As BERT was published; fine-tuning drops out whatever pretraining has done.
DROPOUT = 0.1
# For each weight of a masked-language head torch's name, and whether it is transposed there.
HEAD_NAMES = {
    "transform.weight": ("cls.predictions.transform.dense.weight", True),
    "transform.bias": ("cls.predictions.transform.dense.bias", False),
    "layer_norm.weight": ("cls.predictions.transform.LayerNorm.weight", False),
    "layer_norm.bias": ("cls.predictions.transform.LayerNorm.bias", False),
    "bias": ("cls.predictions.bias", False),
}


def write_encoder(
    encoder: BertModel,
    heads: dict[str, np.ndarray],
    data: Data,
    folder: Path,
    half_precision: bool,
    with_pooler: bool,
) -> None:
    """Configuration, vocabulary and weights, these at last, so that a folder that has them is complete.

    Args:
        heads: weights beside the encoder, by torch's names.
        data: whose tokens the encoder reads.
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
    tokenizer = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": data.counts()["lower_case"],
        "model_max_length": config["max_position_embeddings"],
    }
    write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
    write_text(folder / "tokenizer_config.json", json.dumps(tokenizer, indent=2) + "\n")
    fast = tokenizer_json(data.vocabulary, data.counts()["lower_case"])
    write_text(folder / "tokenizer.json", json.dumps(fast, ensure_ascii=False) + "\n")
    write_text(folder / VOCABULARY, "\n".join(data.vocabulary) + "\n")
    converted = {name: array.astype(number) for name, array in tensors.items()}
    write_tensors(folder / WEIGHTS, converted, {"format": "pt"})


def masked_language_head(head: paddle.nn.Layer) -> dict[str, np.ndarray]:
    """Weights of a masked-language head by torch's names; the output layer is the encoder's embeddings."""
    return {
        source: head.state_dict()[name].numpy().T if transposed else head.state_dict()[name].numpy()
        for name, (source, transposed) in HEAD_NAMES.items()
    }


def read_masked_language_head(file: Path, head: paddle.nn.Layer) -> None:
    """Fill a masked-language head from an encoder's weights, and say so where they have none that fits."""
    shapes = tensor_shapes(file)
    names = {
        name: (old_name(source) if old_name(source) in shapes else source, transposed)
        for name, (source, transposed) in HEAD_NAMES.items()
    }
    # The one weight that is transposed is square.
    if any(shapes.get(names[name][0]) != list(tensor.shape) for name, tensor in head.state_dict().items()):
        print(f"note: {file} has no head of a masked language model that fits; it starts at random")
        return
    arrays = read_tensors(file, [source for source, _ in names.values()])
    head.set_state_dict(
        {name: arrays[s].T.copy() if transposed else arrays[s] for name, (s, transposed) in names.items()}
    )

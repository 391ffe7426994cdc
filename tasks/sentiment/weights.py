"""Encoders from folders on disk; nothing is downloaded and nothing unpickled."""

from pathlib import Path

from paddlenlp.transformers import BertConfig, BertModel, BertTokenizer
from safetensors import SafetensorError, safe_open

from common.errors import UserError


def load_encoder(folder: Path) -> tuple[BertModel, BertTokenizer]:
    """Encoder and tokenizer of a PaddleNLP or Hugging Face BERT folder.

    Raises:
        UserError: a file is damaged, or a weight of the encoder is not in it.
    """
    file = folder / "model.safetensors"
    try:
        with safe_open(str(file), framework="numpy") as tensors:
            names = set(tensors.keys())
            from_torch = (tensors.metadata() or {}).get("format") == "pt"
    except SafetensorError as error:
        raise UserError(f"model.weights: {file} is damaged: {error}") from None
    config = BertConfig.from_pretrained(str(folder))
    # PaddleNLP derives the names it looks for from this field, and leaves what it does not
    # find at random values with no more than a warning.
    prefixed = any(name.startswith("bert.") for name in names)
    config.architectures = ["BertForPretraining" if prefixed else "BertModel"]
    _require_weights(file, names, config, from_torch)
    try:
        encoder = BertModel.from_pretrained(
            str(folder), config=config, convert_from_torch=from_torch, use_safetensors=True
        )
    except RuntimeError as error:
        raise UserError(f"model.weights: {file} does not fit {folder / 'config.json'}: {error}") from None
    return encoder, BertTokenizer.from_pretrained(str(folder))


def _require_weights(file: Path, names: set[str], config: BertConfig, from_torch: bool) -> None:
    mappings = BertModel._get_name_mappings(config)
    expected = [m.source_name if from_torch else m.target_name for m in mappings]
    missing = [name for name in expected if name not in names]
    for name in missing:
        if "pooler." not in name:
            raise UserError(f"model.weights: {file}: found no {name} ({len(missing)} missing), expected all")
    if missing:
        print(f"note: {file} has no pooler, as after masked-language-model training; it starts at random")

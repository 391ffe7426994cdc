"""Encoders of the BERT, RoBERTa and ERNIE families from folders; nothing is unpickled.

PaddleNLP's ``from_pretrained`` is not used for the weights. Of names as in torch it writes a pickle
into the user's folder, has no map for ERNIE, and leaves RoBERTa's pooler untransposed without a word;
what it does not find it leaves at random values.
"""

import json
from pathlib import Path
from typing import Any

import paddle
from paddlenlp.transformers import AutoConfig, AutoModel, AutoTokenizer, BertConfig, BertModel

from common.checksums import file_sha256
from common.errors import UserError
from common.tensor_file import read_tensors, tensor_shapes
from common.training.run_folder import ORIGIN, write_text
from tasks.sentiment.encoder_folder import WEIGHTS, local_folder, read_encoder_folder
from tasks.sentiment.hub import fetch, revision

WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"


def load_encoder(
    weights: str, assets: Path, max_length: int, pooler_read: bool = True
) -> tuple[paddle.nn.Layer, Any]:
    """Encoder, in float32, and tokenizer of a folder or of a hub's model.

    Args:
        weights: a folder, an encoder of the repository, else the name of a hub's model.
        assets: folder to which everything but the weights is copied, for :func:`described_encoder`,
            and in which ``weights.json`` tells where these came from and whether a pooler is among them.
        max_length: tokens of the longest text that the run will encode.
        pooler_read: whether the run reads the pooler, and so has to be told if the weights have none.

    Raises:
        UserError: no hub has the name, a file is missing or damaged, or weights, vocabulary and
            configuration do not fit each other.
    """
    folder = local_folder(weights) or fetch(weights)
    described = read_encoder_folder(folder, max_length)
    described.copy_description(assets)
    encoder, tokenizer = described_encoder(assets)
    _set_weights(encoder, folder / WEIGHTS, described.file, pooler_read)
    _write_origin(folder, assets)
    return encoder, tokenizer


def described_encoder(assets: Path) -> tuple[paddle.nn.Layer, Any]:
    """Encoder with random weights, and tokenizer, as the files in ``assets`` describe them.

    Raises:
        UserError: PaddleNLP cannot build what they describe.
    """
    # A relative folder called bert-base-chinese would be taken for the hub's model of that name.
    folder = str(assets.resolve())
    try:
        config = AutoConfig.from_pretrained(folder)
        return AutoModel.from_config(config), AutoTokenizer.from_pretrained(folder)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"model.weights: {folder}: PaddleNLP cannot build this encoder: {error}") from None


def _write_origin(folder: Path, assets: Path) -> None:
    # A path or a hub's name can hold other weights tomorrow.
    file = folder / WEIGHTS
    origin = {
        "file": str(file),
        "sha256": file_sha256(file),
        "revision": revision(folder),
        "pooler": any("pooler." in name for name in tensor_shapes(file)),
    }
    write_text(assets / ORIGIN, json.dumps(origin, indent=2) + "\n")


def _set_weights(encoder: paddle.nn.Layer, file: Path, config_file: Path, pooler_read: bool) -> None:
    shapes = tensor_shapes(file)
    sources = _sources(encoder, file, shapes, pooler_read)
    for name, tensor in encoder.state_dict().items():
        if name not in sources:
            continue
        source, transposed = sources[name]
        expected = list(tensor.shape)[::-1] if transposed else list(tensor.shape)
        if shapes[source] != expected:
            raise UserError(
                f"model.weights: {file}: {source}: found shape {shapes[source]}, expected {expected}, "
                f"as in {config_file}"
            )
    arrays = read_tensors(file, [source for source, _ in sources.values()])
    given = {
        name: arrays[s].T.copy() if transposed else arrays[s] for name, (s, transposed) in sources.items()
    }
    # With a pooler that the weights have not, too: Paddle warns of every name that is missing.
    encoder.set_state_dict({**encoder.state_dict(), **given})


def _sources(
    encoder: paddle.nn.Layer, file: Path, found: Any, pooler_read: bool
) -> dict[str, tuple[str, bool]]:
    """For each weight of the encoder its name in the file, and whether it is transposed there."""
    prefixes = [name[: -len(WORD_EMBEDDINGS)] for name in found if name.endswith(WORD_EMBEDDINGS)]
    if len(prefixes) != 1:
        raise UserError(f"model.weights: {file}: found {len(prefixes)} {WORD_EMBEDDINGS}, expected one")
    prefix = prefixes[0]
    from_torch = any(name.startswith(f"{prefix}encoder.layer.") for name in found)
    names = torch_names(encoder) if from_torch else {}
    sources, missing = {}, []
    for name in encoder.state_dict():
        source, transposed = names.get(name, (name, False))
        source = next((s for s in (source, old_name(source)) if prefix + s in found), source)
        if prefix + source in found:
            sources[name] = (prefix + source, transposed)
        else:
            missing.append(prefix + source)
    for name in missing:
        if "pooler." not in name:
            raise UserError(f"model.weights: {file}: found no {name} ({len(missing)} missing), expected all")
    if missing and pooler_read:
        print(f"note: {file} has no pooler, as after masked-language-model training; it starts at random")
    _say_unused(file, prefix, set(found) - {source for source, _ in sources.values()})
    return sources


def _say_unused(file: Path, prefix: str, unused: set[str]) -> None:
    parts = (f"{prefix}encoder.", f"{prefix}embeddings.")
    # Position numbers are constants; heads are for other tasks.
    named = sorted(name for name in unused if name.startswith(parts) and not name.endswith("position_ids"))
    if named:
        print(
            f"note: {file}: {len(named)} weights have no place in the configured encoder, such as {named[0]}"
        )


def torch_names(encoder: paddle.nn.Layer) -> dict[str, tuple[str, bool]]:
    """Torch's name for each of Paddle's, and whether the weight is transposed; one for all families."""
    config = BertConfig(num_hidden_layers=encoder.config.num_hidden_layers, architectures=["BertModel"])
    mappings = BertModel._get_name_mappings(config)
    return {m.target_name: (m.source_name, m.action == "transpose") for m in mappings}


def old_name(name: str) -> str:
    """Torch's name of a weight as BERT was first published, and as the best known files still have it."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")

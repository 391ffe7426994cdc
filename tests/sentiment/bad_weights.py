"""Folders of weights with one thing spoilt, and the line that answers each; for ``test_bad_inputs.py``.

Of each, a function that spoils a good folder, and the line, in which ``{folder}`` is the folder.
"""

import numpy as np

from tests.sentiment.encoder_folders import config_text, cut, fields, pickled, vocabulary, weights, without

PICKLE = (
    "model.weights: {folder} has no model.safetensors but FILE, a pickle, which is not opened; expected: "
)
PICKLE += "python scripts/convert_weights.py {folder}/FILE --output FOLDER"

# train.py --model.weights FOLDER, of which one thing is spoilt; answered before Paddle is imported.
WEIGHTS = {
    "no configuration": (
        without("config.json"),
        "model.weights: {folder} has no config.json; expected an encoder's folder",
    ),
    "no JSON": (config_text("{"), "model.weights: {folder}/config.json: is not JSON: ..."),
    "no object": (
        config_text("[1]"),
        "model.weights: {folder}/config.json: found list, expected an object",
    ),
    "no family": (
        fields(model_type=None, architectures=None),
        "model.weights: {folder}/config.json: found neither model_type nor architectures, expected one of "
        "bert, roberta, ernie",
    ),
    "another family": (
        fields(model_type="xlm-roberta"),
        "model.weights: {folder}/config.json: found xlm-roberta, expected one of bert, roberta, ernie",
    ),
    "another class": (
        fields(model_type=None, architectures=["ErnieMModel"]),
        "model.weights: {folder}/config.json: found ErnieMModel, expected one of bert, roberta, ernie",
    ),
    "a list for a family": (
        fields(model_type=["bert"]),
        "model.weights: {folder}/config.json: found ['bert'], expected one of bert, roberta, ernie",
    ),
    "a rate in words": (
        fields(hidden_dropout_prob="a"),
        "model.weights: {folder}/config.json: hidden_dropout_prob: found 'a', expected a number from 0",
    ),
    "a size in words": (
        fields(hidden_size="32"),
        "model.weights: {folder}/config.json: hidden_size: found '32', expected a whole number from 1",
    ),
    "no weights": (
        without("model.safetensors"),
        "model.weights: {folder} has no model.safetensors; expected an encoder's folder",
    ),
    "a pickle of Paddle": (pickled("model_state.pdparams"), PICKLE.replace("FILE", "model_state.pdparams")),
    "a pickle of torch": (pickled("pytorch_model.bin"), PICKLE.replace("FILE", "pytorch_model.bin")),
    "another pickle": (pickled("best.pt"), PICKLE.replace("FILE", "best.pt")),
    "a damaged file": (
        lambda f: (f / "model.safetensors").write_bytes(b"damaged"),
        "{folder}/model.safetensors is damaged, expected whole safetensors: ...",
    ),
    "a cut file": (cut, "{folder}/model.safetensors is damaged, expected whole safetensors: ..."),
    "no vocabulary": (
        without("vocab.txt"),
        "model.weights: {folder} has no vocab.txt; expected an encoder's folder",
    ),
    "a large vocabulary": (
        vocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n" + "\n".join(map(str, range(96)))),
        "model.weights: {folder}/vocab.txt: found 100 tokens, expected at most 24, as in "
        "{folder}/config.json",
    ),
    "no word pieces": (
        vocabulary("a\nb\n"),
        "model.weights: {folder}/vocab.txt: found no [UNK], expected it as unk_token",
    ),
    "a binary vocabulary": (
        vocabulary("[PAD]\n好", "gb18030"),
        "model.weights: {folder}/vocab.txt cannot be read: ...",
    ),
    "another pad token": (
        vocabulary("[UNK]\n[PAD]\n[CLS]\n[SEP]\n"),
        "model.weights: {folder}/config.json: pad_token_id: found 0, expected 1, the number of [PAD] in "
        "{folder}/vocab.txt",
    ),
    "few positions": (
        fields(max_position_embeddings=9),
        "data.max_length: found 60, expected at most 9, as in {folder}",
    ),
}

# The same, answered when the weights are loaded.
LOADED = {
    "a missing weight": (
        weights(lambda t: {n: a for n, a in t.items() if "layer.1.output" not in n}),
        "model.weights: {folder}/model.safetensors: found no bert.encoder.layer.1.output.dense.weight "
        "(4 missing), expected all",
    ),
    "another model": (
        weights(lambda t: {n: a for n, a in t.items() if "word_embeddings" not in n}),
        "model.weights: {folder}/model.safetensors: found 0 embeddings.word_embeddings.weight, expected one",
    ),
    "another width": (
        fields(intermediate_size=40),
        "model.weights: {folder}/model.safetensors: bert.encoder.layer.0.intermediate.dense.weight: found "
        "shape [48, 32], expected [40, 32], as in {folder}/config.json",
    ),
    "another size of vocabulary": (
        fields(vocab_size=99),
        "model.weights: {folder}/model.safetensors: bert.embeddings.word_embeddings.weight: found shape "
        "[24, 32], expected [99, 32], as in {folder}/config.json",
    ),
    "whole numbers": (
        weights(lambda t: {n: a.astype(np.int8) for n, a in t.items()}),
        "{folder}/model.safetensors: bert.embeddings.word_embeddings.weight: found I8, expected one of F64, "
        "F32, F16, BF16",
    ),
    "an unknown activation": (
        fields(hidden_act="gelu_news"),
        "model.weights: {assets}: PaddleNLP cannot build this encoder: ...",
    ),
    "heads that do not divide": (
        fields(num_attention_heads=5),
        "model.weights: {assets}: PaddleNLP cannot build this encoder: ...",
    ),
}

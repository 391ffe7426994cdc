"""The encoder of a pretraining run, as the rest of the project and others load it."""

import json

import numpy as np
import paddle
import pytest
from paddlenlp.transformers import AutoModel, BertTokenizer
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from common.config import build
from common.errors import UserError
from tasks.sentiment.config import Config as LabelledConfig
from tasks.sentiment.encoder_folder import read_encoder_folder
from tasks.sentiment.encoding import all_tokens
from tasks.sentiment.pretraining.encoder_files import read_masked_language_head
from tasks.sentiment.pretraining.model import MaskedLanguageHead
from tasks.sentiment.weights import load_encoder
from tests.sentiment.encoder_folders import hugging_face_folder
from tests.sentiment.pretraining.small_pretraining import small_trainer


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, cache):
    overrides = {"export": {"snapshot_every": 1}, "train": {"steps": 8}}
    trainer = small_trainer(tmp_path_factory.mktemp("run"), cache, overrides)
    trainer.run()
    return trainer


@pytest.fixture(scope="module")
def whole(tmp_path_factory, cache):
    overrides = {"export": {"half_precision": False}, "train": {"steps": 1}}
    trainer = small_trainer(tmp_path_factory.mktemp("whole"), cache, overrides)
    trainer.run()
    return trainer


def folder(trainer):
    return trainer.run_folder.path / "encoder"


def test_the_folder_gives_the_encoder_back_to_half_precision(pretrained, tmp_path):
    encoder, tokenizer = load_encoder(str(folder(pretrained)), tmp_path, 32)
    encoder.eval()
    pretrained.task.model.eval()
    ids = paddle.to_tensor([tokenizer("物流很快，客服不错")["input_ids"]])
    expected = all_tokens(pretrained.task.model.encoder, ids).numpy()
    assert all_tokens(encoder, ids).numpy() == pytest.approx(expected, abs=0.02)
    assert encoder.config.hidden_dropout_prob == encoder.config.attention_probs_dropout_prob == 0.1


def test_the_vocabulary_is_read_as_it_was_trained_on(pretrained):
    data = pretrained.task.data
    tokenizer = BertTokenizer.from_pretrained(str(folder(pretrained)))
    assert [tokenizer.vocab.to_tokens(i) for i in range(len(data.vocabulary))] == data.vocabulary
    described = read_encoder_folder(folder(pretrained), 32)
    assert described.tokenizer.settings["do_lower_case"] is True
    with pytest.raises(UserError, match="data.max_length: found 33, expected at most 32"):
        read_encoder_folder(folder(pretrained), 33)


def test_weights_are_float16_without_the_untrained_pooler_or_float32_when_asked(pretrained, whole):
    tensors = load_file(str(folder(pretrained) / "model.safetensors"))
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float16)}
    assert not [name for name in tensors if "pooler" in name]
    assert {name.split(".")[0] for name in tensors} == {"bert", "cls"}
    tensors = load_file(str(folder(whole) / "model.safetensors"))
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}
    assert json.loads((folder(whole) / "config.json").read_text())["torch_dtype"] == "float32"


def test_snapshots_are_encoders_of_their_epochs(pretrained):
    snapshots = pretrained.run_folder.path / "snapshots"
    assert sorted(path.name for path in snapshots.iterdir()) == ["update-000005", "update-000008"]
    last = load_file(str(snapshots / "update-000008" / "model.safetensors"))
    first = load_file(str(snapshots / "update-000005" / "model.safetensors"))
    kept = load_file(str(folder(pretrained) / "model.safetensors"))
    assert all((kept[name] == array).all() for name, array in last.items())
    assert any((first[name] != array).any() for name, array in last.items())
    assert not list(pretrained.run_folder.path.rglob("*.partial"))


def test_paddlenlp_itself_loads_it_in_float32(whole):
    # Of float16 under torch's names it refuses every tensor, where load_encoder converts them.
    model = AutoModel.from_pretrained(str(folder(whole)), convert_from_torch=True)
    for name, tensor in whole.task.model.encoder.state_dict().items():
        if "pooler" not in name:
            assert (model.state_dict()[name].numpy() == tensor.numpy()).all(), name


def test_labelled_reviews_start_from_it(pretrained):
    values = {"task": "sentiment", "model": {"weights": str(folder(pretrained))}, "data": {"max_length": 32}}
    build(LabelledConfig, values, "test").check_files()


def test_going_on_from_it_keeps_vocabulary_encoder_and_head(pretrained, tmp_path, cache, capsys):
    overrides = {"model": {"weights": str(folder(pretrained))}, "train": {"steps": 1}}
    trainer = small_trainer(tmp_path, cache, overrides)
    assert trainer.task.data.vocabulary == pretrained.task.data.vocabulary
    start, end = (t.task.model.state_dict() for t in (trainer, pretrained))
    for name, tensor in end.items():
        if "pooler" not in name:
            assert start[name].numpy() == pytest.approx(tensor.numpy(), rel=1e-3, abs=1e-3), name
    assert "head of a masked language model" not in capsys.readouterr().out
    trainer.run()
    # It had no pooler, and pretraining trains none.
    assert "bert.pooler.dense.weight" not in load_file(str(folder(trainer) / "model.safetensors"))


def test_a_head_under_the_names_of_the_first_bert_is_found(pretrained, tmp_path, capsys):
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    tensors = load_file(str(folder(pretrained) / "model.safetensors"))
    for new, name in old.items():
        tensors = {key.replace(new, name): array for key, array in tensors.items()}
    save_file(tensors, str(tmp_path / "model.safetensors"))
    trained = pretrained.task.model
    head = MaskedLanguageHead(trained.encoder.config)
    read_masked_language_head(tmp_path / "model.safetensors", head)
    assert not capsys.readouterr().out
    for name, tensor in trained.head.state_dict().items():
        assert head.state_dict()[name].numpy() == pytest.approx(tensor.numpy(), rel=1e-3, abs=1e-3), name


def test_going_on_from_a_published_bert_of_another_vocabulary(tmp_path, cache, capsys):
    (tmp_path / "bert").mkdir()
    hugging_face_folder(tmp_path / "bert", "bert", type_vocab_size=2)
    (tmp_path / "own.txt").write_text("\n".join(f"手机质量{'很' * (n % 9)}好{n}" for n in range(40)), "utf-8")
    overrides = {
        "data": {"stages": [{"corpora": [str(tmp_path / "own.txt")], "passes": 2}], "decontaminate": []},
        "model": {"weights": str(tmp_path / "bert")},
    }
    trainer = small_trainer(tmp_path / "run", cache, overrides)
    assert "has no head of a masked language model that fits; it starts at random" in capsys.readouterr().out
    trainer.run()
    tensors = load_file(str(folder(trainer) / "model.safetensors"))
    assert "bert.pooler.dense.weight" in tensors
    # Its vocabulary comes with the folder, not from the texts.
    vocabulary = (tmp_path / "bert" / "vocab.txt").read_text("utf-8")
    assert (folder(trainer) / "vocab.txt").read_text("utf-8") == vocabulary


def test_replaced_token_detection_learns_resumes_and_leaves_a_plain_encoder(tmp_path, cache):
    overrides = {
        "objective": "rtd",
        "generator": {"layers": 1, "hidden_size": 16},
        "train": {"steps": 10},
        "data": {"stages": [{"corpora": ["embedded"], "passes": 2}]},
    }
    trainer = small_trainer(tmp_path, cache, overrides)
    trainer.run()
    rows = trainer.state["history"]
    assert rows[-1]["validation_loss"] < rows[0]["validation_loss"]
    assert {"validation_replaced_f1", "validation_replaced_accuracy", "validation_masked_accuracy"} <= set(
        rows[0]
    )
    trainer.task.model.eval()
    assert trainer.task.evaluate_split("validation")[0] == trainer.task.evaluate_split("validation")[0]
    tensors = load_file(str(folder(trainer) / "model.safetensors"))
    assert {name.split(".")[0] for name in tensors} == {"bert"}
    load_encoder(str(folder(trainer)), tmp_path / "assets", 32)


def test_hugging_face_makes_the_same_tokens(pretrained):
    theirs = Tokenizer.from_file(str(folder(pretrained) / "tokenizer.json"))
    ours = BertTokenizer.from_pretrained(str(folder(pretrained)))
    for text in ["物流很快，客服不错～～", "iPhone4s只要￥99！3～5天", "Café naïve\u3000①★★", ""]:
        assert theirs.encode(text).ids == ours(text)["input_ids"], text

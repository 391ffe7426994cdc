"""BERT with its head: padding, pooling, depths and vocabularies."""

import numpy as np
import paddle
import pytest
from paddlenlp.transformers import BertTokenizer, RobertaConfig, RobertaModel

from common.regularization.depths import bert_depth_of
from common.regularization.parameter_groups import parameter_settings
from tasks.sentiment.config import Model
from tasks.sentiment.model import SentimentModel, new_encoder, set_encoder_dropout
from tasks.sentiment.vocabulary import SPECIAL, build_vocabulary
from tests.sentiment import encoder_folders
from tests.small_runs import small_trainer

SMALL = Model(layers=2, hidden_size=32, heads=2)
TEXTS = ["这个手机真的很好用！", "iPad2 太卡了😂😂", "质量差，不推荐 5块钱都不值"]


def model(pooling: str = "cls", dropout: float = 0.0) -> SentimentModel:
    paddle.seed(0)
    return SentimentModel(new_encoder(SMALL, 50), classes=2, dropout=dropout, pooling=pooling)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_padding_changes_nothing(pooling):
    network = model(pooling)
    network.eval()
    ids = np.array([[2, 7, 8, 9, 3]])
    padded = np.array([[2, 7, 8, 9, 3, 0, 0, 0]])
    expected = network(paddle.to_tensor(ids)).numpy()
    assert network(paddle.to_tensor(padded)).numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("family", ["roberta", "ernie"])
@pytest.mark.parametrize("pad", [0, 1])
def test_padding_changes_nothing_in_other_families_either(family, pooling, pad):
    encoder = encoder_folders.new_encoder(family, vocab_size=50, pad_token_id=pad)
    network = SentimentModel(encoder, classes=3, dropout=0.0, pooling=pooling)
    network.eval()
    expected = network(paddle.to_tensor([[2, 7, 8, 9, 3]])).numpy()
    assert network(paddle.to_tensor([[2, 7, 8, 9, 3, pad, pad]])).numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_roberta_without_a_pooler_trains_whole(pooling):
    config = RobertaConfig(vocab_size=50, **encoder_folders.SIZES)
    network = SentimentModel(RobertaModel(config, add_pooling_layer=False), 2, 0.0, pooling)
    network(paddle.to_tensor([[2, 7, 8, 3]])).sum().backward()
    assert not [n for n, p in network.named_parameters() if p.grad is None]


def test_head_dropout_acts_in_training_only():
    network = model(dropout=0.9)
    set_encoder_dropout(network.encoder, 0.0)
    ids = paddle.to_tensor(np.array([[2, 7, 8, 3]]))
    network.eval()
    assert (network(ids).numpy() == network(ids).numpy()).all()
    network.train()
    assert np.abs(network(ids).numpy() - network(ids).numpy()).max() > 1e-3


def test_every_trainable_parameter_gets_a_gradient_when_the_pooler_is_not_read():
    network = model("mean")
    loss = network(paddle.to_tensor(np.array([[2, 7, 8, 3]]))).sum()
    loss.backward()
    assert not [n for n, p in network.named_parameters() if not p.stop_gradient and p.grad is None]


@pytest.mark.parametrize("family", encoder_folders.FAMILIES)
def test_an_encoder_has_no_other_dropout_than_those_that_its_rate_sets(family):
    network = SentimentModel(encoder_folders.new_encoder(family, vocab_size=50), 2, 0.0, "cls")
    ids = paddle.to_tensor(np.array([[2, 7, 8, 3]]))
    network.train()
    assert (network(ids).numpy() != network(ids).numpy()).any()
    set_encoder_dropout(network.encoder, 0.0)
    assert (network(ids).numpy() == network(ids).numpy()).all()


@pytest.mark.parametrize("family", encoder_folders.FAMILIES)
def test_the_published_rate_set_by_hand_is_the_published_encoder(family):
    def rates(encoder: paddle.nn.Layer) -> list[float]:
        layers = encoder.sublayers()
        of_attention = [layer.dropout for layer in layers if isinstance(layer, paddle.nn.MultiHeadAttention)]
        return [layer.p for layer in layers if isinstance(layer, paddle.nn.Dropout)] + of_attention

    encoder = encoder_folders.new_encoder(family)
    published = rates(encoder)
    set_encoder_dropout(encoder, 0.3)
    assert sorted(set(rates(encoder))) == [0.0, 0.3]
    set_encoder_dropout(encoder, 0.1)
    assert rates(encoder) == published


def test_depths_follow_the_layers():
    settings = parameter_settings(model(), 1.0, weight_decay_layer_decay=0.9, depth_of=bert_depth_of(2))
    decay = {s.name: s.weight_decay for s in settings}
    assert decay["head.classifier.weight"] == decay["encoder.pooler.dense.weight"] == 1.0
    assert decay["encoder.encoder.layers.1.linear1.weight"] == pytest.approx(0.9)
    assert decay["encoder.encoder.layers.0.linear1.weight"] == pytest.approx(0.81)
    assert decay["encoder.embeddings.word_embeddings.weight"] == pytest.approx(0.729)


def test_a_vocabulary_knows_every_character_of_its_texts(tmp_path):
    file = tmp_path / "vocab.txt"
    file.write_text("\n".join(build_vocabulary(TEXTS)) + "\n", encoding="utf-8")
    tokenizer = BertTokenizer(str(file))
    for text in TEXTS:
        assert "[UNK]" not in tokenizer.tokenize(text)
    assert tokenizer.tokenize("手机") == ["手", "机"]
    assert tokenizer.tokenize("iPad2") == ["i", "##p", "##a", "##d", "##2"]
    assert "[UNK]" in tokenizer.tokenize("龘")


def test_a_vocabulary_has_special_tokens_first_then_falling_frequency():
    vocabulary = build_vocabulary(["好好好差差坏"], most=7)
    assert vocabulary == [*SPECIAL, "好", "差"]


def test_a_new_run_takes_no_vocabulary_that_a_failed_attempt_has_left(tmp_path):
    stale = [*SPECIAL, "龘"]
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/vocab.txt").write_text("\n".join(stale) + "\n", encoding="utf-8")
    task = small_trainer(tmp_path).task
    texts = [review.text for review in task.data.splits["train"]]
    assert list(task.tokenizer.vocab.token_to_idx) == build_vocabulary(texts)

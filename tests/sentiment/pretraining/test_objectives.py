"""Losses and metrics of the objectives."""

import numpy as np
import paddle
import pytest
from paddlenlp.transformers import BertConfig, BertForMaskedLM

from tasks.sentiment.pretraining.config import Generator, Masking
from tasks.sentiment.pretraining.masking import TokenNumbers, mask_tokens
from tasks.sentiment.pretraining.model import MaskedLanguageModel, ReplacedTokenModel
from tasks.sentiment.pretraining.objectives import (
    CausalLanguageModelling,
    MaskedLanguageModelling,
    ReplacedTokenDetection,
)

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(0x4E00 + i) for i in range(60))]
NUMBERS = TokenNumbers.of(VOCABULARY)
SIZES = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 32,
    "initializer_range": 0.2,
}


def batch(seed: int = 0):
    rng = np.random.default_rng(seed)
    ids = rng.choice(NUMBERS.ordinary, (6, 12))
    ids[np.arange(12) >= rng.integers(3, 13, 6)[:, None]] = -1
    return mask_tokens(ids, ids >= 0, NUMBERS, Masking(rate=0.4), rng)


def tensors(masked):
    return [paddle.to_tensor(array) for array in (masked.inputs, masked.places, masked.labels)]


@pytest.fixture
def paddles():
    paddle.seed(0)
    model = BertForMaskedLM(BertConfig(**SIZES))
    model.tie_weights()
    model.eval()
    return model


@pytest.fixture
def masked_language(paddles):
    model = MaskedLanguageModel(paddles.bert)
    head = paddles.cls.predictions
    model.head.transform, model.head.layer_norm = head.transform, head.layer_norm
    head.decoder.bias.set_value(paddle.randn([len(VOCABULARY)]))
    model.head.bias = head.decoder.bias
    model.eval()
    return model


@pytest.fixture
def detector():
    paddle.seed(0)
    encoder = MaskedLanguageModel(BertForMaskedLM(BertConfig(**SIZES)).bert).encoder
    model = ReplacedTokenModel(encoder, Generator(layers=1, hidden_size=16), NUMBERS.ordinary)
    model.eval()
    return model


def test_logits_are_those_of_paddlenlps_masked_language_model(paddles, masked_language):
    inputs, places, _ = tensors(batch())
    expected = paddles(inputs, attention_mask=(inputs != 0)).reshape([-1, len(VOCABULARY)])
    found = masked_language(inputs, places).numpy()
    assert found == pytest.approx(expected.numpy()[places.numpy()], abs=1e-4)
    real = inputs.flatten().numpy() != 0
    assert masked_language(inputs).numpy()[real] == pytest.approx(expected.numpy()[real], abs=1e-4)


def test_gradients_are_those_of_paddlenlps(paddles, masked_language):
    inputs, places, labels = tensors(batch())
    MaskedLanguageModelling(masked_language).loss(masked_language, inputs, places, labels).backward()
    found = {n: p.grad.numpy() for n, p in masked_language.encoder.named_parameters() if p.grad is not None}
    masked_language.clear_gradients()
    logits = paddles(inputs, attention_mask=(inputs != 0)).reshape([-1, len(VOCABULARY)])
    paddle.nn.functional.cross_entropy(paddle.gather(logits, places), labels).backward()
    for name, parameter in paddles.bert.named_parameters():
        if not name.startswith("pooler"):
            assert found[name] == pytest.approx(parameter.grad.numpy(), abs=3e-5), name


def test_masked_metrics_are_means_over_hidden_tokens(masked_language):
    objective, masked = MaskedLanguageModelling(masked_language), batch()
    sums = {name: values.sum() for name, values in objective.measure(masked).items()}
    logits = masked_language(*tensors(masked)[:2]).numpy().astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -log_p[np.arange(len(masked.labels)), masked.labels].mean()
    metrics = objective.metrics(sums)
    assert metrics["loss"] == pytest.approx(loss, rel=1e-4)
    assert metrics["perplexity"] == pytest.approx(np.exp(loss), rel=1e-3)
    assert metrics["masked_accuracy"] == (logits.argmax(axis=1) == masked.labels).mean()
    assert objective.loss(masked_language, *tensors(masked)).item() == pytest.approx(loss, rel=1e-4)


def test_a_causal_model_does_not_see_what_comes_behind(paddles):
    model = MaskedLanguageModel(paddles.bert, causal=True)
    model.eval()
    ids = np.random.default_rng(0).choice(NUMBERS.ordinary, (2, 12))
    other = ids.copy()
    other[:, 7:] = np.flip(ids[:, 7:], axis=1)
    logits = [model(paddle.to_tensor(x)).reshape([2, 12, -1]).numpy() for x in (ids, other)]
    assert logits[0][:, :7] == pytest.approx(logits[1][:, :7], abs=1e-5)
    assert abs(logits[0][:, 7:] - logits[1][:, 7:]).max() > 0.01


def test_causal_metrics_are_of_the_next_token_by_paddlenlps_attention_mask(paddles):
    objective = CausalLanguageModelling(MaskedLanguageModel(paddles.bert, causal=True))
    objective.model.eval()
    ids = np.random.default_rng(0).choice(NUMBERS.ordinary, (1, 8))
    guessed = objective.hide(ids, ids >= 0, NUMBERS, Masking(), np.random.default_rng(0))
    sums = {name: values.sum() for name, values in objective.measure(guessed).items()}
    mask = paddle.tril(paddle.ones([1, 1, 10, 10]))
    hidden = paddles.bert(paddle.to_tensor(guessed.inputs), attention_mask=(1 - mask) * -1e4)[0][0, :8]
    head, embeddings = objective.model.head, paddles.bert.embeddings.word_embeddings.weight
    logits = head(hidden, embeddings).numpy()
    metrics = objective.metrics(sums)
    assert metrics["next_token_accuracy"] == (logits.argmax(axis=1) == ids[0]).mean()
    loss = paddle.nn.functional.cross_entropy(paddle.to_tensor(logits), paddle.to_tensor(ids[0]))
    assert metrics["loss"] == pytest.approx(loss.item(), rel=1e-4)


def test_a_head_starts_at_the_shares_of_the_tokens(masked_language):
    counts = np.arange(len(VOCABULARY))
    masked_language.head.start_from(counts)
    shares = np.exp(masked_language.head.bias.numpy())
    assert shares[1:] == pytest.approx(counts[1:] / counts.sum(), rel=1e-5)
    assert 0 < shares[0] < shares[1]


def test_only_hidden_tokens_are_replaced(detector):
    masked = batch()
    inputs, places, labels = tensors(masked)
    hidden = np.zeros(inputs.shape, bool)
    hidden.flat[masked.places] = True
    for seed in range(20):
        paddle.seed(seed)
        _, logits, replaced = detector(inputs, places, labels)
        assert logits.shape == replaced.shape == inputs.shape
        assert not replaced.numpy()[~hidden].any() and replaced.numpy().any()


def test_a_token_that_must_not_be_drawn_never_is(detector):
    masked, only = batch(), NUMBERS.ordinary[7]
    model = ReplacedTokenModel(detector.encoder, Generator(layers=1, hidden_size=16), np.array([only]))
    model.eval()
    _, _, replaced = model(*tensors(masked))
    assert (replaced.numpy().flat[masked.places] == (masked.labels != only)).all()


def test_tokens_are_drawn_as_often_as_the_generator_believes_in_them(detector):
    from tasks.sentiment.pretraining.model import _draw

    logits = np.log([[0.5, 0.3, 0.2], [0.0001, 0.9998, 0.0001]]).astype(np.float32)
    paddle.seed(0)
    drawn = _draw(paddle.to_tensor(np.repeat(logits, 5000, axis=0))).numpy().reshape(2, 5000)
    shares = [np.bincount(row, minlength=3) / 5000 for row in drawn]
    # Four standard deviations of 5,000 draws are below 0.03.
    assert shares[0] == pytest.approx([0.5, 0.3, 0.2], abs=0.03)
    assert shares[1] == pytest.approx([0, 1, 0], abs=0.01)


def test_the_loss_of_detection_is_the_generators_and_fifty_times_the_mean_over_tokens(detector):
    masked = batch()
    objective = ReplacedTokenDetection(detector, NUMBERS.pad, 50.0)
    paddle.seed(3)
    loss = objective.loss(detector, *tensors(masked)).item()
    paddle.seed(3)
    guesses, logits, replaced = (t.numpy().astype(np.float64) for t in detector(*tensors(masked)))
    log_p = guesses - np.log(np.exp(guesses).sum(axis=1, keepdims=True))
    generator = -log_p[np.arange(len(masked.labels)), masked.labels].mean()
    real = masked.inputs != NUMBERS.pad
    probability = 1 / (1 + np.exp(-logits))
    entropy = -np.where(replaced > 0, np.log(probability), np.log(1 - probability))[real].mean()
    assert loss == pytest.approx(generator + 50 * entropy, rel=1e-4)
    paddle.seed(3)
    sums = {name: values.sum() for name, values in objective.measure(masked).items()}
    metrics = objective.metrics(sums)
    assert metrics["loss"] == pytest.approx(loss, rel=1e-4)
    flagged = (logits > 0) & real
    assert metrics["replaced_accuracy"] == pytest.approx((flagged == (replaced > 0))[real].mean())
    hits = (flagged & (replaced > 0)).sum()
    assert metrics["replaced_f1"] == pytest.approx(2 * hits / (flagged.sum() + replaced.sum()))


def test_the_generator_learns_from_its_own_loss_alone_and_the_embeddings_from_both(detector):
    inputs, places, labels = tensors(batch())
    guesses, logits, _ = detector(inputs, places, labels)
    logits.sum().backward()
    assert detector.projection.weight.grad is None and detector.inner.weight.grad is not None
    detector.clear_gradients()
    guesses, _, _ = detector(inputs, places, labels)
    guesses.sum().backward()
    assert detector.projection.weight.grad is not None
    embeddings = detector.encoder.embeddings
    assert np.abs(embeddings.word_embeddings.weight.grad.numpy()).sum() > 0
    assert np.abs(embeddings.position_embeddings.weight.grad.numpy()).sum() > 0

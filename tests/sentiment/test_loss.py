"""The loss of a batch: closed forms, and what the options change."""

import numpy as np
import paddle
import pytest
from paddle.nn import functional

from common.config import build
from common.errors import UserError
from common.regularization.r_drop import symmetric_divergence
from common.training.class_weights import class_weights
from tasks.sentiment.config import Config, Loss
from tasks.sentiment.data import read_data
from tasks.sentiment.loss import ClassificationLoss
from tests.small_runs import small_trainer

LABELS = np.array([0, 0, 0, 1])


@pytest.fixture
def batch():
    paddle.seed(0)
    return paddle.randn([4, 2]), paddle.to_tensor(LABELS)


def identity(logits: paddle.Tensor) -> paddle.Tensor:
    return logits


def test_without_options_it_is_cross_entropy(batch):
    found = ClassificationLoss(Loss(), LABELS, 2)(identity, *batch)
    assert float(found) == pytest.approx(float(functional.cross_entropy(*batch)), rel=1e-6)


def test_balanced_weights_average_to_one_and_make_classes_weigh_the_same():
    weights = class_weights("balanced", LABELS, 2)
    assert weights.tolist() == [2 / 3, 2]
    assert weights[LABELS].mean() == pytest.approx(1)
    assert weights[LABELS][LABELS == 0].sum() == pytest.approx(weights[LABELS][LABELS == 1].sum())


def test_a_class_without_a_review_does_not_make_the_loss_smaller():
    weights = class_weights("balanced", LABELS, 3)
    assert weights[LABELS].mean() == pytest.approx(1) and np.isfinite(weights).all()


def test_weights_multiply_each_sample_whatever_the_batch(batch):
    logits, labels = batch
    loss = ClassificationLoss(Loss(class_weights=[0.5, 3.0]), LABELS, 2)
    alone = [float(loss(identity, logits[i : i + 1], labels[i : i + 1])) for i in range(4)]
    plain = functional.cross_entropy(logits, labels, reduction="none").numpy().ravel()
    assert alone == pytest.approx(plain * [0.5, 0.5, 0.5, 3.0], rel=1e-5)
    # The mean over the batch is the mean of the parts: micro-batches change nothing.
    assert float(loss(identity, logits, labels)) == pytest.approx(np.mean(alone), rel=1e-5)


def test_smoothing_is_the_mixture_of_label_and_uniform(batch):
    logits, labels = batch
    found = float(ClassificationLoss(Loss(label_smoothing=0.2), LABELS, 2)(identity, logits, labels))
    uniform = float(-functional.log_softmax(logits).mean())
    assert found == pytest.approx(
        0.8 * float(functional.cross_entropy(logits, labels)) + 0.2 * uniform, rel=1e-5
    )


def test_r_drop_is_nothing_for_equal_passes_and_known_for_two_classes():
    p, q = 0.9, 0.6
    logits = [paddle.to_tensor([[np.log(x), np.log(1 - x)]], dtype="float32") for x in (p, q)]
    kl = [a * np.log(a / b) + (1 - a) * np.log((1 - a) / (1 - b)) for a, b in ((p, q), (q, p))]
    assert float(symmetric_divergence(*logits)) == pytest.approx(sum(kl) / 2, rel=1e-5)
    assert float(symmetric_divergence(logits[0], logits[0])) == 0.0


def test_r_drop_sees_two_passes_with_other_dropout(batch):
    loss = ClassificationLoss(Loss(r_drop=1.0), LABELS, 2)
    plain = ClassificationLoss(Loss(), LABELS, 2)
    assert float(loss(identity, *batch)) == pytest.approx(float(plain(identity, *batch)), rel=1e-6)
    logits, labels = batch

    def dropping(x: paddle.Tensor) -> paddle.Tensor:
        paddle.seed(1)
        return functional.dropout(x, 0.5)

    found = loss(dropping, *batch)
    passes = dropping(paddle.concat([logits, logits])).chunk(2)
    divergence = float(symmetric_divergence(*passes))
    entropy = np.mean([float(functional.cross_entropy(one, labels)) for one in passes])
    assert divergence > 0.01
    assert float(found) == pytest.approx(entropy + divergence, rel=1e-5)


def test_frozen_layers_keep_their_weights(tmp_path):
    trainer = small_trainer(tmp_path, {"model": {"frozen_layers": 1}, "train": {"epochs": 1}})
    model = trainer.task.model
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    trainer.run()
    changed = {name for name, value in model.state_dict().items() if (value.numpy() != before[name]).any()}
    assert not any(name.startswith("encoder.embeddings") for name in changed)
    assert any(name.startswith("encoder.encoder.layers.0") for name in changed)


def test_more_frozen_layers_than_there_are_is_refused(tmp_path):
    with pytest.raises(UserError, match="model.frozen_layers: found 3, expected at most 2"):
        small_trainer(tmp_path, {"model": {"frozen_layers": 3}})


def test_balanced_sampling_shows_each_class_equally_often(tmp_path):
    rows = [f"评论{i},{int(i % 10 == 0)}" for i in range(900)]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(rows), encoding="utf-8")
    overrides = {
        "data": {"train": str(tmp_path / "a.csv"), "sampling": "balanced", "train_size": "all"},
    }
    task = small_trainer(tmp_path / "run", overrides).task
    drawn = np.concatenate(task.plan(0))
    labels = np.array([review.label for review in task.data.splits["train"]])
    assert len(drawn) == len(labels) and labels.mean() < 0.15
    # About 800 draws: four standard errors of a share of one half are 0.07.
    assert labels[drawn].mean() == pytest.approx(0.5, abs=0.07)


def test_as_many_weights_as_classes(tmp_path):
    values = {"task": "sentiment", "data": {"train": "embedded"}, "loss": {"class_weights": [1, 2, 3]}}
    with pytest.raises(UserError, match="loss.class_weights: found 3, expected one for each of 0, 1"):
        read_data(build(Config, values, "test"), tmp_path)

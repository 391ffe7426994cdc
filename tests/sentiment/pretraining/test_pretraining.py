"""A pretraining run on a tiny corpus: it learns, it resumes, and its encoder is used."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from common.config import Optim, Train
from common.errors import Interrupted, UserError
from common.regularization.parameter_groups import configured_settings
from common.training.loop import Trainer
from common.training.run_folder import RunFolder
from tasks.sentiment.data import EMBEDDED
from tasks.sentiment.pretraining.config import Config, Data, Model, Objective, Stage
from tasks.sentiment.pretraining.data import read_data
from tasks.sentiment.pretraining.task import Task
from tasks.sentiment.weights import load_encoder

OBJECTIVES = ["masked_tokens", "replaced_tokens"]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("texts")
    with open(EMBEDDED, encoding="utf-8") as file:
        texts = [row["review"] for row in csv.DictReader(file)]
    (folder / "a.txt").write_text("\n".join(texts[:500]), encoding="utf-8")
    (folder / "b.txt").write_text("\n".join(texts[500:800]), encoding="utf-8")
    return folder


def small(objective: str = "masked_tokens", **data) -> Config:
    stages = [Stage(["a.txt"], 2), Stage(["a.txt", "b.txt"], 2)]
    fields = {"stages": stages, "held_out": 60, "vocabulary_size": 900, "max_length": 32, **data}
    return Config(
        "sentiment_pretraining",
        Data(**{"tokens_per_batch": 1024, **fields}),
        Optim(name="adamw", learning_rate=3e-3, weight_decay=0.01, clip_norm=1.0, warmup=0.1),
        Train(epochs=4),
        Model(layers=2, hidden_size=32, heads=2),
        Objective(name=objective),
    )


def trainer(root: Path, folder: Path, config: Config, task_class: type = Task) -> Trainer:
    run = RunFolder(folder)
    task = task_class(config, read_data(config, root), run.assets)
    settings = configured_settings(task.model, config.optim, task.depth_of)
    return Trainer(task, config.optim, config.train, settings, run, "cpu")


@pytest.fixture(scope="module", params=OBJECTIVES)
def finished(request, root, tmp_path_factory) -> Trainer:
    one = trainer(root, tmp_path_factory.mktemp(request.param), small(request.param))
    one.run()
    return one


def test_the_losses_fall(finished):
    history = pd.read_csv(finished.run_folder.history)
    assert len(history) == 4
    for column in ("train_loss", "validation_masked_loss"):
        assert history[column].iloc[-1] < history[column].iloc[0] - 0.05, column
    assert history["validation_perplexity"].iloc[-1] == pytest.approx(
        np.exp(history["validation_masked_loss"].iloc[-1])
    )


def test_a_stopped_run_continues_as_if_never_stopped(finished, root, tmp_path):
    class Stopping(Task):
        losses = 0

        def loss(self, model, batch):
            Stopping.losses += 1
            if Stopping.losses == 12:
                stopped.stop_asked = True
            return super().loss(model, batch)

    config = finished.task.config
    stopped = trainer(root, tmp_path, config, Stopping)
    with pytest.raises(Interrupted):
        stopped.run()
    trainer(root, tmp_path, config).run(resume=True)
    measured = ["seconds", "items/s"]
    one, two = (
        pd.read_csv(r.history).drop(columns=measured) for r in (finished.run_folder, RunFolder(tmp_path))
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    weights = [load_file(r.last) for r in (finished.run_folder, RunFolder(tmp_path))]
    assert weights[0].keys() == weights[1].keys()
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])


def test_the_encoder_starts_a_classifier(finished, tmp_path):
    finished.task.write_encoder(tmp_path / "encoder")
    encoder, tokenizer = load_encoder(str(tmp_path / "encoder"), tmp_path / "assets", 32)
    trained = finished.task.model.encoder.state_dict()
    for name, tensor in encoder.state_dict().items():
        if not name.startswith("pooler."):
            # Half precision keeps eleven bits.
            assert tensor.numpy() == pytest.approx(trained[name].numpy(), rel=1e-3, abs=1e-6), name
    assert tokenizer.get_vocab() == finished.task.tokenizer.get_vocab()


def test_pretraining_goes_on_from_an_encoder(finished, root, tmp_path):
    finished.task.write_encoder(tmp_path / "encoder")
    config = small()
    config.model.weights = str(tmp_path / "encoder")
    again = trainer(root, tmp_path / "again", config)
    found = again.task.model.encoder.embeddings.word_embeddings.weight.numpy()
    expected = finished.task.model.encoder.embeddings.word_embeddings.weight.numpy()
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert again.task.tokenizer.get_vocab() == finished.task.tokenizer.get_vocab()


def test_each_pass_shows_every_text_once_and_stages_follow_each_other(root, tmp_path):
    task = trainer(root, tmp_path, small()).task
    batches = [batch for epoch in range(4) for batch in task.plan(epoch)]
    seen = np.zeros(len(task.pieces), int)
    for batch in batches[: sum(task.batches_of_stage)]:
        seen[batch] += 1
    first = np.isin(np.arange(len(seen)), task.stage_pieces[0])
    assert (seen[first] == 4).all() and (seen[~first] == 2).all()
    opening = np.concatenate(batches[: task.batches_of_stage[0]])
    assert set(opening) == set(task.stage_pieces[0])
    assert len({len(task.plan(epoch)) for epoch in range(4)}) == 1


def test_no_batch_exceeds_its_tokens_and_little_is_padding(root, tmp_path):
    task = trainer(root, tmp_path, small()).task
    padding = tokens = 0
    for batch in task.plan(0):
        token_ids = task.collate([task.dataset(0)[i] for i in batch])[0]
        assert token_ids.size <= 1024
        padding += (token_ids == 0).sum()
        tokens += token_ids.size
    assert padding / tokens < 0.1


def test_held_out_texts_are_not_learnt_from(root):
    data = read_data(small(), root)
    learnt = {text for texts in data.corpora.values() for text in texts}
    assert len(data.held_out) == 60 and not learnt & set(data.held_out)


@pytest.mark.parametrize(
    "fields, expected",
    [
        (
            {"stages": [Stage(["none.txt"])]},
            "none.txt: no such file, and the name is none of",
        ),
        ({"stages": [Stage(["empty.txt"])]}, "empty.txt: found no text"),
        ({"stages": [Stage(["a.txt"]), Stage(["one.txt"])]}, None),
    ],
)
def test_corpora_that_cannot_be_read_are_one_line(root, fields, expected):
    (root / "empty.txt").write_text("\n \n", encoding="utf-8")
    (root / "one.txt").write_text("只有一句话\n", encoding="utf-8")
    if expected is None:
        read_data(small(**fields), root)
        return
    with pytest.raises(UserError, match=expected):
        read_data(small(**fields), root)

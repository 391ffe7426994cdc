"""Pretraining runs: what they see, that they learn, that they go on as if never stopped."""

import signal
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from common.errors import Interrupted, UserError
from common.training.checkpoint import load_checkpoint
from common.training.run_folder import RunFolder
from tasks.sentiment.pretraining.batches import Stream, batch_bounds, padded
from tasks.sentiment.pretraining.config import Stage
from tasks.sentiment.pretraining.objectives import MaskedLanguageModelling
from tasks.sentiment.pretraining.report import report_sections
from tasks.sentiment.pretraining.task import Task
from tests.sentiment.pretraining.small_pretraining import small_trainer

MEASURED = ["seconds", "tokens/s"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, cache):
    trainer = small_trainer(tmp_path_factory.mktemp("run"), cache)
    trainer.run()
    return trainer


def history(trainer) -> pd.DataFrame:
    return pd.read_csv(trainer.run_folder.history).drop(columns=MEASURED)


def weights(trainer) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in trainer.task.model.state_dict().items()}


def test_a_run_sees_every_piece_as_often_as_its_stages_say_and_held_out_ones_never(uninterrupted):
    task, data = uninterrupted.task, uninterrupted.task.data
    seen = np.bincount(task.stream.pieces, minlength=len(data.corpora))
    assert (seen[data.held_out] == 0).all() and set(seen[~data.held_out]) == {1, 2}
    assert seen.sum() == np.ceil(1.5 * (~data.held_out).sum())
    planned = np.concatenate([places for epoch in range(99) for places in task.plan(epoch)])
    assert sorted(planned) == list(range(len(task.stream.pieces)))


def test_stages_come_in_order(tmp_path, cache):
    (tmp_path / "own.txt").write_text("\n".join(f"第{n}句话说完了" for n in range(300)), encoding="utf-8")
    stages = [{"corpora": [str(tmp_path / "own.txt")]}, {"corpora": ["embedded"], "passes": 2}]
    task = small_trainer(tmp_path / "run", cache, {"data": {"stages": stages}}).task
    corpora = [set(task.data.corpora[task.stream.pieces[places]]) for places in task.stream.batches]
    first = corpora.count({0})
    assert first and corpora == [{0}] * first + [{1}] * (len(corpora) - first)


def test_batches_keep_to_their_tokens_with_hardly_any_padding(uninterrupted):
    task = uninterrupted.task
    padding = total = 0
    for places in task.stream.batches:
        ids, _ = padded(task.data, task.stream.pieces[places])
        assert ids.shape[0] * (ids.shape[1] + 2) <= 2048
        padding, total = padding + (ids < 0).sum(), total + ids.size
    assert padding / total < 0.1
    assert batch_bounds(np.array([90, 40, 40, 3]), 80) == [(0, 1), (1, 3), (3, 4)]


def test_a_batch_with_fewer_pieces_than_processes_is_no_update(uninterrupted):
    data, stages = uninterrupted.task.data, [Stage(["embedded"], passes=2.0)]
    one, two = (Stream(data, stages, 40, 0, processes) for processes in (1, 2))
    assert {len(places) for places in one.batches} >= {1, 2}
    assert [p.tolist() for p in two.batches] == [p.tolist() for p in one.batches if len(p) > 1]
    with pytest.raises(UserError, match="data.tokens_per_batch: found 40, .* of 99 processes"):
        Stream(data, stages, 40, 0, 99)


# Measured: 0.25 and 0.95.
@pytest.mark.parametrize("objective, gain", [("mlm", 0.1), ("clm", 0.8)])
def test_held_out_tokens_are_guessed_better_than_by_their_shares(tmp_path, cache, objective, gain):
    data = {"stages": [{"corpora": ["embedded"], "passes": 6}], "tokens_per_batch": 1024}
    overrides = {"objective": objective, "data": data, "train": {"updates_per_epoch": 60, "steps": 120}}
    trainer = small_trainer(tmp_path, cache, overrides)
    trainer.run()
    rows, corpus = pd.read_csv(trainer.run_folder.history), trainer.task.data
    held_out = np.repeat(corpus.held_out, np.diff(corpus.bounds))
    # [UNK] is never to be guessed.
    guessed = corpus.tokens[held_out & (corpus.tokens != corpus.vocabulary.index("[UNK]"))]
    counts = np.bincount(corpus.tokens[~held_out], minlength=len(corpus.vocabulary))
    shares = np.maximum(counts, 0.5) / counts.sum()
    by_shares = -np.log(shares[guessed]).mean()
    assert rows["validation_loss"].iloc[-1] < by_shares - gain
    assert rows["train_loss"].iloc[-1] < rows["train_loss"].iloc[0]
    assert rows["validation_perplexity"].iloc[-1] == pytest.approx(np.exp(rows["validation_loss"].iloc[-1]))
    assert (rows["tokens/s"] > 0).all()


def stopping_task(after: int) -> type:
    class StoppingTask(Task):
        losses = 0

        def loss(self, model, batch):
            StoppingTask.losses += 1
            if after == StoppingTask.losses:
                signal.raise_signal(signal.SIGTERM)
            return super().loss(model, batch)

    return StoppingTask


@pytest.mark.parametrize("after", [3, 5, 12])
def test_a_stopped_run_continues_as_if_never_stopped(tmp_path, cache, uninterrupted, after):
    with pytest.raises(Interrupted):
        small_trainer(tmp_path, cache, task_class=stopping_task(after)).run()
    resumed = small_trainer(tmp_path, cache)
    resumed.run(resume=True)
    pd.testing.assert_frame_equal(history(resumed), history(uninterrupted), check_exact=True)
    expected = weights(uninterrupted)
    assert all((array == expected[name]).all() for name, array in weights(resumed).items())


def test_masks_are_drawn_anew_in_every_pass_and_held_out_ones_never(uninterrupted, tmp_path, cache):
    task = uninterrupted.task
    piece = np.flatnonzero(np.bincount(task.stream.pieces) == 2)[0]
    places = np.flatnonzero(task.stream.pieces == piece)
    first, second = (task.collate([int(place)]) for place in places)
    assert any((a != b).any() if a.shape == b.shape else True for a, b in zip(first, second))
    other = small_trainer(tmp_path, cache, {"train": {"seed": 1}, "masking": {"rate": 0.4}}).task
    for (_, one), (_, two) in zip(task._held_out(), other._held_out()):
        assert (one.inputs == two.inputs).all()


def test_steps_end_a_run_early_and_passes_end_it_at_last(tmp_path, cache, uninterrupted):
    trainer = small_trainer(tmp_path, cache, {"train": {"steps": 7}})
    assert trainer.total == 7
    trainer.run()
    assert pd.read_csv(trainer.run_folder.history)["step"].tolist() == [5, 7]
    long = small_trainer(tmp_path / "long", cache, {"train": {"steps": 10**6}})
    assert long.total == uninterrupted.total == len(uninterrupted.task.stream.batches)


def test_a_report_has_a_row_for_a_corpus_of_which_nothing_was_hidden(tmp_path):
    run, sums = RunFolder(tmp_path), {"masked": 4, "right": 1, "masked_loss": 2.0}
    run.write_predictions("validation", [{"corpus": "a", **sums}, {"corpus": "b", **dict.fromkeys(sums, 0)}])
    data = SimpleNamespace(counts=lambda: {"corpora": {}})
    section = report_sections(run, data, MaskedLanguageModelling(None).metrics, continued=True)[0]
    assert "only on corpora that it had not read" in section.text
    (table,) = section.tables
    assert table.columns == ["corpus", "masked_accuracy", "loss", "perplexity"]
    assert table.rows == [["a", "0.2500", "0.5000", "1.6487"], ["b", "-", "-", "-"]]


def test_metrics_of_held_out_texts_are_sums_over_their_pieces(uninterrupted):
    task = uninterrupted.task
    load_checkpoint(uninterrupted.run_folder.best, task.model)
    task.model.eval()
    metrics, rows = task.evaluate_split("validation")
    frame = pd.DataFrame(rows)
    assert len(frame) == task.data.held_out.sum()
    assert metrics["masked_accuracy"] == frame["right"].sum() / frame["masked"].sum()
    assert metrics["loss"] == pytest.approx(frame["masked_loss"].sum() / frame["masked"].sum())
    with pytest.raises(UserError, match="found test, expected validation"):
        task.evaluate_split("test")

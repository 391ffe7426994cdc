"""The training loop, on real small trainings."""

import signal

import numpy as np
import pandas as pd
import pytest
from visualdl import LogReader

from common.errors import Interrupted, UserError
from common.training.checkpoint import load_checkpoint
from common.training.run_folder import RunFolder
from tasks.sentiment.task import Task
from tests.small_runs import small_config, small_trainer

MEASURED = ["seconds", "items/s"]


def weights(trainer) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in trainer.task.model.state_dict().items()}


def history(trainer) -> pd.DataFrame:
    return pd.read_csv(trainer.run_folder.history)


def assert_equal_histories(one, two) -> None:
    left, right = (history(trainer).drop(columns=MEASURED) for trainer in (one, two))
    pd.testing.assert_frame_equal(left, right, check_exact=True)


def stopping_task(after: int, number: int = signal.SIGTERM) -> type:
    """A task that sends its own process a signal while computing a loss."""

    class StoppingTask(Task):
        losses = 0

        def loss(self, model, batch):
            StoppingTask.losses += 1
            if after == StoppingTask.losses:
                signal.raise_signal(number)
            return super().loss(model, batch)

    return StoppingTask


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    trainer = small_trainer(tmp_path_factory.mktemp("run"))
    trainer.run()
    return trainer


# An epoch has 5 updates: the first, the last of an epoch, one inside, and the last but one of all.
@pytest.mark.parametrize("after", [1, 5, 7, 14])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_run_continues_as_if_never_stopped(tmp_path, uninterrupted, after, number):
    stopped = small_trainer(tmp_path, task_class=stopping_task(after, number))
    with pytest.raises(Interrupted):
        stopped.run()
    resumed = small_trainer(tmp_path)
    resumed.run(resume=True)
    pd.testing.assert_frame_equal(
        history(resumed).drop(columns=MEASURED),
        history(uninterrupted).drop(columns=MEASURED),
        check_exact=True,
    )
    expected = weights(uninterrupted)
    assert all((array == expected[name]).all() for name, array in weights(resumed).items())
    # What was spent on an epoch before the stop counts, too.
    assert history(resumed)["seconds"][after // 5] >= round(stopped.state["seconds"], 2)


def test_evaluations_between_epochs_are_kept_and_change_nothing(tmp_path, uninterrupted):
    often = {"train": {"evaluate_every": 2}}
    with pytest.raises(Interrupted):
        small_trainer(tmp_path, often, task_class=stopping_task(7)).run()
    trainer = small_trainer(tmp_path, often)
    trainer.run(resume=True)
    assert_equal_histories(trainer, uninterrupted)
    rows = pd.read_csv(trainer.run_folder.evaluations)
    assert rows["step"].tolist() == [2, 4, 6, 8, 10, 12, 14]
    # Update 10 ends an epoch.
    metric = "validation_accuracy"
    at_epoch = history(trainer).set_index("step")[metric]
    assert rows.set_index("step")[metric][10] == at_epoch[10]


def test_two_processes_never_train_in_one_folder(tmp_path):
    run = RunFolder(tmp_path / "run")
    refused = pytest.raises(UserError, match="another process is training this run")
    with run.locked(), refused, RunFolder(tmp_path / "run").locked():
        pass
    with run.locked():
        run.check(None, resume=False)


def test_a_run_whose_state_is_lost_is_not_begun_again_in_its_place(tmp_path):
    run, config = RunFolder(tmp_path / "run"), small_config()
    run.start(config)
    run.check(config, resume=True)
    run.write_history([{"epoch": 0}])
    with pytest.raises(UserError, match=r"last.safetensors: no such file, expected the state that history"):
        run.check(config, resume=True)


def test_a_stop_during_the_last_update_comes_too_late_to_lose_anything(tmp_path, uninterrupted):
    trainer = small_trainer(tmp_path, task_class=stopping_task(15))
    trainer.run()
    assert_equal_histories(trainer, uninterrupted)


def test_signals_are_ours_only_while_training(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    small_trainer(tmp_path, {"train": {"steps": 1}}).run()
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_run_killed_after_an_epoch_loses_no_more_than_what_came_after(tmp_path, uninterrupted):
    class Killed(Exception):
        pass

    class KilledTask(Task):
        losses = 0

        def loss(self, model, batch):
            KilledTask.losses += 1
            if KilledTask.losses == 9:
                raise Killed
            return super().loss(model, batch)

    with pytest.raises(Killed):
        small_trainer(tmp_path, task_class=KilledTask).run()
    resumed = small_trainer(tmp_path)
    resumed.run(resume=True)
    assert resumed.run_folder.last.exists()
    pd.testing.assert_frame_equal(
        history(resumed).drop(columns=MEASURED),
        history(uninterrupted).drop(columns=MEASURED),
        check_exact=True,
    )


def test_a_finished_run_resumed_is_left_as_it_is(uninterrupted):
    before = uninterrupted.run_folder.history.read_bytes()
    again = small_trainer(uninterrupted.run_folder.path)
    again.run(resume=True)
    assert uninterrupted.run_folder.history.read_bytes() == before


def test_a_run_that_ended_before_its_history_was_written_gets_it_by_resuming(uninterrupted):
    file = uninterrupted.run_folder.history
    before = file.read_bytes()
    file.unlink()
    small_trainer(uninterrupted.run_folder.path).run(resume=True)
    assert file.read_bytes() == before


def test_the_best_checkpoint_is_that_of_the_best_epoch(uninterrupted):
    rows = history(uninterrupted)
    best = rows.loc[rows["validation_f1_macro"].idxmax()]
    task = small_trainer(uninterrupted.run_folder.path).task
    state = load_checkpoint(uninterrupted.run_folder.best, task.model)
    assert state["epoch"] == best["epoch"]
    task.model.eval()
    metrics, _ = task.evaluate_split("validation")
    assert metrics["f1_macro"] == pytest.approx(best["validation_f1_macro"], abs=1e-9)
    assert metrics["loss"] == pytest.approx(best["validation_loss"], abs=1e-9)


def test_steps_end_a_run_inside_an_epoch(tmp_path):
    trainer = small_trainer(tmp_path, {"train": {"steps": 7}})
    trainer.run()
    assert history(trainer)["step"].tolist() == [5, 7]


def test_micro_batches_add_up_to_the_batch(tmp_path):
    # 70 reviews in batches of 16 leave one of 6, which 4 micro-batches share unevenly.
    exact = {
        "optim": {"name": "sgd", "learning_rate": 0.1, "clip_norm": 0.0},
        "train": {"epochs": 1},
        "model": {"dropout": 0.0, "encoder_dropout": 0.0},
    }
    trainers = []
    for accumulate in (1, 4):
        overrides = {**exact, "train": {**exact["train"], "accumulate": accumulate}}
        trainers.append(small_trainer(tmp_path / str(accumulate), overrides))
        trainers[-1].run()
    one, four = map(weights, trainers)
    assert max(np.abs(one[name] - four[name]).max() for name in one) < 1e-6
    losses = [history(t)["train_loss"][0] for t in trainers]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_a_diverging_run_is_told_what_to_change(tmp_path):
    trainer = small_trainer(tmp_path, {"optim": {"name": "sgd", "learning_rate": 1e20, "clip_norm": 0.0}})
    with pytest.raises(UserError, match="lower optim.learning_rate"):
        trainer.run()


def test_another_seed_is_another_run(tmp_path, uninterrupted):
    trainer = small_trainer(tmp_path, {"train": {"seed": 1, "epochs": 1}})
    trainer.run()
    assert history(trainer)["train_loss"][0] != history(uninterrupted)["train_loss"][0]


def test_loading_in_other_processes_changes_nothing(tmp_path, uninterrupted):
    trainer = small_trainer(tmp_path, {"train": {"workers": 2}})
    trainer.run()
    assert_equal_histories(trainer, uninterrupted)


def test_history_goes_to_visualdl_when_asked(tmp_path):
    trainer = small_trainer(tmp_path, {"train": {"visualdl": True, "epochs": 2}})
    trainer.run()
    (file,) = (tmp_path / "visualdl").iterdir()
    records = LogReader(file_path=str(file)).get_data("scalar", "validation_loss")
    logged = [(record.id, record.value) for record in records]
    expected = history(trainer)[["step", "validation_loss"]].to_numpy()
    assert np.array(logged) == pytest.approx(expected, rel=1e-6)

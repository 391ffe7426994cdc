"""Evaluation refuses a model that is in training mode."""

import paddle
import pytest
from paddle import nn

from common.evaluation.mode import require_evaluation_mode
from tasks.pcb.config import Model
from tasks.pcb.model import YOLOv3
from tests.small_runs import small_trainer


def test_one_layer_in_training_mode_is_enough_and_is_named():
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    with pytest.raises(RuntimeError, match="the model .Sequential. is in training mode"):
        require_evaluation_mode(model)
    model.eval()
    require_evaluation_mode(model)
    model[1].train()
    with pytest.raises(RuntimeError, match="1 .Dropout. is in training mode; call model.eval"):
        require_evaluation_mode(model)


def test_a_detector_in_training_mode_detects_nothing():
    model = YOLOv3(Model(), [[10 * i, 10 * i] for i in range(1, 10)], 6)
    with pytest.raises(RuntimeError, match="is in training mode"):
        model.decoded(paddle.zeros([1, 1, 64, 64]))


def test_the_sentiment_task_evaluates_nothing_in_training_mode(tmp_path):
    task = small_trainer(tmp_path).task
    for evaluation in (task.evaluate, lambda: task.evaluate_split("validation")):
        with pytest.raises(RuntimeError, match="is in training mode"):
            evaluation()


def test_the_loop_evaluates_in_evaluation_mode_and_trains_on_in_training_mode(tmp_path):
    trainer = small_trainer(tmp_path, {"train": {"epochs": 2}})
    modes = {"loss": [], "evaluate": []}
    for name, seen in modes.items():
        method = getattr(trainer.task, name)

        def watched(*arguments, method=method, seen=seen):
            seen.append({layer.training for layer in trainer.task.model.sublayers(include_self=True)})
            return method(*arguments)

        setattr(trainer.task, name, watched)
    trainer.run()
    assert modes["evaluate"] == [{False}, {False}]
    assert len(modes["loss"]) > 2 and all(seen == {True} for seen in modes["loss"])

"""Evaluation refuses a model that is in training mode."""

import paddle
import pytest
from paddle import nn

from common.evaluation.mode import require_evaluation_mode
from tasks.pcb.config import Model
from tasks.pcb.model import YOLOv3


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
        model.detect(paddle.zeros([1, 1, 64, 64]))

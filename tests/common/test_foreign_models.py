"""The policy on networks that were not written for it."""

import pytest
from paddle import nn
from paddle.vision import models as vision
from paddlenlp import transformers

from common.config import Optim
from common.regularization.parameter_groups import NORMALISATION, merge_groups, parameter_settings
from common.training.optimizer import build_optimizer
from tasks.pcb.config import STRIDES, Model
from tasks.pcb.model import YOLOv3
from tasks.pcb.model import depth_of as yolo_depth_of
from tasks.sentiment.model import SentimentModel
from tasks.sentiment.model import depth_of as bert_depth_of

ANCHORS = [[10 * i, 10 * i] for i in range(1, 10)]
ENCODERS = ("Bert", "Ernie", "Roberta")


def encoder(name: str) -> nn.Layer:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = getattr(transformers, f"{name}Config")(vocab_size=50, **sizes)
    return getattr(transformers, f"{name}Model")(config)


NETWORKS = {
    **{name: lambda name=name: encoder(name) for name in ENCODERS},
    **{
        f"YOLOv3 {name}": lambda name=name: YOLOv3(Model(backbone=name, neck_width=16), ANCHORS, 6)
        for name in STRIDES
    },
    "resnet18": vision.resnet18,
    "densenet121": vision.densenet121,
    "mobilenet_v3_small": vision.mobilenet_v3_small,
    "shufflenet_v2_x0_25": vision.shufflenet_v2_x0_25,
    "googlenet": vision.googlenet,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_trainable_parameter_is_in_one_group_and_no_bias_or_norm_decays(name):
    model = NETWORKS[name]()
    settings = parameter_settings(model, 0.1, param_attr="override")
    grouped = [id(p) for group in merge_groups(settings) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if not p.stop_gradient)
    exempt = {
        id(parameter)
        for layer in model.sublayers()
        for attribute, parameter in layer._parameters.items()
        if parameter is not None and (isinstance(layer, NORMALISATION) or "bias" in attribute)
    }
    decayed = {id(s.parameter) for s in settings if s.weight_decay}
    assert decayed and not decayed & exempt
    assert decayed | exempt >= set(grouped)
    build_optimizer(Optim(name="momentum"), settings).clear_grad()


@pytest.mark.parametrize("name", ENCODERS)
def test_layer_wise_decay_of_bert_like_encoders(name):
    encoders = encoder(name)
    model = SentimentModel(encoders, classes=2, dropout=0.4, pooling="cls")
    settings = parameter_settings(model, 0.1, 0.5, 0.9, bert_depth_of(2))
    found = {s.name: (s.lr_scale, s.weight_decay) for s in settings}
    assert found["encoder.embeddings.word_embeddings.weight"] == pytest.approx((0.5**3, 0.1 * 0.9**3))
    assert found["encoder.encoder.layers.0.linear1.weight"] == pytest.approx((0.5**2, 0.1 * 0.9**2))
    assert found["encoder.encoder.layers.1.linear1.weight"] == pytest.approx((0.5, 0.1 * 0.9))
    assert found["encoder.pooler.dense.weight"] == found["head.classifier.weight"] == (1.0, 0.1)


@pytest.mark.parametrize("backbone", STRIDES)
def test_layer_wise_decay_of_yolov3_has_a_power_for_each_stage(backbone):
    model = YOLOv3(Model(backbone=backbone, neck_width=16), ANCHORS, 6)
    settings = parameter_settings(model, 0.1, 0.5, depth_of=yolo_depth_of(backbone), param_attr="override")
    scales = {s.lr_scale for s in settings if s.name.startswith("backbone.")}
    assert scales == {0.5**k for k in range(1, len(scales) + 1)} and len(scales) >= 5
    assert {s.lr_scale for s in settings if not s.name.startswith("backbone.")} == {1.0}

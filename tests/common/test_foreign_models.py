"""The policy on networks that were not written for it."""

import paddle
import pytest
from paddle import nn
from paddle.vision import models as vision
from paddlenlp import transformers
from ppdet.modeling.architectures.yolo import YOLOv3 as PublishedYOLOv3
from ppdet.modeling.backbones.mobilenet_v1 import MobileNet
from ppdet.modeling.backbones.mobilenet_v3 import MobileNetV3
from ppdet.modeling.backbones.resnet import ResNet
from ppdet.modeling.heads.yolo_head import YOLOv3Head
from ppdet.modeling.losses.yolo_loss import YOLOv3Loss
from ppdet.modeling.necks.yolo_fpn import YOLOv3FPN

from common.config_fields import Optim
from common.errors import UserError
from common.regularization.depths import bert_depth_of
from common.regularization.parameter_groups import merge_groups, parameter_settings
from common.training.optimizer import build_optimizer
from tasks.pcb.config import STRIDES, Model
from tasks.pcb.model import YOLOv3
from tasks.pcb.model import depth_of as yolo_depth_of
from tasks.sentiment.model import SentimentModel

ANCHORS = [[10 * i, 10 * i] for i in range(1, 10)]
ENCODERS = ("Bert", "Ernie", "Roberta")


def transformer(name: str, kind: str = "Model") -> nn.Layer:
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = getattr(transformers, f"{name}Config")(vocab_size=50, **sizes)
    return getattr(transformers, f"{name}{kind}")(config)


def published_yolov3(backbone: nn.Layer) -> nn.Layer:
    """PaddleDetection's own architecture on one of its backbones."""
    neck = YOLOv3FPN(in_channels=[shape.channels for shape in backbone.out_shape])
    head = YOLOv3Head(in_channels=[shape.channels for shape in neck.out_shape], loss=YOLOv3Loss())
    return PublishedYOLOv3(backbone, neck, head, post_process=None)


NETWORKS = {
    **{name: lambda name=name: transformer(name) for name in ENCODERS},
    "ppdet YOLOv3 MobileNetV1": lambda: published_yolov3(MobileNet(feature_maps=[4, 6, 13])),
    "ppdet YOLOv3 MobileNetV3": lambda: published_yolov3(MobileNetV3(feature_maps=[7, 13, 16])),
    "ppdet YOLOv3 ResNet18": lambda: published_yolov3(ResNet(depth=18, return_idx=[1, 2, 3])),
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


@pytest.fixture(scope="module", params=NETWORKS)
def network(request) -> nn.Layer:
    return NETWORKS[request.param]()


@pytest.mark.parametrize("param_attr", ["respect", "override"])
def test_every_trainable_parameter_is_in_one_group(network, param_attr):
    settings = parameter_settings(network, 0.1, param_attr=param_attr)
    grouped = [id(p) for group in merge_groups(settings) for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in network.parameters() if not p.stop_gradient)
    build_optimizer(Optim(name="momentum"), settings).clear_grad()


def test_tables_and_matrices_decay_and_vectors_do_not(network):
    # In all of these networks a trainable vector is a bias or belongs to a normalisation.
    settings = [s for s in parameter_settings(network, 0.1, param_attr="override") if s.rule != "frozen"]
    assert {s.weight_decay for s in settings if len(s.parameter.shape) == 1} == {0.0}
    assert {s.weight_decay for s in settings if len(s.parameter.shape) > 1} == {0.1}


@pytest.mark.parametrize("backbone", ["MobileNetV1", "MobileNetV3"])
def test_respecting_paramattr_exempts_the_backbones_that_ppdet_exempts(backbone):
    settings = parameter_settings(NETWORKS[f"ppdet YOLOv3 {backbone}"](), 0.1)
    matrices = [s for s in settings if len(s.parameter.shape) > 1 and s.rule != "frozen"]
    assert {s.weight_decay for s in matrices if s.name.startswith("backbone.")} == {0.0}
    assert {s.weight_decay for s in matrices if not s.name.startswith("backbone.")} == {0.1}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("kind", ["Model", "ForSequenceClassification", "ours"])
def test_layer_wise_decay_of_bert_like_encoders(name, kind):
    encoder = transformer(name, "Model" if kind == "ours" else kind)
    model = SentimentModel(encoder, 2, 0.4, "cls") if kind == "ours" else encoder
    settings = parameter_settings(model, 0.1, 0.5, 0.9, bert_depth_of(2))
    found = {s.name: (s.lr_scale, s.weight_decay) for s in settings}
    prefix = {"Model": "", "ForSequenceClassification": f"{name.lower()}.", "ours": "encoder."}[kind]
    assert found[f"{prefix}embeddings.word_embeddings.weight"] == pytest.approx((0.5**3, 0.1 * 0.9**3))
    assert found[f"{prefix}encoder.layers.0.linear1.weight"] == pytest.approx((0.5**2, 0.1 * 0.9**2))
    assert found[f"{prefix}encoder.layers.1.linear1.weight"] == pytest.approx((0.5, 0.1 * 0.9))
    tops = [s for name, s in found.items() if name.startswith(("classifier.", "head.")) or "pooler." in name]
    assert tops and {scale for scale, _ in tops} == {1.0}


@pytest.mark.parametrize(("model", "name"), [(nn.Linear(2, 2), "weight"), (transformer("Bert"), "layers.1.")])
def test_a_layer_that_is_no_bert_of_that_many_blocks_has_no_depth(model, name):
    with pytest.raises(UserError, match=f"parameter .*{name}.* has no stated depth"):
        parameter_settings(model, 0.1, 0.5, depth_of=bert_depth_of(1))


@pytest.mark.parametrize("backbone", STRIDES)
def test_layer_wise_decay_of_yolov3_has_a_power_for_each_stage(backbone):
    model = YOLOv3(Model(backbone=backbone, neck_width=16), ANCHORS, 6)
    depth_of = yolo_depth_of(backbone)
    settings = parameter_settings(model, 0.1, 0.5, depth_of=depth_of, param_attr="override")
    scales = {s.lr_scale for s in settings if s.name.startswith("backbone.")}
    assert scales == {0.5**k for k in range(1, len(scales) + 1)} and len(scales) >= 5
    assert {s.lr_scale for s in settings if not s.name.startswith("backbone.")} == {1.0}
    model.extra = paddle.nn.Linear(2, 2)
    with pytest.raises(UserError, match="parameter extra.weight"):
        parameter_settings(model, 0.1, 0.5, depth_of=depth_of, param_attr="override")

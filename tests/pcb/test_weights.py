"""Detectors that start from given weights: what is loaded, what is not and why."""

import csv
import json
from hashlib import sha256

import numpy as np
import paddle
import pytest
from ppdet.modeling.backbones.darknet import DarkNet
from ppdet.modeling.backbones.mobilenet_v1 import MobileNet
from ppdet.modeling.backbones.mobilenet_v3 import MobileNetV3
from ppdet.modeling.backbones.resnet import ResNet
from ppdet.modeling.heads.yolo_head import YOLOv3Head
from ppdet.modeling.necks.yolo_fpn import YOLOv3FPN
from safetensors.numpy import save_file

from common.config import build
from common.errors import UserError
from common.training.checkpoint import save_checkpoint
from common.weights_conversion import WEIGHTS, convert
from tasks.pcb.config import Config, Model
from tasks.pcb.given_weights import match
from tasks.pcb.model import YOLOv3
from tasks.pcb.weights import NOT_LOADED, load_weights

ANCHORS = [[10, 10], [14, 14], [20, 20], [28, 28], [40, 40], [48, 48], [56, 56], [64, 64], [80, 80]]
HEAD = [f"head.yolo_output.{level}.{kind}" for level in range(3) for kind in ("weight", "bias")]


def network(classes: int = 6, seed: int = 0, **fields) -> YOLOv3:
    paddle.seed(seed)
    return YOLOv3(Model(**{"neck_width": 16, **fields}), ANCHORS, classes)


def equal_weights(one: paddle.nn.Layer, other: paddle.nn.Layer) -> set[str]:
    state = other.state_dict()
    return {name for name, tensor in one.state_dict().items() if bool((tensor == state[name]).all())}


def listed(folder) -> list[dict[str, str]]:
    with open(folder / NOT_LOADED, encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network of six classes, none of whose weights is as drawn, and its checkpoint."""
    model = network(seed=1)
    for tensor in model.state_dict().values():
        tensor.set_value(tensor + 0.5)
    file = tmp_path_factory.mktemp("trained") / "best.safetensors"
    save_checkpoint(file, model, {"epoch": 1})
    return model, file


def test_a_checkpoint_of_the_same_network_is_loaded_whole(trained, tmp_path, capsys):
    model, file = trained
    other = network()
    load_weights(other, str(file), tmp_path)
    assert equal_weights(model, other) == set(model.state_dict())
    number = len(model.state_dict())
    assert (
        capsys.readouterr().out
        == f"model.weights: {file}: {number} of {number} weights of the network loaded\n"
    )
    assert not (tmp_path / NOT_LOADED).exists()
    origin = json.loads((tmp_path / "weights.json").read_text())
    assert origin == {"file": str(file), "sha256": sha256(file.read_bytes()).hexdigest(), "revision": None}


def test_of_other_classes_all_but_the_prediction_layers_is_loaded(trained, tmp_path, capsys):
    model, file = trained
    other, untouched = network(classes=4), network(classes=4)
    load_weights(other, str(file), tmp_path)
    loaded = {n for n, t in other.state_dict().items() if t.shape == model.state_dict()[n].shape}
    assert set(other.state_dict()) - loaded == set(HEAD)
    assert all((other.state_dict()[n].numpy() == model.state_dict()[n].numpy()).all() for n in loaded)
    assert set(HEAD) <= equal_weights(other, untouched)
    rows = listed(tmp_path)
    assert {row["name"] for row in rows} == set(HEAD)
    assert rows[0] == {
        "name": "head.yolo_output.0.weight",
        "reason": "another shape",
        "in_file": "33x32x1x1",
        "in_network": "27x32x1x1",
    }
    assert "not loaded: 6 another shape (head.yolo_output.0.weight); all in" in capsys.readouterr().out


def test_a_backbone_alone_is_loaded_and_the_rest_is_listed_from_both_sides(tmp_path):
    backbone = network(seed=1).backbone
    arrays = {name: tensor.numpy() for name, tensor in backbone.state_dict().items()}
    save_file({**arrays, "fc.weight": np.zeros((2, 3), np.float32)}, str(tmp_path / WEIGHTS))
    model = network()
    load_weights(model, str(tmp_path), tmp_path / "assets")
    assert equal_weights(backbone, model.backbone) == set(backbone.state_dict())
    reasons = {row["name"]: row["reason"] for row in listed(tmp_path / "assets")}
    assert reasons.pop("fc.weight") == "no place in the network"
    assert set(reasons) == {n for n in model.state_dict() if not n.startswith("backbone.")}
    assert set(reasons.values()) == {"not in the file"}


PUBLISHED = {
    "darknet53": DarkNet,
    "mobilenet_v1": lambda: MobileNet(feature_maps=[4, 6, 13]),
    "mobilenet_v3": lambda: MobileNetV3(feature_maps=[7, 13, 16]),
    "resnet50_vd": lambda: ResNet(50, variant="d", return_idx=[1, 2, 3], freeze_norm=False, freeze_at=-1),
}


class Published(paddle.nn.Layer):
    """The parts and names of PaddleDetection's architecture YOLOv3, which needs its registry."""

    def __init__(self, backbone: str):
        super().__init__()
        self.backbone = PUBLISHED[backbone]()
        self.neck = YOLOv3FPN([shape.channels for shape in self.backbone.out_shape])
        self.yolo_head = YOLOv3Head(num_classes=80, loss=None)


@pytest.mark.parametrize("backbone", PUBLISHED)
def test_names_and_shapes_of_paddle_detection_fit_at_its_width(backbone):
    ours = shapes(network(backbone=backbone, neck_width=512))
    sources, left = match(shapes(Published(backbone)), ours)
    assert {weight.name for weight in left} == set(HEAD) == set(ours) - set(sources)
    assert {weight.reason for weight in left} == {"another shape"}


def shapes(layer: paddle.nn.Layer) -> dict[str, list[int]]:
    return {name: list(tensor.shape) for name, tensor in layer.state_dict().items()}


def test_a_converted_detector_of_paddle_detection_computes_the_same_features(tmp_path):
    published = Published("mobilenet_v3")
    paddle.save(published.state_dict(), str(tmp_path / "yolov3.pdparams"))
    with pytest.raises(
        UserError, match=r"is a pickle, expected safetensors: .*convert_weights.py .*pdparams"
    ):
        load_weights(network(), str(tmp_path / "yolov3.pdparams"), tmp_path / "assets")
    convert(tmp_path / "yolov3.pdparams", tmp_path / "safe")
    model = network(backbone="mobilenet_v3", neck_width=512)
    load_weights(model, str(tmp_path / "safe"), tmp_path / "assets")
    model.eval(), published.eval()
    image = {"image": paddle.rand([1, 3, 64, 64])}
    with paddle.no_grad():
        for one, other in zip(model.neck(model.backbone(image)), published.neck(published.backbone(image))):
            assert one.numpy() == pytest.approx(other.numpy(), abs=1e-5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file, expected safetensors"),
        (b"not safetensors", "is damaged, expected whole safetensors"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_configuration(tmp_path, content, message):
    file = tmp_path / "weights.safetensors"
    if content:
        file.write_bytes(content)
    config = build(Config, {"task": "pcb", "model": {"weights": str(file)}}, "test")
    with pytest.raises(UserError, match=f"model.weights: {file}:? {message}"):
        config.check_files()


def test_weights_that_do_not_fit_at_all_are_refused_and_leave_the_network_alone(tmp_path):
    save_file({"encoder.weight": np.zeros((2, 3), np.float32)}, str(tmp_path / WEIGHTS))
    model = network()
    message = "found 1 weights, none of which fits; expected names and shapes such as backbone.stage.0.0"
    with pytest.raises(UserError, match=message):
        load_weights(model, str(tmp_path), tmp_path / "assets")
    assert equal_weights(model, network()) == set(model.state_dict())
    assert not (tmp_path / "assets").exists()

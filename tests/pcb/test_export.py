"""Exported detectors: complete, equal to the run, and refused where they are not."""

import functools
import json
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import paddle
import pytest

from common.config import build
from common.errors import UserError
from common.evaluation.detection import Truth
from tasks.pcb.config import Model
from tasks.pcb.data import CLASSES
from tasks.pcb.export import ALLOWED, compare, export, require_agreement
from tasks.pcb.exported import find_exported, load_detector
from tasks.pcb.images import read_image
from tasks.pcb.inference_model import save_onnx, save_paddle
from tasks.pcb.model import YOLOv3
from tasks.pcb.predict import predict
from tasks.pcb.source import TrainedRun
from tasks.pcb.synthetic_boards import generate_board
from tests.conftest import ROOT
from tests.exports import FORMATS, NETWORKS, ONNX, changed, cut, export_all, gone, with_onnx


@pytest.fixture(scope="module")
def exports(boards_run, tmp_path_factory):
    """The run as a Paddle model and, where that can be, as ONNX, by format."""
    data = boards_run.path.parent / "data"
    return export_all(export, boards_run.path, tmp_path_factory.mktemp("exports"), data)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_holds_the_model_what_is_needed_beside_it_and_the_proof(boards_run, exports, name):
    files = {file.name for file in exports[name].iterdir()} - {"export.json"}
    assert files in NETWORKS[name]
    described = json.loads((exports[name] / "export.json").read_text(encoding="utf-8"))
    assert (described["task"], described["format"]) == ("pcb", name)
    assert described["classes"] == list(CLASSES) == list(find_exported(exports[name]).classes)
    assert described["anchors"] == json.loads((boards_run.assets / "anchors.json").read_text())
    assert (described["strides"], described["training_size"]) == ([64, 32, 16], 128)
    assert described["threshold"] == boards_run.metrics()["validation"]["threshold"]
    compared = described["compared"]
    assert compared["kind"] == "validation pictures" and compared["pictures"] > 1
    assert set(compared["largest_difference"]) == {"paddle", name}
    for found in compared["largest_difference"].values():
        assert all(found[of] <= limit for of, limit in ALLOWED.items())


@pytest.mark.parametrize("name", FORMATS)
def test_an_exported_folder_predicts_as_the_run_does(boards_run, exports, tmp_path, name):
    for number, (height, width) in enumerate([(160, 160), (100, 230), (64, 64)]):
        image = generate_board(number, size=256).tested[:height, :width]
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    found = []
    for run in (boards_run.path, exports[name]):
        predict(run, str(tmp_path), tmp_path / f"out{len(found)}", threshold=0.02, no_drawing=True)
        said = json.loads((tmp_path / f"out{len(found)}/predictions.json").read_text(encoding="utf-8"))
        found.append(said["pictures"])
    for expected, exported in zip(*found):
        assert (expected["image"], len(expected["boxes"])) == (exported["image"], len(exported["boxes"]))
        # Those of nearly equal score may change places.
        for box in expected["boxes"]:
            assert any(equal(box, other) for other in exported["boxes"])
    assert sum(len(picture["boxes"]) for picture in found[0]) > 0


def equal(box: dict, other: dict) -> bool:
    """Within what an export may differ by, and rounding."""
    near = all(abs(box[side] - other[side]) <= 0.11 for side in ("x1", "y1", "x2", "y2"))
    return near and box["class"] == other["class"] and abs(box["score"] - other["score"]) <= 1.01e-4


@pytest.mark.parametrize("name", FORMATS)
def test_five_real_pictures_give_the_boxes_of_the_run(boards_run, exports, data_root, name):
    run = TrainedRun.find(boards_run.path)
    task = run.load("cpu")
    files = sorted((data_root / "deeppcb/PCBData").glob("*/*/*_test.jpg"))[::300]
    detector = load_detector(exports[name], name, run.classes, 64, 1.0)
    forwards = (task.detector.forward, detector.forward)
    for file in files:
        image = read_image(file)[:, :, 0].astype(np.float32)[None, None]
        (boxes, scores), (other_boxes, other_scores) = (forward(image) for forward in forwards)
        assert np.abs(scores - other_scores).max() <= 1e-4
        likely = scores.max(axis=2) > 0.001
        assert likely.sum() > 100
        assert np.abs(boxes.clip(0, 640) - other_boxes.clip(0, 640))[likely].max() <= 0.1
    assert len(files) == 5


@pytest.mark.parametrize("backbone", ["mobilenet_v1", "mobilenet_v3", "resnet50_vd"])
def test_another_backbone_is_exported_for_any_sides(tmp_path, backbone):
    paddle.seed(0)
    config = build(Model, {"backbone": backbone, "neck_width": 16, "dropout": 0.3}, "test")
    model = YOLOv3(config, [[10 * i, 12 * i] for i in range(1, 10)], classes=4)
    normalise_features(model)
    save_paddle(model, tmp_path)
    formats = ["paddle"]
    if ONNX:
        save_onnx(tmp_path)
        formats.append("onnx")
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 96)).astype(np.float32)
    expected = [value.numpy() for value in model.decoded(paddle.to_tensor(images))]
    for name in formats:
        boxes, scores = load_detector(tmp_path, name, ("a",), 32, 1.0).forward(images)
        # A network that is not trained magnifies what exporters round; a wrong operator is far off.
        assert boxes == pytest.approx(expected[0], rel=1e-3, abs=0.1)
        assert scores == pytest.approx(expected[1], abs=1e-3)


def normalise_features(model: YOLOv3) -> None:
    """Statistics as after training; without them features grow from block to block of a deep network."""
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0
    model.neck(model.backbone({"image": 4 * paddle.rand([4, 3, 96, 96]) - 2}))
    model.eval()


@with_onnx
def test_an_onnx_model_has_named_inputs_and_outputs_and_needs_no_paddle(exports, tmp_path):
    import onnxruntime

    model = exports["onnx"] / "model.onnx"
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (source,), targets = session.get_inputs(), session.get_outputs()
    assert (source.name, source.shape) == ("images", ["batch", 3, "height", "width"])
    shapes = {target.name: target.shape for target in targets}
    assert shapes == {"boxes": ["batch", "boxes", 4], "scores": ["batch", "boxes", 6]}
    assert not [name for name in sys.modules if name.partition(".")[0] == "polygraphy"]
    cv2.imwrite(str(tmp_path / "a.png"), generate_board(0, size=128).tested)
    code = (
        "import sys; from pathlib import Path; from tasks.pcb.predict import predict; "
        "predict(*map(Path, sys.argv[1:]), threshold=0.1); assert 'paddle' not in sys.modules"
    )
    line = [sys.executable, "-c", code, exports["onnx"], tmp_path / "a.png", tmp_path / "out"]
    done = subprocess.run([*map(str, line)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_export_that_differs_is_refused_and_leaves_nothing(boards_run, tmp_path):
    # The last that is looked at, so that the others were found to agree.
    allowed = {**ALLOWED, "map_50": -1.0}
    with pytest.raises(UserError, match="map_50 of paddle and run differ by .*nothing was exported"):
        export(boards_run.path, "paddle", tmp_path / "out", boards_run.path.parent / "data", allowed)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("of", ALLOWED)
def test_a_difference_above_what_is_allowed_and_a_number_that_is_none_are_refused(of):
    require_agreement({"onnx": ALLOWED}, ALLOWED)
    for difference, said in ((1.01 * ALLOWED[of], f"{1.01 * ALLOWED[of]:.1e}"), (float("nan"), "nan")):
        message = f"{of} of onnx and run differ by {said}, expected at most {ALLOWED[of]:.0e}"
        with pytest.raises(UserError, match=message):
            require_agreement({"onnx": {**ALLOWED, of: difference}}, ALLOWED)


def test_the_comparison_finds_what_was_planted(boards_run):
    run = TrainedRun.find(boards_run.path).load("cpu").detector

    def planted(images):
        boxes, scores = (value.copy() for value in run.forward(images))
        boxes[0, scores[0].max(axis=1).argmax(), 0] += 3.0
        scores[0, 0, 0] += 0.25
        return boxes, scores

    other = type(run)(run.classes, run.stride, run.scale, planted)
    image = generate_board(0, size=128).tested[:, :, None]
    nothing = Truth(np.zeros((0, 4), np.float32), np.zeros(0, int))
    found = compare(run, {"planted": other, "itself": run}, iter([(image, nothing)]))
    assert found["itself"] == {"pixels": 0.0, "score": 0.0}
    assert found["planted"] == pytest.approx({"pixels": 3.0, "score": 0.25}, rel=1e-4)


def test_without_its_data_a_run_is_compared_on_drawn_boards(boards_run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tasks.pcb.export.DRAWN_PICTURES", 2)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "nowhere"))
    export(boards_run.path, "paddle", tmp_path / "out")
    assert "compared on drawn boards" in capsys.readouterr().out
    compared = json.loads((tmp_path / "out/export.json").read_text(encoding="utf-8"))["compared"]
    assert (compared["kind"], compared["pictures"]) == ("drawn boards", 3)
    assert set(compared["largest_difference"]["paddle"]) == {"pixels", "score"}
    with pytest.raises(UserError, match="no such folder"):
        export(boards_run.path, "paddle", tmp_path / "other", tmp_path / "nowhere")


saying = functools.partial(changed, "export.json")
DAMAGED = {
    "no parameters": ("paddle", gone("model.pdiparams"), "found no model.pdiparams"),
    "cut network": ("paddle", cut("model.json"), "Paddle cannot load the model"),
    "other classes": ("paddle", saying(classes=["a", "b"]), "found a model of 6 classes, expected 2"),
    "no classes": ("paddle", saying(classes=None), "classes: found None, expected a list of names"),
    "cut description": ("paddle", cut("export.json"), "export.json: is not JSON"),
    "unknown format": ("paddle", saying(format="tflite"), "format: found 'tflite', expected one of"),
    "no stride": ("paddle", saying(stride=0), "stride: found 0, expected a number of pixels"),
    "scale": ("paddle", saying(scale=2), "scale: found 2, expected a number above 0, at most 1"),
    "threshold": ("paddle", saying(threshold="x"), "threshold: found 'x', expected a number from 0 to 1"),
    "cut onnx": ("onnx", cut("model.onnx"), "onnxruntime cannot load the model"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_export_is_one_line(exports, tmp_path, case):
    name, damage, message = DAMAGED[case]
    if name not in exports or (case == "cut network" and not (exports[name] / "model.json").exists()):
        pytest.skip("not written by what is installed")
    shutil.copytree(exports[name], tmp_path / "export")
    damage(tmp_path / "export")
    cv2.imwrite(str(tmp_path / "a.png"), generate_board(0, size=128).tested)
    with pytest.raises(UserError, match=re.escape(message)):
        predict(tmp_path / "export", str(tmp_path / "a.png"), tmp_path / "out", threshold=0.1)
    assert not (tmp_path / "out").exists()

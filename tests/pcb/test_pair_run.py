"""A model of pairs from training to its exported copy."""

import json
import re
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest

from common.errors import UserError
from tasks.pcb.export import ALLOWED, export
from tasks.pcb.exported import find_exported
from tasks.pcb.images import read_image
from tasks.pcb.predict import predict
from tasks.pcb.source import TrainedRun
from tasks.runs import load_trained
from tests.exports import FORMATS, changed, export_all
from tests.pcb.pictures import pictures_of
from tests.pcb.small_run import boards_run
from tests.pcb.test_export import equal


@pytest.fixture(scope="module")
def pair_run(tmp_path_factory):
    """A run on drawn boards and their templates, which stand in ``data`` beside it."""
    sections = {"model": {"input": "difference"}, "augment": {"template_shift": 1, "holes": 1}}
    return boards_run(tmp_path_factory.mktemp("pairs"), **sections)


@pytest.fixture(scope="module")
def group(pair_run):
    """The folder of the validation boards: ``a_test.jpg`` and ``a_temp.jpg`` side by side."""
    return pair_run.path.parent / "data/boards/group92000/92000"


def test_evaluation_sees_templates_beside_themselves_and_is_the_same_again(pair_run):
    kept = pd.read_csv(pair_run.predictions("validation"))
    assert kept["image"].str.contains("_test").any()
    metrics, rows = load_trained(pair_run, pair_run.path.parent / "data").evaluate_split("validation")
    assert metrics == pytest.approx(pair_run.metrics()["validation"])
    assert metrics["false_alarms_per_template"] >= 0
    assert [row["image"] for row in rows] == kept["image"].tolist()


def test_a_folder_in_deeppcbs_naming_gives_the_boxes_of_evaluation(pair_run, group, tmp_path, capsys):
    predict(pair_run.path, str(group), tmp_path, threshold=0.0, no_drawing=True)
    assert "2 pictures are templates of others" in capsys.readouterr().out
    found = pd.read_csv(tmp_path / "predictions.csv")
    expected = pd.read_csv(pair_run.predictions("validation"))
    expected = expected[expected["image"].str.contains("_test")]
    order = ["image", "class", "score", "x1"]
    found, expected = (table.sort_values(order, ignore_index=True) for table in (found, expected))
    assert len(found) > 20
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=0.011)


def test_templates_are_named_by_folder_by_file_or_by_pattern(pair_run, group, tmp_path):
    tested = sorted(group.glob("*_test.jpg"))[0]
    template = tested.with_name(tested.name.replace("_test", "_temp"))
    for name, file in {"in/a.jpg": tested, "golden/a.jpg": template, "in/a_ref.jpg": template}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / name)
    given = [
        (tested, None),
        (tmp_path / "in/a.jpg", str(tmp_path / "golden")),
        (tmp_path / "in/a.jpg", str(tmp_path / "golden/a.jpg")),
        (tmp_path / "in", "*_ref"),
    ]
    found = []
    for number, (input, templates) in enumerate(given):
        output = tmp_path / f"out{number}"
        predict(pair_run.path, str(input), output, threshold=0.01, templates=templates)
        (picture,) = pictures_of(output)
        found.append(picture["boxes"])
        drawn = cv2.imread(str(output / picture["drawn"]))
        assert drawn.shape == (picture["height"], picture["width"], 3)
    assert found[0] and found == [found[0]] * 4


def test_a_missing_template_and_one_of_another_size_are_passed_over_with_a_line(
    pair_run, group, tmp_path, capsys
):
    shutil.copytree(group, tmp_path / "in")
    first, second = sorted((tmp_path / "in").glob("*_test.jpg"))
    shutil.copy(first, tmp_path / "in/b_test.jpg")
    other = second.with_name(second.name.replace("_test", "_temp"))
    cv2.imwrite(str(other), read_image(other)[:100])
    with pytest.raises(UserError, match="2 of 3 pictures cannot be read"):
        predict(pair_run.path, str(tmp_path / "in"), tmp_path / "out", threshold=0.1)
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines == [
        f"passed over: {other}: found a template of 160 x 100 pixels, expected 160 x 160 as {second} has",
        f"passed over: {tmp_path}/in/b_test.jpg: found no template, expected a_temp.jpg beside a_test.jpg, "
        "or its name in --templates",
    ]
    assert ["error" in picture for picture in pictures_of(tmp_path / "out")] == [False, True, True]


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        (None, "--input: {input}: found no template, expected a_temp.jpg beside a_test.jpg, or its name in "),
        ("nowhere", "--templates: found no nowhere, expected a folder, a picture, or a name with * such as "),
    ],
)
def test_a_mistake_with_templates_is_one_line(pair_run, group, tmp_path, templates, message):
    input = tmp_path / "a.jpg"
    shutil.copy(sorted(group.glob("*_test.jpg"))[0], input)
    with pytest.raises(UserError, match=re.escape(message.format(input=input))):
        predict(pair_run.path, str(input), tmp_path / "out", threshold=0.1, templates=templates)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def exports(pair_run, tmp_path_factory):
    """The run as a Paddle model and, where that can be, as ONNX, by format."""
    data = pair_run.path.parent / "data"
    return export_all(export, pair_run.path, tmp_path_factory.mktemp("exports"), data)


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_takes_pairs_says_so_and_predicts_as_the_run_does(pair_run, group, exports, tmp_path, name):
    described = json.loads((exports[name] / "export.json").read_text(encoding="utf-8"))
    assert (described["model_input"], described["bits"]) == ("difference", 16)
    assert "[batch, 6, height, width], of the tested picture and then of its template" in described["input"]
    assert all(
        found[of] <= limit
        for found in described["compared"]["largest_difference"].values()
        for of, limit in ALLOWED.items()
    )
    found = []
    for run in (pair_run.path, exports[name]):
        predict(run, str(group), tmp_path / f"out{len(found)}", threshold=0.02, no_drawing=True)
        found.append(pictures_of(tmp_path / f"out{len(found)}"))
    assert sum(len(picture["boxes"]) for picture in found[0]) > 0
    for expected, exported in zip(*found):
        assert (expected["image"], len(expected["boxes"])) == (exported["image"], len(exported["boxes"]))
        for box in expected["boxes"]:
            assert any(equal(box, other) for other in exported["boxes"])


def test_without_its_data_a_run_of_pairs_is_compared_on_drawn_pairs(pair_run, tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.pcb.export.DRAWN_PICTURES", 2)
    monkeypatch.setenv("DATA_ROOT", str(tmp_path / "nowhere"))
    export(pair_run.path, "paddle", tmp_path / "out")
    assert find_exported(tmp_path / "out").pairs


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_input": "both"}, "model_input: found 'both', expected one of tested, pair, difference"),
        ({"bits": 8}, "bits: found 8, expected a number from 9 to 16"),
        ({"model_input": "tested"}, "found a model that takes no 3 channels, expected one that does"),
    ],
)
def test_an_export_that_says_something_else_is_one_line(group, exports, tmp_path, fields, message):
    shutil.copytree(exports["paddle"], tmp_path / "export")
    changed("export.json", **fields)(tmp_path / "export")
    with pytest.raises(UserError, match=re.escape(message)):
        predict(tmp_path / "export", str(group), tmp_path / "out", threshold=0.1)


def test_a_run_without_its_data_still_tells_that_it_takes_pairs(pair_run):
    found = TrainedRun.find(pair_run.path)
    assert found.pairs
    pair = np.zeros((64, 64, 2), np.uint8)
    assert len(found.load("cpu").detector.detect([pair])) == 1

"""Boxes of pictures: equal to evaluation, in order, and what is passed over or refused."""

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from common.errors import UserError
from tasks.pcb.box_files import COLUMNS, LIST_COLUMNS
from tasks.pcb.data import CLASSES
from tasks.pcb.predict import files_of, predict, read_pictures
from tasks.pcb.synthetic_boards import generate_board
from tests.pcb.pictures import pictures_of, write_picture


def board(seed: int = 0, size: int = 160) -> np.ndarray:
    return generate_board(seed, size=size).tested


def test_boxes_are_those_of_evaluation(boards_run, tmp_path):
    group = boards_run.path.parent / "data/boards/group92000"
    predict(boards_run.path, str(group), tmp_path / "out", threshold=0.0, batch_size=3, no_drawing=True)
    found = pd.read_csv(tmp_path / "out/predictions.csv")
    assert tuple(found) == COLUMNS
    found["image"] = [name.rpartition("/")[2] for name in found["image"]]
    expected = pd.read_csv(boards_run.predictions("validation"))
    order = ["image", "class", "score", "x1"]
    found = found[found["image"].isin(expected["image"])].sort_values(order, ignore_index=True)
    expected = expected.sort_values(order, ignore_index=True)
    assert len(expected) > 20 and expected["score"].max() > 0.05
    pd.testing.assert_frame_equal(found, expected, rtol=0, atol=0.011)
    assert not (tmp_path / "out/pictures").exists()


def test_json_and_csv_say_the_same_and_boxes_stand_above_the_runs_threshold(boards_run, tmp_path):
    threshold = boards_run.metrics()["validation"]["threshold"]
    group = boards_run.path.parent / "data/boards/group92000"
    predict(boards_run.path, str(group), tmp_path)
    said = json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))
    assert (said["classes"], said["threshold"]) == (list(CLASSES), threshold)
    rows = [{"image": p["image"], **box} for p in said["pictures"] for box in p["boxes"]]
    assert len(rows) > 0
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.read_csv(tmp_path / "predictions.csv"))
    assert min(row["score"] for row in rows) >= threshold - 1e-6
    names = [p["image"] for p in said["pictures"]]
    assert names == sorted(names) and len(names) == len(list(group.rglob("*.jpg")))
    for picture in said["pictures"]:
        drawn = cv2.imread(str(tmp_path / picture["drawn"]))
        assert drawn.shape == (picture["height"], picture["width"], 3)
        coloured = (drawn.max(axis=2).astype(int) - drawn.min(axis=2) > 60).any()
        assert coloured == bool(picture["boxes"])


def test_every_kind_of_picture_gives_the_boxes_of_its_grey_original(boards_run, tmp_path):
    grey = board()
    kinds = {
        "板/灰.png": grey,
        "16.png": grey.astype(np.uint16) * 257,
        "16.tif": np.repeat(grey[:, :, None].astype(np.uint16) * 257, 3, axis=2),
        "colour.bmp": np.repeat(grey[:, :, None], 3, axis=2),
        "grey.tiff": grey,
    }
    for name, image in kinds.items():
        write_picture(tmp_path / "in" / name, image)
    predict(boards_run.path, str(tmp_path / "in"), tmp_path / "out", threshold=0.02)
    found = {picture["image"]: picture for picture in pictures_of(tmp_path / "out")}
    assert set(found) == set(kinds)
    expected = found["板/灰.png"]["boxes"]
    assert expected
    for name, picture in found.items():
        assert len(picture["boxes"]) == len(expected), name
        for box, other in zip(picture["boxes"], expected):
            assert box["class"] == other["class"]
            for value in COLUMNS[2:]:
                assert box[value] == pytest.approx(other[value], abs=0.02)
        assert (tmp_path / "out" / picture["drawn"]).is_file()


def test_a_camera_that_uses_some_of_16_bits_is_read_as_in_training(boards_run, tmp_path):
    grey = board()
    write_picture(tmp_path / "in/12.png", np.rint(grey * (4095 / 255)).astype(np.uint16))
    write_picture(tmp_path / "in/8.png", grey)
    shutil.copytree(boards_run.path, tmp_path / "run")
    settings = (tmp_path / "run/config.yaml").read_text()
    assert "bits: 16" in settings
    (tmp_path / "run/config.yaml").write_text(settings.replace("bits: 16", "bits: 12"))
    predict(tmp_path / "run", str(tmp_path / "in"), tmp_path / "out", threshold=0.02)
    deep, usual = pictures_of(tmp_path / "out")
    assert deep["boxes"] == usual["boxes"] != []


def test_templates_are_refused_by_a_model_of_tested_pictures(boards_run, tmp_path):
    write_picture(tmp_path / "a.png", board())
    message = f"--templates: found x, but the model in {boards_run.path} is shown tested pictures alone"
    with pytest.raises(UserError, match=re.escape(message)):
        predict(boards_run.path, str(tmp_path / "a.png"), tmp_path / "out", templates="x")


def test_pictures_of_any_size_stay_in_order_and_boxes_inside(boards_run, tmp_path):
    sizes = [(100, 97), (1, 1), (300, 131), (64, 64), (63, 200), (100, 97)]
    names = [f"{10 - i}.png" for i in range(len(sizes))]
    for name, (height, width) in zip(names, sizes):
        write_picture(tmp_path / "in" / name, board(1, 320)[:height, :width])
    (tmp_path / "in/list.txt").write_text("\n".join([*names, "", str(tmp_path / "in/10.png")]))
    predict(boards_run.path, str(tmp_path / "in/list.txt"), tmp_path / "out", threshold=0.0)
    found = pictures_of(tmp_path / "out")
    assert [p["image"] for p in found] == [*names, str(tmp_path / "in/10.png")]
    for picture, (height, width) in zip(found, [*sizes, sizes[0]]):
        assert (picture["height"], picture["width"]) == (height, width)
        for box in picture["boxes"]:
            assert 0 <= box["x1"] <= box["x2"] <= width and 0 <= box["y1"] <= box["y2"] <= height
    assert found[0]["boxes"] == found[-1]["boxes"]
    assert len({p["drawn"] for p in found}) == len(found)
    assert all((tmp_path / "out" / p["drawn"]).resolve().is_relative_to(tmp_path / "out") for p in found)


def test_what_cannot_be_read_is_passed_over_with_a_line_and_counted(boards_run, tmp_path, capsys):
    for name in ("a.png", "c.jpg", "e.png"):
        write_picture(tmp_path / "in" / name, board())
    (tmp_path / "in/b.png").write_bytes((tmp_path / "in/a.png").read_bytes()[:300])
    (tmp_path / "in/d.jpg").write_bytes(b"")
    (tmp_path / "in/notes.md").write_text("no picture")
    message = (
        f"--input: {tmp_path / 'in'}: 2 of 5 pictures cannot be read, see {tmp_path / 'out/pictures.csv'};"
    )
    with pytest.raises(UserError, match=re.escape(message)):
        predict(boards_run.path, str(tmp_path / "in"), tmp_path / "out", batch_size=2)
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert [re.match(r"passed over: .*/in/(\w\.\w+): found \d+ bytes", line)[1] for line in lines] == [
        *["b.png", "d.jpg"]
    ]
    assert "3 pictures, " in printed.out and "; 2 passed over" in printed.out
    assert "pictures/s" in printed.out
    found = pictures_of(tmp_path / "out")
    assert [p["image"] for p in found] == ["a.png", "b.png", "c.jpg", "d.jpg", "e.png"]
    assert ["error" in p for p in found] == [False, True, False, True, False]
    rows = pd.read_csv(tmp_path / "out/pictures.csv", keep_default_na=False)
    assert tuple(rows) == LIST_COLUMNS
    assert list(rows["image"]) == [p["image"] for p in found]
    assert list(rows["error"]) == [p.get("error", "") for p in found]
    assert list(rows["boxes"]) == [str(len(p["boxes"])) if "boxes" in p else "" for p in found]


def test_nothing_readable_is_one_error_and_no_file(boards_run, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("no.png\nneither.png\n")
    with pytest.raises(UserError, match="list.txt: none of 2 pictures can be read"):
        predict(boards_run.path, str(tmp_path / "list.txt"), tmp_path / "out")
    assert capsys.readouterr().err.count("no such file") == 2
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="--input: .*a.png: found 10 bytes that are no whole picture"):
        predict(boards_run.path, str(tmp_path / "a.png"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_real_pictures_are_predicted(boards_run, data_root, tmp_path):
    root = data_root / "deeppcb/PCBData"
    names = [str(file) for file in sorted(root.glob("*/*/*_test.jpg"))[::300]]
    assert len(names) == 5
    (tmp_path / "list.txt").write_text("\n".join(names))
    predict(boards_run.path, str(tmp_path / "list.txt"), tmp_path / "out", threshold=0.0)
    found = pictures_of(tmp_path / "out")
    assert [p["image"] for p in found] == names
    assert all((p["height"], p["width"]) == (640, 640) for p in found)
    assert sum(len(p["boxes"]) for p in found) > 0


def mistakes(run, folder) -> dict[str, tuple[dict, str]]:
    """What is given, and what must be said."""
    (folder / "empty").mkdir()
    (folder / "empty.txt").write_text("\n \n")
    (folder / "latin.txt").write_bytes(b"\xff\xfe\xff")
    write_picture(folder / "a.png", board())
    (folder / "there").mkdir()
    (folder / "there/predictions.csv").write_text("mine")
    there = {"input": str(folder / "a.png"), "output": folder / "out"}
    return {
        "no input": ({**there, "input": "no.png"}, "--input: no.png: no such file or folder"),
        "empty folder": ({**there, "input": str(folder / "empty")}, "found no picture in the folder"),
        "empty list": ({**there, "input": str(folder / "empty.txt")}, "found no line, expected one picture"),
        "not text": ({**there, "input": str(folder / "latin.txt")}, "cannot be read as text"),
        "no output": ({"input": there["input"]}, "--output: missing, expected a folder"),
        "batch": ({**there, "batch_size": 0}, "--batch-size: found 0, expected at least 1"),
        "threshold": ({**there, "threshold": 1.5}, "--threshold: found 1.5, expected a number from 0 to 1"),
        "there": (
            {**there, "output": folder / "there"},
            "predictions.csv exists, expected another folder, or --overwrite",
        ),
    }


@pytest.mark.parametrize(
    "name",
    ["no input", "empty folder", "empty list", "not text", "no output", "batch", "threshold", "there"],
)
def test_a_mistake_is_one_line(boards_run, tmp_path, name):
    given, message = mistakes(boards_run.path, tmp_path)[name]
    with pytest.raises(UserError, match=re.escape(message)):
        predict(boards_run.path, **given)
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "there/predictions.csv").read_text() == "mine"


DAMAGED = {
    "no classes": ("assets/classes.json", None, "classes.json: no such file"),
    "classes twice": ("assets/classes.json", '{"classes": ["a", "a"]}', "found a name twice"),
    "classes are numbers": ("assets/classes.json", '{"classes": [1]}', "expected a list of names"),
    "no anchors": ("assets/anchors.json", None, "found no anchors.json"),
    "no weights": ("checkpoints/best.safetensors", None, "found no best.safetensors, expected"),
    "no threshold": ("metrics.json", None, "--threshold: missing, and"),
    "other classes": ("assets/classes.json", '{"classes": ["a", "b"]}', "weight head.yolo_output"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_run_that_is_not_whole_is_one_line(boards_run, tmp_path, name):
    file, text, message = DAMAGED[name]
    shutil.copytree(boards_run.path, tmp_path / "run")
    (tmp_path / "run" / file).unlink()
    if text is not None:
        (tmp_path / "run" / file).write_text(text)
    write_picture(tmp_path / "a.png", board())
    with pytest.raises(UserError, match=re.escape(message)):
        predict(tmp_path / "run", str(tmp_path / "a.png"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_is_read_by_name_and_hidden_files_are_left_out(tmp_path):
    for name in ("b/2.png", "b/1.jpg", "a.PNG", "._a.png", "c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert sorted(name for name, _ in files_of(tmp_path)) == ["a.PNG", "b/1.jpg", "b/2.png"]
    assert [p.image for p in read_pictures(files_of(tmp_path))] == [None] * 3


def test_pictures_that_were_drawn_before_are_no_input_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "pictures/b.png", "out/pictures/a.png"):
        write_picture(tmp_path / name, np.zeros((8, 8), np.uint8))
    for output in (Path("out"), tmp_path / "out"):
        assert [name for name, _ in files_of(tmp_path, output / "pictures")] == ["a.png", "pictures/b.png"]
    with pytest.raises(UserError, match="found no picture in the folder"):
        files_of(tmp_path / "out", Path("out/pictures"))

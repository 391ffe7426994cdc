"""Which template belongs to which picture, and what is refused."""

import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from common.config import build
from common.errors import UserError
from tasks.pcb.config import Config
from tasks.pcb.conversion import convert
from tasks.pcb.data import Data, read_data
from tasks.pcb.formats import read_box_set
from tasks.pcb.formats.templates import Templates, find_templates
from tasks.pcb.predictions import templates_of
from tasks.pcb.synthetic_boards import write_boards


def write(path: Path, size=(64, 40)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.zeros(size[::-1], np.uint8))[1].tobytes())
    return path


def write_voc(root: Path, *names: str) -> None:
    """Pictures without suffix in their names, each with a box of a class."""
    box = "<bndbox><xmin>5</xmin><ymin>5</ymin><xmax>20</xmax><ymax>20</ymax></bndbox>"
    for name in names:
        write(root / f"JPEGImages/{name}.png")
        annotation = root / f"Annotations/{name}.xml"
        annotation.parent.mkdir(parents=True, exist_ok=True)
        annotation.write_text(f"<annotation><object><name>dent</name>{box}</object></annotation>")


def read(root: Path, model_input: str = "pair", **data) -> Data:
    values = {"task": "pcb", "model": {"input": model_input}, "data": {"root": root.name, **data}}
    return read_data(build(Config, values, "test"), root.parent)


@pytest.mark.parametrize(
    ("given", "tested", "template"),
    [
        (None, "lot/a_test.png", "lot/a_temp.png"),
        (None, "lot/a_test.png", "lot/a_temp.tif"),
        (None, "lot/a.png", "templates/lot/a.png"),
        (None, "lot/a.png", "templates/a.jpg"),
        (None, "lot/images/a.png", "templates/lot/images/a.png"),
        (None, "lot/images/a.png", "templates/lot/a.png"),
        (None, "lot/a.png", "templates/lot/a.PNG"),
        (None, "lot/A_TEST.PNG", "lot/A_TEMP.PNG"),
        ("golden", "lot/板 1.c.png", "golden/lot/板 1.c.bmp"),
        ("golden", "lot/a_test.png", "golden/lot/a_temp.png"),
        ("*_ref", "lot/a.png", "lot/a_ref.jpg"),
        ("../golden/*-0", "lot/a.png", "golden/a-0.png"),
        ("*.golden.png", "lot/a.png", "lot/a.golden.png"),
        ("golden.png", "lot/a.png", "golden.png"),
    ],
)
def test_a_template_is_found_by_its_name(tmp_path, given, tested, template):
    for name in (tested, template, "templates/other.png"):
        write(tmp_path / name)
    found = find_templates(given, tmp_path).of(tmp_path / tested, tested)
    assert found is not None and found.resolve() == tmp_path / template


def test_nothing_is_its_own_template_and_a_folder_that_is_named_is_the_only_place(tmp_path):
    for name in ("lot/a_test.png", "lot/a_temp.png"):
        write(tmp_path / name)
    assert find_templates("*", tmp_path).of(tmp_path / "lot/a_temp.png", "lot/a_temp.png") is None
    assert Templates(folder=tmp_path).of(tmp_path / "lot/a_temp.png", "lot/a_temp.png") is None
    (tmp_path / "golden").mkdir()
    templates = find_templates("golden", tmp_path)
    assert templates.of(tmp_path / "lot/a_test.png", "lot/a_test.png") is None


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, ["templates/lot/a.png", "templates/lot/b.png", "templates/spare.png"]),
        ("*_ref", ["JPEGImages/lot/a_ref.png", "JPEGImages/lot/b_ref.png"]),
        ("JPEGImages/golden.png", ["JPEGImages/golden.png"]),
    ],
)
def test_templates_are_no_pictures_without_annotation(tmp_path, given, names):
    write_voc(tmp_path, "lot/a", "lot/b")
    for name in names:
        write(tmp_path / name)
    entries = read_box_set(tmp_path, templates=given).entries
    assert [entry.name for entry in entries] == ["lot/a.png", "lot/b.png"]
    assert {str(entry.template.relative_to(tmp_path)) for entry in entries} | {"templates/spare.png"} == {
        *names,
        "templates/spare.png",
    }


def test_pictures_without_annotation_stay_refused_where_tested_ones_are_their_neighbours(tmp_path):
    write_voc(tmp_path, "lot/a")
    write(tmp_path / "JPEGImages/lot/b.png")
    names = [entry.name for entry in read_box_set(tmp_path, templates="JPEGImages").entries]
    assert names == ["lot/a.png", "lot/b.png"]


def test_a_set_in_which_some_or_all_templates_are_missing_is_refused_for_pairs_alone(tmp_path):
    write_boards(tmp_path / "boards", number=8, size=128)
    assert len(templates_of(read(tmp_path / "boards").splits["test"])) == 2
    lost = sorted((tmp_path / "boards").rglob("*_temp.jpg"))
    for file in lost[:3]:
        file.unlink()
    message = "_test.jpg: found no template of this and 2 other pictures, which model.input difference needs"
    with pytest.raises(UserError, match=message):
        read(tmp_path / "boards", "difference")
    assert len(templates_of(read(tmp_path / "boards", "tested").splits["validation"])) == 1


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: write(file, (64, 41)), "found a template of 64 x 41 pixels, expected 128 x 128 as "),
        (lambda file: file.write_bytes(b"no picture"), "found 10 bytes that are no whole picture"),
    ],
)
def test_a_template_of_another_size_and_one_that_is_damaged_are_one_line(tmp_path, damage, message):
    write_boards(tmp_path / "boards", number=8, size=128)
    template = next((tmp_path / "boards").rglob("92000*_temp.jpg"))
    damage(template)
    with pytest.raises(UserError, match=re.escape(f"{template}: {message}")) as raised:
        read(tmp_path / "boards")
    assert "\n" not in str(raised.value)


def test_a_model_of_tested_pictures_takes_templates_of_any_size_but_no_damaged_ones(tmp_path):
    write_boards(tmp_path / "boards", number=8, size=128)
    template = next((tmp_path / "boards").rglob("92000*_temp.jpg"))
    write(template, (64, 41))
    assert read(tmp_path / "boards", "tested").splits["validation"]
    # It would be found after training, when false alarms are counted.
    template.write_bytes(b"no picture")
    with pytest.raises(UserError, match="found 10 bytes that are no whole picture"):
        read(tmp_path / "boards", "tested")


def test_one_template_for_all_is_written_beside_each_by_the_converter(tmp_path):
    write_voc(tmp_path / "in", "lot/a", "lot/b")
    write(tmp_path / "in/golden.bmp")
    convert(tmp_path / "in", "yolo", tmp_path / "out", templates="golden.bmp")
    shutil.rmtree(tmp_path / "in")
    entries = read_box_set(tmp_path / "out").entries
    written = [entry.template.relative_to(tmp_path / "out").as_posix() for entry in entries]
    assert written == ["templates/lot/a.bmp", "templates/lot/b.bmp"]


def test_real_templates_stand_beside_their_boards(data_root):
    config = build(Config, {"task": "pcb", "model": {"input": "difference"}}, "test")
    data = read_data(config, data_root)
    assert [len(templates_of(data.splits[name])) for name in data.splits] == [889, 111, 500]


@pytest.mark.parametrize("template", ["golden/lot/images/a.png", "golden/lot/a.png"])
@pytest.mark.parametrize("name", ["lot/a.png", "lot/images/a.png", "images/a.png", "a.png"])
def test_a_template_is_the_same_whichever_folder_the_tested_pictures_are_named_from(tmp_path, template, name):
    for file in ("lot/images/a.png", "lot2/images/a.png", template, "golden/lot2/images/a.png"):
        write(tmp_path / file)
    found = find_templates("golden", tmp_path).of(tmp_path / "lot/images/a.png", name)
    assert found == tmp_path / template

"""What each format says in its own way: corners, splits, names of classes, what is left out."""

import json

import numpy as np
import pytest

from common.config import build
from common.errors import UserError
from tasks.pcb.config import Config
from tasks.pcb.conversion import convert
from tasks.pcb.data import read_boxes, read_data
from tasks.pcb.formats import read_box_set
from tests.pcb.pictures import write_picture


def test_the_corners_of_voc_count_from_one_and_lie_inside(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros([40, 64], np.uint8))
    (tmp_path / "a.xml").write_text(
        "<annotation><object><name>x</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>64</xmax>"
        "<ymax>2.0</ymax></bndbox></object></annotation>"
    )
    (entry,) = read_box_set(tmp_path).entries
    assert [box.corners for box in read_boxes(entry)] == [(0, 1, 64, 2)]


def test_yolo_text_of_six_digits_gives_whole_pixels_and_leaves_fractions(tmp_path):
    write_picture(tmp_path / "images/a.png", np.zeros([999, 1777], np.uint8))
    edges = np.array([[13, 1700], [7, 301]])
    centre, size = edges.mean(axis=1) / [1777, 999], np.diff(edges)[:, 0] / [1777, 999]
    whole = "0 " + " ".join(f"{share:.6f}" for share in (*centre, *size))
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text(f"{whole}\r\n0 0.5 0.5 0.5 0.5\r\n")
    (tmp_path / "data.yaml").write_text("names: [scratch]\nnc: 1\n")
    (entry,) = read_box_set(tmp_path).entries
    first, second = (box.corners for box in read_boxes(entry))
    assert first == (13, 7, 1700, 301)
    assert second == (444.25, 249.75, 1332.75, 749.25)


def test_the_splits_of_ultralytics_are_read(tmp_path):
    for folder in ("train", "valid", "test"):
        write_picture(tmp_path / folder / "images/a.png", np.zeros([40, 64], np.uint8))
        (tmp_path / folder / "labels").mkdir()
        (tmp_path / folder / "labels/a.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    # As Roboflow writes it, whose places are off by one folder.
    (tmp_path / "data.yaml").write_text(
        "path: /home/somebody/data\ntrain: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
        "names:\n  0: scratch\n  1: dent\n"
    )
    data = read_data(build(Config, {"task": "pcb", "data": {"root": "."}}, "test"), tmp_path)
    assert data.classes == ("scratch", "dent")
    for folder, name in (("train", "train"), ("valid", "validation"), ("test", "test")):
        (picture,) = data.splits[name]
        assert picture.path.parent.parent.name == folder
        assert picture.boxes.tolist() == [[16, 10, 48, 30]] and picture.labels.tolist() == [1]


def test_a_list_of_classes_is_enough_for_yolo_and_no_other_set_names_them(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros([40, 64], np.uint8))
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    with pytest.raises(UserError, match="found no names of classes, expected data.yaml with names"):
        read_box_set(tmp_path, "yolo")
    assert read_box_set(tmp_path, "yolo", ("scratch",)).classes == ("scratch",)
    (tmp_path / "classes.txt").write_bytes("\ufeff划痕\r\n".encode())
    assert read_box_set(tmp_path).classes == ("划痕",)


def test_a_crowd_of_coco_is_no_box_and_categories_are_ordered_by_number(tmp_path):
    write_picture(tmp_path / "images/a.png", np.zeros([40, 64], np.uint8))
    box = {"image_id": 7, "bbox": [1.5, 2, 10, 20], "iscrowd": 0}
    content = {
        "images": [{"id": 7, "file_name": "a.png", "width": 64, "height": 40}],
        "categories": [{"id": 9, "name": "dent"}, {"id": 2, "name": "scratch"}],
        "annotations": [{**box, "category_id": 9}, {**box, "category_id": 2, "iscrowd": 1}],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    found = read_box_set(tmp_path / "boxes.json")
    assert found.classes == ("scratch", "dent")
    assert [(box.name, box.corners) for box in read_boxes(found.entries[0])] == [("dent", (1.5, 2, 11.5, 22))]


def test_a_text_of_yolo_whose_picture_is_gone_is_told_of(tmp_path):
    write_picture(tmp_path / "a.png", np.zeros([40, 64], np.uint8))
    (tmp_path / "classes.txt").write_text("dent\n")
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    left_out = convert(tmp_path, "voc", tmp_path.with_name("out")).left_out
    assert left_out == (f"{tmp_path / 'b.txt'}: found no picture of this and 0 other texts",)

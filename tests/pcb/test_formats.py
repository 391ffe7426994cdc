"""The same pictures in every format: equal samples, and converting there and back."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.config import build
from common.errors import UserError
from tasks.pcb.config import Config
from tasks.pcb.conversion import convert
from tasks.pcb.data import Data, Picture, read_boxes, read_data, read_image
from tasks.pcb.formats import READERS, read_box_set, recognise
from tasks.pcb.formats.writers import WRITERS, Sample
from tasks.pcb.synthetic_boards import write_boards
from tasks.pcb.task import Task
from tests.pcb.pictures import write_picture

FORMATS = sorted(READERS)
NAMES = ("open", "Kurzschluss", "针孔", "1e3")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """The same boards in every format."""
    folder = tmp_path_factory.mktemp("data")
    write_boards(folder / "boards", number=20, size=128, seed=1)
    # An empty annotation is a board without defect.
    next((folder / "boards").glob("group10000/10000_not/*.txt")).write_text("")
    for name in FORMATS:
        convert(folder / "boards", name, folder / name)
    return folder


def read(data_root: Path, **data) -> Data:
    return read_data(build(Config, {"task": "pcb", "data": data}, "test"), data_root)


def assert_equal(found: Data, expected: Data) -> None:
    assert found.classes == expected.classes
    for name, pictures in expected.splits.items():
        assert len(found.splits[name]) == len(pictures) > 0
        for one, other in zip(by_name(found.splits[name]), by_name(pictures)):
            assert one.group == other.group
            assert (one.boxes == other.boxes).all() and (one.labels == other.labels).all()
            assert (read_image(one.path) == read_image(other.path)).all()
            assert (one.template is None) == (other.template is None)
            if one.template:
                assert one.template.read_bytes() == other.template.read_bytes()


def by_name(pictures: list[Picture]) -> list[Picture]:
    # DeepPCB's lists keep their order, and its files have another ending.
    return sorted(pictures, key=lambda picture: picture.path.stem.replace("_test", ""))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_recognised_and_gives_equal_samples(root, name):
    assert recognise(root / name) == name
    board = {"group": -1, "validation_group": "92000"}
    expected = read(root, root="boards")
    assert_equal(read(root, root=name, **board), expected)
    assert_equal(read(root, root=name, format=name, **board), expected)
    pictures = [picture for pictures in expected.splits.values() for picture in pictures]
    assert sum(not len(p.labels) for p in pictures) == 1
    assert all(p.template for p in pictures)


def test_the_metrics_are_the_same_in_every_format(root, tmp_path):
    found = {}
    for name in FORMATS:
        data = {"root": name, "group": -1, "validation_group": "92000"}
        config = build(Config, {"task": "pcb", "data": data, "model": {"neck_width": 8}}, "test")
        task = Task(config, read_data(config, root), tmp_path / name)
        task.model.eval()
        found[name] = task.evaluate_split("test")
    for metrics, rows in found.values():
        assert metrics == found["coco"][0]
        # DeepPCB's files have another ending.
        assert [{**row, "image": ""} for row in rows] == [{**row, "image": ""} for row in found["coco"][1]]


@pytest.mark.parametrize("split", ["hash", "group"])
def test_splits_by_hash_and_by_group_are_the_same_in_every_format(root, split):
    chosen = [read(root, root=name, split=split, group=-1, test_share=0.3) for name in FORMATS]
    for found in chosen[1:]:
        assert {n: {(p.group, p.boxes.tobytes()) for p in ps} for n, ps in found.splits.items()} == {
            n: {(p.group, p.boxes.tobytes()) for p in ps} for n, ps in chosen[0].splits.items()
        }


def test_own_pictures_come_by_name_in_every_format_whatever_the_order_of_its_files(tmp_path):
    names = [f"lot {lot}/{number}.png" for lot in (2, 10) for number in (9, 10, 1)]
    images, annotations = [], []
    for index, name in enumerate(names):
        write_picture(tmp_path / "first/images" / name, np.full([40, 64], 9 * index, np.uint8))
        images.append({"id": index, "file_name": name})
        box = [index, 2, 10 + index, 20]
        annotations.insert(0, {"image_id": index, "category_id": 1, "bbox": box})
    categories = [{"id": 1, "name": "dent"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "first/boxes.json").write_text(json.dumps(content))
    for name in FORMATS:
        convert(tmp_path / "first", name, tmp_path / name)
        found = read_box_set(tmp_path / name).entries
        assert [entry.name for entry in found] == sorted(names)
        expected = [names.index(entry.name) for entry in found]
        assert [read_boxes(entry)[0].corners[0] for entry in found] == expected
    assert [entry.name for entry in read_box_set(tmp_path / "first").entries] == sorted(names)


@pytest.mark.parametrize("name", ["voc", "coco", "yolo"])
def test_a_conversion_tells_the_flags_that_keep_the_groups_and_validation_of_deeppcb(root, tmp_path, name):
    flags = "--data.group -1 --data.validation_group 92000"
    assert convert(root / "boards", name, tmp_path / name).flags == flags
    assert_equal(read(tmp_path, root=name, group=-1, validation_group="92000"), read(root, root="boards"))
    assert convert(root / name, "deeppcb", tmp_path / "back").flags == ""


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_converting_there_and_back_changes_no_file(root, tmp_path, source, target):
    convert(root / source, target, tmp_path / "there")
    convert(tmp_path / "there", source, tmp_path / "back")
    assert files_of(tmp_path / "back") == files_of(root / source)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@st.composite
def samples(draw) -> tuple[tuple[int, int], list]:
    """A size of a picture and boxes of whole pixels in it."""
    size = draw(st.tuples(st.integers(1, 2000), st.sampled_from([1, 3, 480, 5000])))
    boxes = []
    for _ in range(draw(st.integers(0, 4))):
        (x1, y1) = (draw(st.integers(0, side - 1)) for side in size)
        x2, y2 = draw(st.integers(x1 + 1, size[0])), draw(st.integers(y1 + 1, size[1]))
        boxes.append((draw(st.integers(0, len(NAMES) - 1)), (x1, y1, x2, y2)))
    return size, boxes


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=samples(), stem=st.sampled_from(["a", "板 1", "b.c", "x_test"]))
def test_boxes_of_whole_pixels_come_back_whole(tmp_path_factory, name, drawn, stem):
    size, boxes = drawn
    folder = tmp_path_factory.mktemp("set")
    picture = folder / "source.png"
    picture.write_bytes(cv2.imencode(".png", np.zeros(size[::-1], np.uint8))[1].tobytes())
    WRITERS[name](folder / name, NAMES, [Sample(picture, f"lot/{stem}.png", size, None, boxes)])
    found = read_box_set(folder / name)
    assert (found.format, found.classes) == (name, NAMES)
    (entry,) = found.entries
    assert entry.name == f"lot/{stem}.png"
    assert [(NAMES.index(box.name), box.corners) for box in read_boxes(entry)] == boxes


def test_classes_of_voc_come_from_the_boxes_of_all_splits(root, tmp_path):
    convert(root / "boards", "voc", tmp_path / "voc")
    (tmp_path / "voc/classes.txt").unlink()
    data = read(tmp_path, root="voc")
    assert data.classes == ("copper", "mousebite", "open", "pinhole", "short", "spur")
    assert read(tmp_path, root="voc", classes=[*data.classes[::-1], "dent"]).classes[0] == "spur"
    with pytest.raises(UserError, match="found the class '.*', expected one of short, spur"):
        read(tmp_path, root="voc", classes=["short", "spur"])


def test_crowds_that_are_left_out_are_told_of(tmp_path, root):
    convert(root / "deeppcb", "coco", tmp_path / "coco")
    file = tmp_path / "coco/annotations/train.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["iscrowd"] = 1
    file.write_text(json.dumps(content))
    said = "train.json: 1 annotations of crowds (iscrowd) are left out, and what they cover counts as without"
    assert said in read(tmp_path, root="coco").summary()
    assert said in convert(tmp_path / "coco", "yolo", tmp_path / "again").left_out[0]
    content["annotations"][0]["iscrowd"] = "0"
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"annotations\[0\]: iscrowd: found '0', expected 0 or 1"):
        read(tmp_path, root="coco")


def test_fractions_are_rounded_for_formats_without_them_and_counted(tmp_path):
    write_picture(tmp_path / "in/images/a.png", np.zeros([40, 64], np.uint8))
    (tmp_path / "in/labels").mkdir()
    (tmp_path / "in/labels/a.txt").write_text("0 0.5 0.5 0.3 0.5\n0 0.999 0.5 0.002 0.5\n")
    (tmp_path / "in/data.yaml").write_text("names: [x]\n")
    done = convert(tmp_path / "in", "voc", tmp_path / "out")
    assert done.rounded == 2
    corners = [box.corners for box in read_boxes(read_box_set(tmp_path / "out").entries[0])]
    assert corners == [(22, 10, 42, 30), (63, 10, 64, 30)]
    assert convert(tmp_path / "in", "coco", tmp_path / "coco").rounded == 0


def test_a_conversion_that_fails_leaves_nothing_and_takes_no_folder_that_holds_something(root, tmp_path):
    for name in ("a.png", "a.bmp"):
        write_picture(tmp_path / "in" / name, np.zeros([40, 64], np.uint8))
    images = [{"id": index, "file_name": name} for index, name in enumerate(("a.png", "a.bmp"))]
    content = {"images": images, "annotations": [], "categories": [{"id": 1, "name": "x"}]}
    (tmp_path / "in/all.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match="a.xml: found two pictures that would have this file"):
        convert(tmp_path / "in", "voc", tmp_path / "out")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
    with pytest.raises(UserError, match="exists, expected the name of a new folder"):
        convert(root / "boards", "voc", tmp_path / "in")


def test_real_boards_are_the_same_in_every_format(data_root, tmp_path):
    source = data_root / "deeppcb/PCBData"
    few = tmp_path / "few"
    for name in ("trainval.txt", "test.txt"):
        lines = (source / name).read_text().splitlines()[::100]
        few.mkdir(exist_ok=True)
        (few / name).write_text("".join(f"{line}\n" for line in lines))
        for picture, annotation in (line.split() for line in lines):
            for file in (*(picture.replace(".", f"_{kind}.") for kind in ("test", "temp")), annotation):
                (few / file).parent.mkdir(parents=True, exist_ok=True)
                (few / file).write_bytes((source / file).read_bytes())
    expected = read(tmp_path, root="few", split="group")
    assert expected.classes[0] == "open"
    for name in FORMATS:
        convert(few, name, tmp_path / name)
        assert_equal(read(tmp_path, root=name, split="group", group=-1), expected)

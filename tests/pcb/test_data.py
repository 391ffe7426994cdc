"""Reading DeepPCB's layout: what comes back, and what is refused."""

import shutil

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from common.config import build
from common.errors import UserError
from tasks.pcb.config import Config
from tasks.pcb.data import CLASSES, picture_size, read_data, read_image
from tasks.pcb.formats.deeppcb import read_annotation
from tasks.pcb.synthetic_boards import write_boards


def configuration(**data) -> Config:
    return build(Config, {"task": "pcb", "data": data}, "test")


@pytest.fixture(scope="module")
def boards(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_boards(root / "boards", number=20, size=128, seed=1)
    return root


def test_the_validation_group_is_held_out_whole(boards):
    data = read_data(configuration(root="boards"), boards)
    assert {p.group for p in data.splits["validation"]} == {"92000"}
    assert "92000" not in {p.group for p in data.splits["train"]}
    assert [len(data.splits[name]) for name in ("train", "validation", "test")] == [12, 3, 5]


def test_smaller_draws_are_nested_and_depend_on_the_seed(boards):
    def names(size: int, seed: int) -> set[str]:
        data = read_data(configuration(root="boards", train_size=size, seed=seed), boards)
        return {p.path.name + p.group for p in data.splits["train"]}

    assert names(3, 0) < names(6, 0) < names(12, 0)
    assert len({frozenset(names(6, seed)) for seed in range(5)}) > 1


def test_pictures_are_grey_and_boxes_lie_in_them(boards):
    for picture in read_data(configuration(root="boards"), boards).splits["train"]:
        assert read_image(picture.path).shape == (128, 128, 1)
        assert (picture.boxes[:, 2:] > picture.boxes[:, :2]).all()
        assert picture.boxes.min() >= 0 and picture.boxes.max() <= 128


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3 4 7", "line 1: found class 7, expected 1 to 6"),
        ("1 2 30 40 1\n1 2 3 4 0", "line 2: found class 0, expected 1 to 6"),
        ("1 2 3 4", "expected five whole numbers"),
        ("1 2 3.5 4 1", "expected five whole numbers"),
        (f"1 2 3 {10**400} 1", "expected five whole numbers"),
    ],
)
def test_a_wrong_annotation_is_one_line_with_its_number(tmp_path, text, message):
    file = tmp_path / "a.txt"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_annotation(file)


def test_an_empty_annotation_means_no_defect(tmp_path):
    (tmp_path / "a.txt").write_text("\n")
    assert read_annotation(tmp_path / "a.txt") == []


def test_a_missing_picture_and_a_broken_list_are_refused_with_their_line(boards, tmp_path):
    (tmp_path / "classes.txt").write_text("open\n")
    list_file = tmp_path / "trainval.txt"
    list_file.write_text("group1/1/7.jpg group1/1_not/7.txt\n")
    with pytest.raises(UserError, match="line 1: no such picture .*7_test.jpg"):
        read_data(configuration(root="."), tmp_path)
    list_file.write_text("only_one_name\n")
    with pytest.raises(UserError, match="line 1: found 'only_one_name'"):
        read_data(configuration(root="."), tmp_path)


@pytest.mark.parametrize(
    ("read", "message"), [(read_image, "no picture"), (picture_size, "no whole picture")]
)
def test_a_file_that_is_no_picture_is_refused(tmp_path, read, message):
    (tmp_path / "图.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=f"图.jpg: found 10 bytes that are {message}$"):
        read(tmp_path / "图.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_picture_that_is_cut_off_is_refused_wherever_it_is_cut(tmp_path, suffix):
    file = tmp_path / f"a{suffix}"
    pixels = np.random.default_rng(0).integers(0, 256, [40, 64], dtype=np.uint8)
    content = cv2.imencode(suffix, pixels)[1].tobytes()
    file.write_bytes(content)
    assert picture_size(file) == (64, 40)
    for length in range(0, len(content) - 20, 97):
        file.write_bytes(content[:length])
        with pytest.raises(UserError, match=f"a{suffix}: found {length} bytes that are no whole picture"):
            picture_size(file)


def test_a_picture_on_its_side_has_the_size_that_is_read(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("L", (64, 40)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_size(tmp_path / "a.jpg") == read_image(tmp_path / "a.jpg").shape[1::-1] == (40, 64)


def test_damage_is_found_before_anything_is_trained(boards, tmp_path):
    shutil.copytree(boards, tmp_path / "data")
    picture = next((tmp_path / "data/boards").glob("group92000/92000/*_test.jpg"))
    picture.write_bytes(picture.read_bytes()[:-400])
    with pytest.raises(
        UserError, match=f"{picture.name}: found .* no whole picture: image file is truncated"
    ):
        read_data(configuration(root="boards"), tmp_path / "data")


@pytest.mark.parametrize("changed", ["*_test.jpg", "*_temp.jpg", "*_not/*.txt", "classes.txt"])
def test_the_hash_is_that_of_all_that_is_read_wherever_it_stands(boards, tmp_path, changed):
    shutil.copytree(boards, tmp_path / "data")
    before = read_data(configuration(root="boards"), boards).hash()
    assert read_data(configuration(root="boards"), tmp_path / "data").hash() == before
    file = sorted((tmp_path / "data/boards").rglob(changed))[0]
    if file.suffix == ".jpg":
        cv2.imwrite(str(file), 255 - read_image(file))
    else:
        file.write_text("\n".join(file.read_text().split("\n")[::-1]))
    assert read_data(configuration(root="boards"), tmp_path / "data").hash() != before


def test_a_template_that_is_gone_changes_the_hash(boards, tmp_path):
    shutil.copytree(boards, tmp_path / "data")
    next((tmp_path / "data").rglob("*_temp.jpg")).unlink()
    found = [read_data(configuration(root="boards"), root).hash() for root in (boards, tmp_path / "data")]
    assert found[0] != found[1]


def test_a_box_outside_its_picture_is_refused(boards, tmp_path):
    shutil.copytree(boards, tmp_path / "data")
    annotation = next((tmp_path / "data/boards").glob("group10000/10000_not/*.txt"))
    for box, expected in (
        ("100 100 128 129", "it inside the 128 x 128 picture"),
        ("-1 2 5 4", "it inside the 128 x 128 picture"),
        (f"1 2 {10**30} 40", "it inside the 128 x 128 picture"),
        ("5 2 5 4", "a width and a height above 0"),
    ):
        annotation.write_text(f"1 2 30 40 1\n{box} 1\n")
        message = f"{annotation.name}: line 2: found box {box}, expected {expected}"
        with pytest.raises(UserError, match=message):
            read_data(configuration(root="boards"), tmp_path / "data")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"root": "missing"}, "no such folder"),
        ({"root": "boards", "train_size": 13}, "data.train_size: found 13, expected at most 12"),
        ({"root": "boards", "validation_group": "5"}, "found 5, expected one of 10000, 20000"),
    ],
)
def test_a_wrong_setting_names_its_field(boards, data, message):
    with pytest.raises(UserError, match=message):
        read_data(configuration(**data), boards)


def test_real_splits_are_as_published(data_root):
    data = read_data(configuration(), data_root)
    counts = {name: (len(p), sum(len(x.labels) for x in p)) for name, p in data.splits.items()}
    assert counts == {"train": (889, 6263), "validation": (111, 610), "test": (500, 3140)}
    known = {picture.group for picture in data.splits["train"]}
    # 332 from groups that no list for training names, and 9 of the validation group.
    assert sum(picture.group not in known for picture in data.splits["test"]) == 341
    labels = np.concatenate([p.labels for pictures in data.splits.values() for p in pictures])
    assert len(labels) == 10013 and set(labels) == set(range(len(CLASSES)))

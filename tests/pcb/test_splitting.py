"""Splits of own data: by list, by hash, and by group, so that one board stands on one side."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from common.config import build
from common.errors import UserError
from tasks.pcb.config import Config
from tasks.pcb.data import Data, read_data

BOARDS = [f"b{board}" for board in range(12)]


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Twelve boards of four pictures each, YOLO text, with a folder for each lot of three boards."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "set").mkdir()
    (folder / "set/data.yaml").write_text("names: [scratch]\n")
    rows = ["picture,board"]
    for index in range(48):
        name = f"lot{index // 12}/{BOARDS[index // 4]}_{index % 4}"
        add_picture(folder / "set", name, index)
        rows.append(f"{name}.png,{BOARDS[index // 4]}")
    (folder / "set/boards.csv").write_text("\n".join(rows))
    return folder


def add_picture(folder: Path, name: str, index: int) -> None:
    pixels = np.random.default_rng(index).integers(0, 256, [8, 8], np.uint8)
    for kind, suffix, content in (
        ("images", ".png", cv2.imencode(".png", pixels)[1].tobytes()),
        ("labels", ".txt", b"0 0.5 0.5 0.5 0.5\n"),
    ):
        file = folder / kind / f"{name}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def read(data_root: Path, **data) -> Data:
    return read_data(build(Config, {"task": "pcb", "data": {"root": "set", **data}}, "test"), data_root)


def groups(data: Data) -> list[set[str]]:
    return [{picture.group for picture in pictures} for pictures in data.splits.values()]


def names(data: Data, split: str) -> set[str]:
    return {picture.path.name for picture in data.splits[split]}


@pytest.mark.parametrize(
    "group", [{"group": r"/(b\d+)_"}, {"group": "board", "group_table": "boards.csv"}, {"group": 1}]
)
def test_a_board_never_stands_on_both_sides(root, group):
    data = read(root, **group)
    found = groups(data)
    assert all(found) and sum(map(len, found)) == len(set.union(*found))
    assert len(set.union(*found)) == (4 if group["group"] == 1 else 12)
    assert sum(map(len, data.splits.values())) == 48
    assert "warning" not in data.summary()


def test_a_table_of_groups_may_name_pictures_by_their_whole_path(root):
    table = (root / "set/boards.csv").read_text(encoding="utf-8").splitlines()
    paths = [table[0], *(f"./images/{line}" for line in table[1:])]
    (root / "set/paths.csv").write_text("\n".join(paths), encoding="utf-8")
    plain, whole = (read(root, group="board", group_table=name) for name in ("boards.csv", "paths.csv"))
    assert groups(plain) == groups(whole)


def test_named_groups_are_held_out_whole(root):
    data = read(root, group=r"/(b\d+)_", validation_group="b3", test_group="b7")
    assert groups(data)[1:] == [{"b3"}, {"b7"}]
    assert len(data.splits["train"]) == 40


def test_the_shares_are_those_of_the_pictures(root):
    data = read(root, group=r"/(b\d+)_", test_share=0.25, validation_share=0.5)
    assert [len(pictures) for pictures in data.splits.values()] == [12, 24, 12]


def test_by_hash_no_picture_changes_sides_when_others_are_added(root, tmp_path):
    for index in range(96):
        add_picture(tmp_path / "set", f"lot{index // 12}/b{index // 4}_{index % 4}", index)
    (tmp_path / "set/data.yaml").write_text("names: [scratch]\n")
    before, after = read(root, split="hash"), read(tmp_path, split="hash")
    for split in before.splits:
        assert names(before, split) < names(after, split)


def test_copies_of_a_picture_stay_together_by_hash(root, tmp_path):
    for index in range(40):
        for copy in range(2):
            add_picture(tmp_path / "set", f"{index}_{copy}", index)
    (tmp_path / "set/classes.txt").write_text("scratch\n")
    data = read(tmp_path)
    originals = [{name.split("_")[0] for name in names(data, split)} for split in data.splits]
    assert all(originals) and sum(map(len, originals)) == 40


@pytest.fixture
def lists(root) -> dict[str, str]:
    """Lists of three pictures of a board and of one of another."""
    (root / "set/mine.txt").write_text("/elsewhere/set/images/lot0/b0_0.png\nlot0/b0_1.png\n\nb0_2\r\n")
    (root / "set/val.txt").write_text("lot3\\b11_0.png\n")
    return {"test_list": "mine.txt", "validation_list": "val.txt"}


def test_lists_name_pictures_in_any_usual_way_and_the_rest_trains(root, lists):
    data = read(root, **lists)
    assert names(data, "test") == {"b0_0.png", "b0_1.png", "b0_2.png"}
    assert names(data, "validation") == {"b11_0.png"}
    assert len(data.splits["train"]) == 44
    (root / "set/some.txt").write_text("b5_0\nb5_1\n")
    assert names(read(root, train_list="some.txt", **lists), "train") == {"b5_0.png", "b5_1.png"}


def test_lists_that_tear_a_board_apart_are_followed_and_told(root, lists):
    data = read(root, group=r"/(b\d+)_", **lists)
    assert "\nwarning: boards in train and in another split: b0, b11 (see data.split)" in data.summary()


def test_what_lists_leave_open_is_split_off_training_by_group(root, lists):
    data = read(root, test_list="mine.txt", group=r"/(b\d+)_")
    assert groups(data)[0].isdisjoint(groups(data)[1])


def test_pictures_without_annotation_are_refused_background_or_left_out(root, tmp_path):
    for index in range(48):
        add_picture(tmp_path / "set", str(index), index)
    (tmp_path / "set/classes.txt").write_text("scratch\n")
    (tmp_path / "set/labels/7.txt").unlink()
    (tmp_path / "set/labels/8.txt").write_text("")
    with pytest.raises(UserError, match="7.png: found no annotation of this and 0 other pictures"):
        read(tmp_path)
    for rule, pictures, clean in (("background", 48, 2), ("skip", 47, 1)):
        chosen = [p for found in read(tmp_path, unannotated=rule).splits.values() for p in found]
        assert len(chosen) == pictures
        assert sum(not len(picture.labels) for picture in chosen) == clean


def test_boxes_that_stick_out_can_be_cut_off(root, tmp_path):
    for index in range(48):
        add_picture(tmp_path / "set", str(index), index)
        (tmp_path / f"set/labels/{index}.txt").write_text("0 1 0.5 0.5 0.5\n0 1.5 0.5 0.5 0.5\n")
    (tmp_path / "set/classes.txt").write_text("scratch\n")
    with pytest.raises(UserError, match="expected it inside the 8 x 8 picture"):
        read(tmp_path)
    data = read(tmp_path, boxes_outside="clip")
    assert data.splits["train"][0].boxes.tolist() == [[6, 2, 8, 6]]


def test_a_picture_in_two_of_the_data_s_own_lists_is_refused(root, tmp_path):
    for index in range(3):
        add_picture(tmp_path / "set", str(index), index)
    for name, numbers in (("train", "01"), ("val", "1"), ("test", "2")):
        lines = "".join(f"./images/{number}.png\n" for number in numbers)
        (tmp_path / "set" / f"{name}.txt").write_text(lines)
    (tmp_path / "set/data.yaml").write_text("names: [x]\ntrain: train.txt\nval: val.txt\ntest: test.txt\n")
    with pytest.raises(
        UserError, match="found 1.png in train and in validation, expected each picture in one"
    ):
        read(tmp_path)

"""Converting boxes as a user does."""

import pytest

from common.errors import UserError
from tasks.pcb.conversion import convert
from tests.conftest import ROOT

GOOD = ROOT / "tests/pcb/bad_inputs/good"


def test_boxes_are_converted_there_and_back(tmp_path, command):
    done = command("convert_boxes.py", GOOD, "--to", "yolo", "--output", tmp_path / "yolo")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"{tmp_path / 'yolo'}: 12 pictures, 12 boxes of 1 classes (scratch), from voc to yolo\n"
    )
    done = command(
        "convert_boxes.py", tmp_path / "yolo/data.yaml", "--to", "voc", "--output", tmp_path / "voc"
    )
    assert done.returncode == 0, done.stderr
    assert "<xmin>11</xmin><ymin>9</ymin><xmax>14</xmax><ymax>30</ymax>" in (
        tmp_path / "voc/Annotations/b1/b1_0.xml"
    ).read_text(encoding="utf-8")


def test_fractions_that_are_lost_are_counted_and_a_wrong_flag_is_one_line(tmp_path, command):
    (tmp_path / "classes.txt").write_text("dent\n")
    picture = next(GOOD.rglob("*.png")).read_bytes()
    (tmp_path / "a.png").write_bytes(picture)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.33 0.5\n")
    done = command("convert_boxes.py", tmp_path, "--to", "deeppcb", "--output", tmp_path / "out")
    assert done.stdout.endswith("1 boxes had fractions of pixels, which deeppcb has not: rounded\n")
    done = command("convert_boxes.py", tmp_path, "--to", "xml", "--output", tmp_path / "other")
    assert done.returncode == 2
    assert (
        done.stderr.startswith("error: argument --to: invalid choice: 'xml'") and done.stderr.count("\n") == 1
    )


def test_what_the_data_leave_open_is_asked_for_by_the_commands_flags(tmp_path):
    """Not by fields of a configuration, which the command has none of."""
    picture = next(GOOD.rglob("*.png")).read_bytes()
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(picture)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.33 0.5\n")
    (tmp_path / "classes.txt").write_text("dent\n")
    output = tmp_path / "out"
    with pytest.raises(UserError, match=r"b.png: found no annotation .* \(see --unannotated\)$"):
        convert(tmp_path, "voc", output)
    with pytest.raises(UserError, match="^--templates: found no .*golden"):
        convert(tmp_path, "voc", output, templates="golden", unannotated="skip")
    with pytest.raises(UserError, match=r"nothing: no such folder, expected .* \(see INPUT\)$"):
        convert(tmp_path / "nothing", "voc", output)
    (tmp_path / "trainval.txt").write_text("a.png a.txt\n")
    with pytest.raises(UserError, match="found DeepPCB .* and YOLO .*, expected one of them in --from$"):
        convert(tmp_path, "voc", output)


def test_a_picture_that_stands_twice_is_named_with_its_data(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(next(GOOD.rglob("*.png")).read_bytes())
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("0 0.5 0.5 0.33 0.5\n")
    lists = {
        "train: [images, images]": "a.png twice in a list",
        "train: images\nval: images": "a.png in train and in",
    }
    for text, found in lists.items():
        (tmp_path / "data.yaml").write_text(f"{text}\nnames: [dent]\n")
        with pytest.raises(UserError, match=f"{tmp_path}.*: found {found}"):
            convert(tmp_path, "coco", tmp_path / "out")


@pytest.mark.parametrize("name", ["x.jpg y.png", "x\ny.png"])
def test_names_that_lists_of_pairs_cannot_hold_are_refused(tmp_path, name):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / name).write_bytes(next(GOOD.rglob("*.png")).read_bytes())
    (tmp_path / "in" / name).with_suffix(".txt").write_text("0 0.5 0.5 0.33 0.5\n")
    (tmp_path / "in" / "classes.txt").write_text("dent\n")
    with pytest.raises(UserError, match="found this name of a picture, expected no line ends in it"):
        convert(tmp_path / "in", "deeppcb", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folders_that_become_boards_beside_lists_without_validation_are_told_of(tmp_path, command):
    picture = next(GOOD.rglob("*.png")).read_bytes()
    for split, lots in (("train", ("l1", "l2")), ("test", ("l1",))):
        for lot in lots:
            file = tmp_path / f"in/images/{split}/{lot}/{split}{lot}.png"
            file.parent.mkdir(parents=True)
            file.write_bytes(picture)
            label = tmp_path / f"in/labels/{split}/{lot}/{split}{lot}.txt"
            label.parent.mkdir(parents=True)
            label.write_text("0 0.5 0.5 0.5 0.5\n")
    text = "train: images/train\ntest: images/test\nnames: [dent]\n"
    (tmp_path / "in/data.yaml").write_text(text)
    done = command("convert_boxes.py", tmp_path / "in", "--to", "deeppcb", "--output", tmp_path / "out")
    assert done.returncode == 0 and "name the same pictures with --data.validation_list" in done.stdout
    (tmp_path / "in/data.yaml").write_text(text.replace("test:", "val:"))
    done = command("convert_boxes.py", tmp_path / "in", "--to", "deeppcb", "--output", tmp_path / "other")
    assert done.returncode == 0 and "warning" not in done.stdout

"""Faults planted in drawn boards are found, each with its files and lines, whatever the format."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.pcb.checks.board_sets import check, found, write_sets

# Of the splits by whole groups: 10000 and 30000 train, 20000 and 40000 validate, the others test.
TRAIN, TEST = "10000", "80000"


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> Path:
    return write_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture
def root(sets, tmp_path):
    """Gives a copy of the boards in a format, to be changed."""

    def copy(name: str) -> Path:
        shutil.copytree(sets / name, tmp_path / name)
        return tmp_path / name

    return copy


def picture(root: Path, number: str) -> Path:
    name = f"{number}_test.jpg" if root.name == "deeppcb" else f"{number}.jpg"
    return next(file for file in root.rglob(name) if "templates" not in file.parts)


def plant(root: Path, *lines: str) -> tuple[Path, int]:
    """Lines added to the boxes of a training board of DeepPCB's layout, and the number of the first."""
    (file,) = root.rglob(f"{TRAIN}001.txt")
    text = file.read_text()
    file.write_text(text + "".join(f"{line}\n" for line in lines))
    return file, text.count("\n") + 1


@pytest.mark.parametrize("name", ["deeppcb", "voc", "coco", "yolo"])
def test_boards_without_a_fault_have_no_finding(sets, name):
    assert check(sets, name) == []


@pytest.mark.parametrize("name", ["deeppcb", "voc", "coco", "yolo"])
def test_every_damaged_picture_is_named_and_the_rest_is_looked_at(root, name):
    folder = root(name)
    names = []
    for number, content in ((f"{TRAIN}001", None), (f"{TRAIN}002", b""), (f"{TEST}000", b"no picture")):
        file = picture(folder, number)
        file.write_bytes(file.read_bytes()[:-400] if content is None else content)
        names.append(file.name)
    # A fault in what can still be read.
    shutil.copyfile(picture(folder, "10000003"), folder / "more.jpg")
    findings = check(folder.parent, name)
    damaged = next(f for f in findings if f.kind == "picture cannot be read")
    assert (damaged.severity, damaged.count, damaged.every) == ("error", 3, True)
    assert sorted(place.file.name for place in damaged.places) == sorted(names)
    assert "found 0 bytes that are no whole picture" in {place.detail for place in damaged.places}
    (unused,) = (f for f in findings if f.kind == "picture not used")
    assert [place.file.name for place in unused.places] == ["more.jpg"]


def test_every_damaged_template_is_named(root):
    folder = root("deeppcb")
    names = [f"{TRAIN}001_temp.jpg", f"{TEST}000_temp.jpg"]
    for name in names:
        next(folder.rglob(name)).write_bytes(b"no picture")
    assert found(check(folder.parent, "deeppcb")) == [("error", "template cannot be read", 2, *names)]


# Lines added to a training board of 128 x 128 pixels, fields, and the findings: the line counts from the
# first one added.
LINES = {
    "no width": (["20 20 20 40 1"], {}, [("error", "box of no size", 1, 0)]),
    "turned": (["60 20 40 40 1"], {}, [("error", "box of no size", 1, 0)]),
    "outside": (["110 20 130 40 1"], {}, [("error", "box outside", 1, 0)]),
    "outside, clipped": (["110 20 130 40 1"], {"boxes_outside": "clip"}, [("note", "box outside", 1, 0)]),
    "beside": (
        ["130 20 150 40 1", "-30 1 -1 9 2"],
        {},
        [("error", "box beside its picture", 2, 0, 1)],
    ),
    "beside, clipped": (
        ["130 20 150 40 1"],
        {"boxes_outside": "clip"},
        [("note", "box beside its picture", 1, 0)],
    ),
    "doubled": (
        ["2 2 32 42 1", "2 2 32 41 1"],
        {},
        [("warning", "doubled box", 1, 1)],
    ),
    "two classes": (
        ["2 2 32 42 1", "2 2 32 42 2"],
        {},
        [("warning", "two classes at one place", 1, 1), ("note", "box without target", 1, 0)],
    ),
    "alike but apart": (["2 2 32 42 1", "2 2 32 38 1"], {}, []),
    "tiny": (["2 2 5 30 1"], {}, [("warning", "tiny box", 1, 0)]),
    "no box": (["2 2 30"], {}, [("error", "annotation cannot be read", 1, 0)]),
    "no class": (["2 2 30 40 7"], {}, [("error", "annotation cannot be read", 1, 0)]),
}


@pytest.mark.parametrize("name", LINES)
def test_a_wrong_box_is_found_once_with_its_line(root, name):
    lines, fields, expected = LINES[name]
    folder = root("deeppcb")
    file, first = plant(folder, *lines)
    wanted = [
        (severity, kind, count, *(f"{file.name}:{first + line}" for line in added))
        for severity, kind, count, *added in expected
    ]
    assert found(check(folder.parent, "deeppcb", **fields)) == sorted(wanted)


def test_a_box_that_no_crop_can_hold_is_found(root):
    folder = root("deeppcb")
    file, line = plant(folder, "4 4 120 100 1")
    findings = check(folder.parent, "deeppcb", augment={"mosaic": {"tiles": 2}})
    assert ("warning", "box larger than a crop", 1, f"{file.name}:{line}") in found(findings)
    # 64 x 64 of 116 x 96 pixels.
    assert (
        next(f for f in findings if f.kind == "box larger than a crop")
        .places[0]
        .detail.endswith("at most 37% in a crop")
    )
    assert "box larger than a crop" not in {f.kind for f in check(folder.parent, "deeppcb")}


def test_counterparts_that_are_missing_are_all_named(root):
    folder = root("deeppcb")
    for number in ("10000001", "80000002"):
        picture(folder, number).unlink()
    (lost,) = folder.rglob("10000002.txt")
    lost.unlink()
    findings = found(check(folder.parent, "deeppcb"))
    assert {f[:3] for f in findings if f[0] == "error"} == {
        ("error", "annotation without picture", 2),
        ("error", "picture without annotation file", 1),
    }
    (kept,) = (f for f in findings if f[1] == "picture not used")
    # And the templates of what is lost.
    templates = ("10000001_temp.jpg", "10000002_temp.jpg", "80000002_temp.jpg")
    assert sorted(kept[3:]) == sorted(("10000002_test.jpg", *templates))


def test_counterparts_of_voc(root):
    folder = root("voc")
    for number in ("10000001", "10000002"):
        picture(folder, number).unlink()
    next(folder.rglob("10000003.xml")).unlink()
    shutil.rmtree(folder / "ImageSets")
    findings = found(check(folder.parent, "voc"))
    assert findings == [
        ("error", "annotation without picture", 2, "10000001.xml", "10000002.xml"),
        ("error", "picture without annotation", 1, "10000003.jpg"),
    ]


def test_counterparts_of_coco(root):
    folder = root("coco")
    picture(folder, "10000001").unlink()
    file = folder / "annotations/train.json"
    content = json.loads(file.read_text())
    content["annotations"].append({"image_id": 999, "category_id": 1, "bbox": [1, 1, 9, 9]})
    file.write_text(json.dumps(content))
    place = next(i for i, image in enumerate(content["images"]) if "10000001" in image["file_name"])
    assert found(check(folder.parent, "coco")) == [
        (
            "error",
            "annotation without picture",
            2,
            f"train.json:images[{place}]",
            f"train.json:annotations[{len(content['annotations']) - 1}]",
        )
    ]


def test_counterparts_of_yolo(root):
    folder = root("yolo")
    picture(folder, "10000001").unlink()
    file = folder / "train.txt"
    line = next(i for i, text in enumerate(file.read_text().splitlines(), 1) if "10000001" in text)
    findings = found(check(folder.parent, "yolo"))
    assert ("error", "annotation without picture", 1, f"train.txt:{line}") in findings
    # Without lists Ultralytics and training never see the text.
    for name in ("train.txt", "val.txt", "test.txt"):
        (folder / name).unlink(missing_ok=True)
    (folder / "data.yaml").unlink()
    assert found(check(folder.parent, "yolo")) == [
        ("warning", "annotation without picture", 1, "10000001.txt")
    ]


def copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def recompressed(source: Path, target: Path) -> None:
    pixels = cv2.imread(str(source), cv2.IMREAD_GRAYSCALE)
    darker = np.roll(pixels, 1, axis=1) * 0.8
    cv2.imwrite(str(target), darker.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])


@pytest.mark.parametrize(
    ("change", "number", "expected"),
    [
        (copy, f"{TEST}001", ("error", "same picture in two splits", 1, f"{TEST}001_test.jpg")),
        (recompressed, f"{TEST}001", ("warning", "alike in two splits", 1, f"{TEST}001_test.jpg")),
        (copy, f"{TRAIN}002", ("warning", "repeated picture", 1, f"{TRAIN}002_test.jpg")),
    ],
)
def test_a_copy_of_a_training_picture_is_found(root, change, number, expected):
    folder = root("deeppcb")
    change(picture(folder, f"{TRAIN}001"), picture(folder, number))
    assert found(check(folder.parent, "deeppcb")) == [expected]


def test_boards_in_two_splits_and_boards_that_nothing_tells_apart(sets):
    findings = check(sets, "deeppcb", split="auto", group=None)
    (shared,) = (f for f in findings if f.kind == "board in two splits")
    assert shared.severity == "warning" and "show boards of train: 10000, 20000, 30000" in shared.message
    findings = check(sets, "voc", split="hash", group=None)
    assert {(f.severity, f.kind) for f in findings} == {("note", "no groups")}


def test_classes_that_are_missing_rare_or_wrong(root):
    folder = root("voc")
    (folder / "classes.txt").unlink()
    classes = ["open", "short", "mousebite", "spur", "copper", "pinhole", "scratch"]
    assert {f[:3] for f in found(check(folder.parent, "voc", classes=classes))} == {
        ("warning", "class missing from a split", 1)
    }
    wrong = check(folder.parent, "voc", classes=classes[1:6])
    (finding,) = (f for f in wrong if f.kind == "class outside data.classes")
    boxes = sum(text.read_text().count("<name>open</name>") for text in folder.rglob("*.xml"))
    assert (finding.severity, finding.count) == ("error", boxes)
    for file in folder.rglob("*.xml"):
        if file.stem[:5] in (TRAIN, "30000"):
            file.write_text(file.read_text().replace(">open<", ">short<").replace(">spur<", ">short<"))
    assert {f[:2] for f in found(check(folder.parent, "voc"))} == {
        ("warning", "class missing from a split"),
        ("note", "imbalance"),
    }


def test_pictures_that_are_blank_or_listed_twice(root):
    folder = root("deeppcb")
    cv2.imwrite(str(picture(folder, f"{TRAIN}001")), np.full([128, 128], 200, np.uint8))
    lines = (folder / "trainval.txt").read_text()
    first = next(line for line in lines.splitlines() if f"{TRAIN}003" in line)
    (folder / "trainval.txt").write_text(f"{lines}{first}\n")
    assert found(check(folder.parent, "deeppcb")) == [
        ("warning", "picture listed twice", 1, f"{TRAIN}003_test.jpg"),
        ("warning", "picture without contrast", 1, f"{TRAIN}001_test.jpg"),
    ]


def test_what_no_check_finds_but_training_refuses_is_an_error(sets):
    (finding,) = check(sets, "deeppcb", train_size=500)
    assert (finding.severity, finding.kind) == ("error", "refused by training")
    assert "data.train_size: found 500" in finding.message


def test_nothing_that_can_be_read_is_still_an_answer(root):
    folder = root("deeppcb")
    for file in folder.rglob("*_test.jpg"):
        file.write_bytes(b"")
    kinds = {f.kind: f.count for f in check(folder.parent, "deeppcb")}
    assert kinds == {"picture cannot be read": 60, "split without boxes": 1}

"""The files of boxes: in order, streamed, and never half-written."""

import json

import numpy as np
import pandas as pd
import pytest

from common.errors import Interrupted, UserError
from common.evaluation.detection import Detections
from tasks.pcb.box_files import BoxFiles
from tasks.pcb.detect import Detector
from tasks.pcb.predict import Named, write_boxes
from tests.disk import room_for
from tests.pcb.pictures import pictures_of

NONE = Detections(np.zeros((0, 4), np.float32), np.zeros(0, int), np.zeros(0, np.float32))


def one_box(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A box of the picture's upper left quarter, in every picture."""
    boxes = np.float32([[0, 0, images.shape[3] / 2, images.shape[2] / 2]])
    return np.tile(boxes, (len(images), 1, 1)), np.ones((len(images), 1, 1), np.float32)


def test_no_more_pictures_are_read_than_go_together(tmp_path):
    read = written = 0

    def pictures():
        nonlocal read
        for number in range(50):
            read += 1
            assert read - files.pictures <= 4
            yield Named(f"{number}", np.zeros((32, 32, 1), np.uint8))

    with BoxFiles(tmp_path, ("a",), {"classes": ["a"]}, drawing=False) as files:
        detector = Detector(("a",), 32, 1.0, one_box)
        counts, unread, _ = write_boxes(files, detector, pictures(), 50, 0.5, 4)
    written = pictures_of(tmp_path)
    assert (counts[0], unread, read, len(written)) == (50, 0, 50, 50)
    assert [p["image"] for p in written] == [str(n) for n in range(50)]


@pytest.mark.parametrize(
    ("raised", "told"), [(KeyboardInterrupt, Interrupted), (UserError("disk"), UserError)]
)
def test_what_is_finished_stays_under_another_name(tmp_path, raised, told):
    files = BoxFiles(tmp_path, ("a",), {"classes": ["a"]}, drawing=False)
    with pytest.raises(told, match="1 finished pictures are in .*partial"), files:
        files.write("x.png", np.zeros((8, 8, 1), np.uint8), NONE)
        raise raised
    kept = sorted(tmp_path.iterdir())
    assert [file.suffix for file in kept] == [".partial"] * 3
    assert json.loads(kept[2].read_text())["pictures"][0]["image"] == "x.png"


def test_a_full_disk_leaves_whole_files_of_what_is_finished(tmp_path):
    box = Detections(np.float32([[1, 1, 5, 5]]), np.array([0]), np.array([0.9]))
    files = BoxFiles(tmp_path, ("a",), {"classes": ["a"]}, drawing=False)
    with room_for(1000), pytest.raises(UserError, match="written: File too large; .*partial"), files:
        for number in range(100):
            files.write(f"{number}.png", np.zeros((8, 8, 1), np.uint8), box)
    listed, boxes, said = sorted(tmp_path.iterdir())
    finished = [f"{number}.png" for number in range(files.pictures)]
    assert 3 < len(finished) < 100
    assert [picture["image"] for picture in json.loads(said.read_text())["pictures"]] == finished
    assert [list(pd.read_csv(file)["image"]) for file in (listed, boxes)] == [finished] * 2


def test_a_full_disk_before_the_first_picture_leaves_nothing(tmp_path):
    files = BoxFiles(tmp_path / "out", ("a",), {"classes": ["a"]}, drawing=True)
    with room_for(10), pytest.raises(UserError, match="out: cannot be written: File too large$"), files:
        pass
    assert not list(tmp_path.iterdir())


def test_nothing_stays_where_no_picture_was_finished(tmp_path):
    with pytest.raises(ValueError), BoxFiles(tmp_path / "out", ("a",), {"classes": ["a"]}, drawing=True):
        raise ValueError
    assert not list(tmp_path.iterdir())


def test_names_that_lead_elsewhere_or_repeat_are_drawn_inside_and_apart(tmp_path):
    image = np.zeros((8, 8, 1), np.uint8)
    with BoxFiles(tmp_path / "out", ("缺口",), {"classes": ["缺口"]}, drawing=True) as files:
        for name in ("../a.png", "a.png", "/x/a.png", "a.tif", "图\udcff.png"):
            files.write(name, image, Detections(np.float32([[1, 1, 5, 5]]), np.array([0]), np.array([0.9])))
    drawn = [p["drawn"] for p in pictures_of(tmp_path / "out")]
    assert drawn[:4] == ["pictures/a.png", "pictures/a-2.png", "pictures/x/a.png", "pictures/a.tif.png"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out"]


def test_drawings_of_pictures_that_are_no_longer_predicted_go_and_other_files_stay(tmp_path):
    def write(*names):
        with BoxFiles(tmp_path, ("a",), {"classes": ["a"]}, drawing=True) as files:
            for name in names:
                files.write(name, np.zeros((32, 32, 1), np.uint8), NONE)

    write("lot/a.png", "b.png")
    (tmp_path / "pictures" / "own.png").write_bytes(b"")
    outside = tmp_path / "b.png"
    outside.write_bytes(b"")
    listed = json.loads((tmp_path / "predictions.json").read_text(encoding="utf-8"))
    listed["pictures"].append({"image": "x", "drawn": "pictures/../b.png"})
    (tmp_path / "predictions.json").write_text(json.dumps(listed), encoding="utf-8")
    write("b.png")
    left = sorted(file.name for file in (tmp_path / "pictures").rglob("*.png"))
    assert left == ["b.png", "own.png"] and outside.exists()

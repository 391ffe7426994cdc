"""What the report of a run tells of boards and pictures."""

import cv2
import numpy as np
import pytest

from common.evaluation.detection import Detections
from common.training.run_folder import RunFolder
from tasks.pcb import report
from tasks.pcb.data import Data, Picture
from tasks.pcb.predictions import prediction_rows
from tests.boxes import found
from tests.pcb.test_metrics import picture


def evaluated(pictures: list[Picture], detections: list[Detections]) -> report.Evaluated:
    return report.Evaluated("test", pictures, report.truths_of(pictures), detections, [], 0.5, {})


def test_boards_stand_in_the_order_of_their_f1_and_those_without_a_box_have_none():
    pictures = [picture("a", "A", (0, 0)), picture("b", "B", (0, 0)), picture("c", "C"), picture("d", "D")]
    detections = [found((0, 0, 0.9)), found(), found((0, 0, 0.9)), found()]
    table = report.board_table(evaluated(pictures, detections), train=pictures[:1])
    assert table.rows == [
        ["B", "unseen", "1", "1", "0.0000", "1.0000", "0.0000"],
        ["A", "seen", "1", "1", "1.0000", "0.0000", "0.0000"],
        ["C", "unseen", "1", "0", "-", "-", "1.0000"],
        ["D", "unseen", "1", "0", "-", "-", "0.0000"],
    ]


@pytest.fixture
def run(tmp_path):
    """A run on one picture of 12 bits, on which a box is missed."""
    pixels = np.full((40, 64), 4095, np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    run = RunFolder(tmp_path / "run")
    run.add_metrics("test", {"threshold": 0.5, "map_50": 0.0})
    run.write_predictions("test", prediction_rows(["a.png"], [found((30, 0, 0.9))], ("open",)))
    return run


def drawn_worst(run: RunFolder, group: str, bits: int) -> tuple[list[str], np.ndarray]:
    """Titles of the sections, and the drawing of the worst pictures."""
    data = Data(("open",), {"train": [picture("b.png", group, (0, 0))], "validation": []})
    data.splits["test"] = [picture(run.path.parent / "a.png", group, (0, 0))]
    titles = [section.title for section in report.report_sections(run, data, bits)]
    return titles, cv2.imread(str(run.path / "plots/worst_test.png"))


def test_the_worst_pictures_are_as_bright_as_the_camera_meant_them(run):
    # Nearly black if all 16 bits were used.
    dark = [(drawn_worst(run, "A", bits)[1] < 30).all(axis=2).mean() for bits in (16, 12)]
    assert dark[0] > 0.2 and dark[1] < 0.05


@pytest.mark.parametrize("group", ["", "A"])
def test_boards_are_told_where_there_are_any(run, group):
    titles, _ = drawn_worst(run, group, 12)
    assert ("By board group, test" in titles) == bool(group)


def test_every_class_has_a_curve_whatever_its_name():
    classes = ("\U0010fffd", "1", "all")
    split = evaluated([picture("a", "A", *((30 * i, i) for i in range(3)))], [found()])
    assert list(report.class_curves(split, classes)) == ["all", "1", "2 1", "3 all"]

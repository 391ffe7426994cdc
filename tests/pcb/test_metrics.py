"""Metrics of a split of boards, and the file of what they are computed from."""

from pathlib import Path

import numpy as np
import pytest

from common.config import build
from common.evaluation.detection import Detections
from common.evaluation.detection_errors import size_edges
from common.training.run_folder import write_csv
from tasks.pcb.config import Config
from tasks.pcb.data import Picture, read_data
from tasks.pcb.metrics import split_metrics
from tasks.pcb.predictions import picture_names, prediction_rows, read_predictions, rounded, templates_of
from tests.boxes import found, truth

CLASSES = ("open", "缺口")


def picture(name: str, group: str, *boxes: tuple) -> Picture:
    annotated = truth(*boxes)
    return Picture(Path(name), group, annotated.boxes, annotated.labels)


TRAIN = [
    picture("a.png", "A"),
    Picture(Path("b.png"), "A", np.float32([[0, 0, s, s] for s in (2, 4, 11, 14, 20, 22)]), np.zeros(6, int)),
]
PICTURES = [picture("c.png", "A", (0, 0), (50, 1)), picture("d.png", "B", (0, 0)), picture("e.png", "B")]
FOUND = [found((0, 0, 0.9), (50, 1, 0.8)), found((0, 1, 0.7)), found((0, 0, 0.2))]


def test_all_metrics_of_a_split_by_hand():
    templates = [found((0, 0, 0.9), (50, 0, 0.6)), found((0, 0, 0.2)), found(), found()]
    metrics = split_metrics(PICTURES, FOUND, templates, 0.5, TRAIN, CLASSES)
    assert metrics["precision"] == metrics["recall"] == pytest.approx(2 / 3)
    assert metrics["false_alarms_per_image"] == pytest.approx(1 / 3)
    assert metrics["false_alarms_outside_boxes_per_image"] == 0.0
    assert metrics["false_alarms_per_template"] == 1 / 2
    # All boxes are 10 x 10, in the middle third of 2, 4 | 11, 14 | 20, 22.
    assert metrics["miss_rate_medium"] == pytest.approx(1 / 3)
    assert "miss_rate_small" not in metrics
    assert (metrics["map_50_seen_boards"], metrics["map_50_unseen_boards"]) == (pytest.approx(1.0), 0.0)
    assert (metrics["miss_rate_seen_boards"], metrics["miss_rate_unseen_boards"]) == (0.0, 1.0)
    assert metrics["false_alarms_per_image_unseen_boards"] == 1 / 2
    # Right at 0.9 and 0.8, wrong at 0.7 and 0.2.
    assert metrics["deeppcb_pooled_ap_33"] == pytest.approx(2 / 3)
    assert metrics["deeppcb_f_score"] == pytest.approx(2 / 3)
    assert metrics["ap_50_缺口"] == pytest.approx(1.0)


def test_where_all_boards_are_unseen_or_have_no_template_nothing_is_said_of_it():
    metrics = split_metrics(PICTURES[1:], FOUND[1:], [], 0.5, TRAIN, CLASSES)
    assert "false_alarms_per_template" not in metrics
    assert not any(name.endswith("_boards") for name in metrics)


def test_a_part_without_a_box_has_no_rates():
    metrics = split_metrics([PICTURES[0], PICTURES[2]], [FOUND[0], FOUND[2]], [], 0.5, TRAIN, CLASSES)
    assert "f1_seen_boards" in metrics and "f1_unseen_boards" not in metrics


def test_the_order_of_detections_does_not_matter():
    swapped = [Detections(d.boxes[::-1], d.labels[::-1], d.scores[::-1]) for d in FOUND]
    one, other = (split_metrics(PICTURES, d, [], 0.5, TRAIN, CLASSES) for d in (FOUND, swapped))
    assert one == other


def test_what_the_file_has_is_what_was_measured(tmp_path):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 4000, (50, 4)).astype(np.float32)
    detections = [Detections(corners, rng.integers(2, size=50), rng.random(50).astype(np.float32)), found()]
    detections = [rounded(d) for d in detections]
    file = tmp_path / "predictions.csv"
    write_csv(file, prediction_rows(["板 1.png", "2.png"], detections, CLASSES))
    again = read_predictions(file, ["2.png", "板 1.png"], CLASSES)[::-1]
    for kept, read in zip(detections, again):
        assert (kept.boxes == read.boxes).all() and (kept.scores == read.scores).all()
        assert kept.labels.tolist() == read.labels.tolist()


def test_a_file_without_any_detection_is_read(tmp_path):
    write_csv(tmp_path / "none.csv", prediction_rows(["1.png"], [found()], CLASSES))
    (nothing,) = read_predictions(tmp_path / "none.csv", ["1.png"], CLASSES)
    assert nothing.boxes.shape == (0, 4)


def test_pictures_of_one_name_are_told_apart_by_their_folders():
    assert picture_names([Path("/x/a/1.png"), Path("/x/b/2.png")]) == ["1.png", "2.png"]
    assert picture_names([Path("/x/a/1.png"), Path("/x/b/1.png")]) == ["a/1.png", "b/1.png"]


def test_names_are_told_apart_where_a_template_is_named_from_the_root_or_a_picture_comes_again(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    pictures = [Path("data/1.png"), tmp_path / "golden/1.png", Path("data/2.png"), Path("data/1.png")]
    assert picture_names(pictures) == ["data/1.png", "golden/1.png", "data/2.png", "data/1.png#2"]


def test_a_picture_that_is_listed_twice_keeps_its_detections_apart(tmp_path):
    names = picture_names([Path("1.png"), Path("1.png")])
    write_csv(tmp_path / "a.csv", prediction_rows(names, [found((0, 0, 0.9))] * 2, CLASSES))
    again = read_predictions(tmp_path / "a.csv", names, CLASSES)
    assert [len(detections.scores) for detections in again] == [1, 1]


def test_the_annotations_of_deeppcb_score_one_as_detections(data_root):
    config = build(Config, {"task": "pcb"}, "test")
    data = read_data(config, data_root)
    pictures = data.splits["test"]
    detections = [
        Detections(p.boxes, p.labels, np.linspace(0.9, 0.5, len(p.labels), dtype=np.float32))
        for p in pictures
    ]
    metrics = split_metrics(pictures, detections, [], 0.5, data.splits["train"], data.classes)
    ones = ("map_50", "map_50_95", "f1", "map_50_unseen_boards", "deeppcb_pooled_ap_33", "deeppcb_f_score")
    assert [metrics[name] for name in ones] == pytest.approx([1.0] * 6, abs=1e-3)
    zeros = ("miss_rate_small", "miss_rate_medium", "miss_rate_large", "false_alarms_per_image")
    assert [metrics[name] for name in zeros] == [0.0] * 4
    # Half of all boxes have sides of up to 34.4 pixels.
    low, high = size_edges(np.concatenate([p.boxes for p in data.splits["train"]]))
    assert 30 < low < 34.4 < high < 40
    assert len(templates_of(pictures)) == 500

"""Views of the real training dataset: boxes of their targets are those of the augmented samples."""

import numpy as np
import pytest

from tasks.pcb import training_views
from tasks.pcb.data import read_data
from tasks.pcb.synthetic_boards import write_boards
from tasks.pcb.task import Task
from tasks.pcb.training_views import LOST, WRONG, check_views, draw_views, view_panel
from tests.pcb.checks.board_sets import configuration

AUGMENT = {
    "crop": 128,
    "crops": 2,
    "zoom": 1.5,
    "stretch": 1.5,
    "mosaic": {"tiles": 2, "until": 0.9},
    "mixup": {"probability": 0.5, "until": 0.9},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_boards(folder / "boards", number=20, size=128, seed=1)
    return folder


@pytest.fixture(scope="module")
def task(root):
    config = configuration("boards", augment=AUGMENT, model={"neck_width": 8})
    return Task(config, read_data(config, root), root / "assets")


def test_targets_of_crops_flips_mosaic_and_mixup_decode_to_their_boxes(task):
    views = draw_views(task, 0, 12)
    assert any((view.sample.weights < 1).any() for view in views)
    for view in views:
        assert (view.owner >= 0).all()
        boxes = view.sample.boxes[view.owner]
        assert np.abs(view.positives.boxes - boxes).max(initial=0) < 0.5
        assert view.positives.weights == pytest.approx(view.sample.weights[view.owner])
        assert set(view.owner) | set(view.lost) == set(range(len(view.sample.boxes)))
    # Without mosaic and MixUp a view has fewer boxes.
    last = draw_views(task, task.config.train.epochs - 1, 12)
    assert all((view.sample.weights == 1).all() for view in last)
    assert sum(len(view.owner) for view in last) < sum(len(view.owner) for view in views)


def test_weights_of_classes_are_no_mixup(root, tmp_path):
    seen = {}
    for probability in (0.0, 0.9):
        augment = {**AUGMENT, "mixup": {"probability": probability}}
        weighted = configuration(
            "boards", augment=augment, model={"neck_width": 8}, loss={"class_weights": [0.1, 0.3, 0.5] * 2}
        )
        views = draw_views(Task(weighted, read_data(weighted, root), tmp_path), 0, 8)
        seen[probability] = np.concatenate([view.sample.weights for view in views])
        for view in views:
            assert view.positives.weights == pytest.approx(view.sample.weights[view.owner], rel=1e-5)
    assert (seen[0.0] == 1).all() and (seen[0.9] < 1).any() and seen[0.9].max() <= 1


def test_a_mistake_in_the_assignment_shows(task, monkeypatch):
    dataset = task.dataset(0)
    monkeypatch.setattr(task, "dataset", lambda epoch: Shifted(dataset))
    views = draw_views(task, 0, 4)
    assert all((view.owner < 0).all() for view in views)
    drawn = [box for view in views for box in view_panel(view, task.data.classes).boxes]
    colours = [box.colour for box in drawn]
    assert colours.count(LOST) == sum(len(view.sample.boxes) for view in views) > 0
    assert set(colours) == {LOST, WRONG}
    # Classes have a red and an orange too, so words tell.
    assert {box.text.startswith("no box: ") for box in drawn if box.colour == WRONG} == {True}
    assert {box.text for box in drawn if box.colour == LOST} == {"no target"}


class Shifted:
    """A dataset whose offsets in a cell are too large by a quarter."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        sample, targets = self.dataset[index]
        for target in targets:
            target[:, 0] += 0.25 * (target[:, 5] > 0)
        return sample, targets


def test_what_training_refuses_has_no_views(root, tmp_path):
    config = configuration("boards", train_size=500)
    (section,), findings = check_views(config, root, tmp_path)
    assert "Training refuses the data: data.train_size" in section.text
    assert findings == [] and not list(tmp_path.iterdir())


def test_views_are_drawn_and_counted(root, tmp_path, monkeypatch):
    monkeypatch.setattr(training_views, "VIEWS_COUNTED", 4)
    config = configuration("boards", augment=AUGMENT, model={"neck_width": 8})
    (section,), findings = check_views(config, root, tmp_path)
    assert [row[:2] for row in section.tables[0].rows] == [["1", "4"], ["10", "4"]]
    assert sorted(image.path.name for image in section.images) == [
        "training_views_epoch_1.png",
        "training_views_epoch_10.png",
    ]
    assert all(image.path.stat().st_size > 10_000 for image in section.images)
    assert {finding.kind for finding in findings} <= {"box of a view without target"}

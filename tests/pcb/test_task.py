"""The PCB task between pictures, network and metrics."""

import json

import cv2
import numpy as np
import paddle
import pytest

from common.config import build
from common.errors import UserError
from common.reporting.tables import show
from common.training.run_folder import RunFolder
from tasks.pcb.config import Config
from tasks.pcb.detect import shrink, stack_images
from tasks.pcb.synthetic_boards import write_boards
from tasks.pcb.task import Task
from tests.pcb.small_run import untrained_task


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_boards(folder / "boards", number=12, size=128)
    return folder


def test_an_epoch_takes_every_crop_once_and_epochs_differ(root, tmp_path):
    task = untrained_task(root, tmp_path, train={"batch_size": 4})
    first, second = (np.concatenate(task.plan(epoch)) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(2 * len(task.data.splits["train"])))
    assert (first != second).any()


def test_a_batch_learns_and_its_loss_is_the_mean_over_pictures(root, tmp_path):
    task = untrained_task(root, tmp_path)
    samples = [task.dataset(0)[i] for i in range(4)]
    task.model.train()
    # Batch statistics would tie the pictures together.
    for layer in task.model.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer.eval()
    whole = float(task.loss(task.model, tensors(task.collate(samples))))
    single = [float(task.loss(task.model, tensors(task.collate([sample])))) for sample in samples]
    assert whole == pytest.approx(np.mean(single), rel=1e-4)


def test_multiscale_draws_one_side_an_update_by_seed_and_epoch(root, tmp_path):
    augment = {"multiscale": [64, 128, 192]}
    task, other = (
        untrained_task(root, tmp_path / name, train={"batch_size": 2}, augment=augment) for name in "ab"
    )
    drawn = []
    for epoch in range(2):
        sides = np.array(task.dataset(epoch).sides)
        assert (sides == other.dataset(epoch).sides).all()
        drawn.append([set(sides[views].tolist()) for views in task.plan(epoch)])
        assert {len(update) for update in drawn[epoch]} == {1}
    assert drawn[0] != drawn[1] and set.union(*drawn[0], *drawn[1]) == {64, 128, 192}
    for views in task.plan(0)[:3]:
        images, _, *levels = task.collate([task.dataset(0)[i] for i in views])
        side = task.dataset(0).sides[views[0]]
        assert images.shape[2:] == (side, side)
        assert [level.shape[3:] for level in levels] == [(side // s, side // s) for s in (64, 32, 16)]


def test_anchors_are_those_of_the_sides_that_training_sees(root, tmp_path):
    plain = untrained_task(root, tmp_path / "a").anchors
    doubled = untrained_task(root, tmp_path / "b", augment={"multiscale": [256]}).anchors
    assert np.array(doubled).prod(axis=1).mean() == pytest.approx(
        4 * np.array(plain).prod(axis=1).mean(), rel=0.1
    )


def tensors(batch: tuple) -> list[paddle.Tensor]:
    return [paddle.to_tensor(array) for array in batch]


def test_anchors_are_kept_with_the_run(root, tmp_path):
    found = untrained_task(root, tmp_path).anchors
    other = [[width + 1, height + 1] for width, height in found]
    (tmp_path / "anchors.json").write_text(json.dumps(other))
    task = untrained_task(root, tmp_path)
    assert task.anchors == other
    assert task.model.head.mask_anchors[2] == [side for anchor in other[:3] for side in anchor]


def always(boxes, scores):
    """What decodes every picture to these."""
    values = [np.array(v, np.float32)[None] for v in (boxes, scores)]
    return lambda images: [paddle.to_tensor(v.repeat(images.shape[0], axis=0)) for v in values]


def test_detections_are_in_pixels_of_the_unscaled_picture(root, tmp_path):
    task = untrained_task(root, tmp_path, data={"scale": 0.5})
    pictures = task.data.splits["validation"]
    # A network that finds one box in the middle half of what it is shown.
    task.model.decoded = always([[16, 16, 48, 48]], [[0, 0, 0.9, 0, 0, 0]])
    found = task.predict(pictures)
    assert len(found) == len(pictures)
    assert found[0].boxes.tolist() == [[32, 32, 96, 96]]
    assert found[0].labels.tolist() == [2]


def test_a_detection_outside_the_picture_is_clipped_or_dropped(root, tmp_path):
    task = untrained_task(root, tmp_path)
    boxes = [[100, 100, 160, 140], [130, 0, 150, 20]]
    task.model.decoded = always(boxes, [[0.9, 0, 0, 0, 0, 0], [0, 0.8, 0, 0, 0, 0]])
    found = task.predict(task.data.splits["validation"][:1])[0]
    assert found.boxes.tolist() == [[100, 100, 128, 128]]


def test_test_metrics_tell_seen_boards_from_unseen_ones(root, tmp_path):
    task = untrained_task(root, tmp_path)
    with pytest.raises(RuntimeError, match="is in training mode"):
        task.evaluate_split("test")
    task.model.eval()
    metrics, rows = task.evaluate_split("test")
    assert {"map_50", "map_50_seen_boards", "map_50_unseen_boards", "threshold", "ap_50_open"} <= set(metrics)
    assert {"false_alarms_per_template", "deeppcb_pooled_ap_33", "deeppcb_f_score"} <= set(metrics)
    assert all(set(row) == {"image", "class", "score", "x1", "y1", "x2", "y2"} for row in rows)


def find_annotated(task: Task, boards: int) -> None:
    """Make the network find the boxes of the first pictures it is shown, and one more on every other picture.

    The scores rise from picture to picture.
    """
    shown = []
    pictures = [p for split in ("validation", "test") for p in task.data.splits[split]]
    by_image = {task.image(p.path).tobytes(): p for p in pictures[:boards]}

    def decoded(images):
        images = images.numpy()
        boxes, scores = np.zeros((len(images), 20, 4), np.float32), np.zeros((len(images), 20, 6), np.float32)
        for row, image in enumerate(images.astype(np.uint8)):
            shown.append(len(shown))
            picture = by_image.get(image.tobytes())
            found = picture.boxes if picture else np.float32([[0, 0, 8, 8]])
            labels = picture.labels if picture else np.array([0])
            boxes[row, : len(found)] = found
            scores[row, np.arange(len(found)), labels] = 0.1 + 0.01 * len(shown)
        return paddle.to_tensor(boxes), paddle.to_tensor(scores)

    task.model.decoded = decoded


def test_the_threshold_is_chosen_on_validation_kept_and_applied_to_test(root, tmp_path):
    task = untrained_task(root, tmp_path)
    task.model.eval()
    number = len(task.data.splits["validation"])
    find_annotated(task, number)
    validation, _ = task.evaluate_split("validation")
    assert validation["f1"] == 1.0
    # The first picture of validation has the lowest score, and its boxes count.
    assert validation["threshold"] == pytest.approx(0.11)
    # Every template has the one wrong box.
    assert validation["false_alarms_per_template"] == 1.0
    kept = json.loads((tmp_path / "threshold.json").read_text())["threshold"]
    assert kept == validation["threshold"]

    find_annotated(task, 0)
    assert task.evaluate_split("test")[0]["threshold"] == kept
    # Other weights have to choose their own: nothing is right now, so that it is 0.5.
    task.model.head.yolo_outputs[0].bias.set_value(task.model.head.yolo_outputs[0].bias + 1)
    assert task.evaluate_split("test")[0]["threshold"] == 0.5


def test_the_report_shows_what_the_metrics_were_computed_from(root, tmp_path):
    run = RunFolder(tmp_path / "run")
    task = untrained_task(root, run.assets)
    task.model.eval()
    find_annotated(task, 1)
    for split in ("validation", "test"):
        metrics, rows = task.evaluate_split(split)
        run.add_metrics(split, metrics)
        run.write_predictions(split, rows)
    sections = {section.title: section for section in task.report_sections(run)}
    assert len(sections) == 12
    for split in ("validation", "test"):
        metrics = run.metrics()[split]
        classes = sections[f"Precision and recall, {split}"].tables[0].rows
        every = dict(zip(("name", "boxes", "found", "ap", "precision", "recall", "f1"), classes[-1]))
        assert (every["precision"], every["recall"]) == (show(metrics["precision"]), show(metrics["recall"]))
        assert f"{len(task.data.splits[split])} templates" in sections[f"Defect-free templates, {split}"].text
        for title in ("Precision and recall", "Worst pictures"):
            (image,) = sections[f"{title}, {split}"].images
            assert cv2.imread(str(image.path)).std() > 10


def test_pictures_of_several_sizes_and_channels_make_one_batch():
    images = [np.full((5, 8, 1), 7, np.uint8), np.full((9, 3, 3), 9, np.uint8)]
    batch = stack_images(images, stride=4)
    assert batch.shape == (2, 3, 12, 8)
    assert (batch[0, :, :5, :8] == 7).all() and not batch[0, :, 5:].any()
    assert (batch[1, :, :9, :3] == 9).all() and not batch[1, :, :, 3:].any()


def test_shrinking_averages():
    image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
    # Means of 2.5, 4.5, 10.5 and 12.5.
    assert shrink(image, 0.5)[:, :, 0] == pytest.approx(np.array([[2.5, 4.5], [10.5, 12.5]]), abs=0.5)
    assert shrink(image, 1.0) is image


@pytest.mark.parametrize("field, value", [("crop", 96), ("multiscale", [128, 96])])
def test_a_crop_that_the_strides_do_not_divide_is_refused(field, value):
    with pytest.raises(UserError, match=f"augment.{field}: found 96, expected a multiple of 64"):
        build(Config, {"task": "pcb", "augment": {field: value}}, "test")

"""The loss is PaddleDetection's, in value and gradient."""

import numpy as np
import paddle
import pytest
from ppdet.modeling.losses.iou_loss import IouLoss
from ppdet.modeling.losses.yolo_loss import YOLOv3Loss

from common.regularization.mixup import BoxSample
from tasks.pcb.anchors import MASKS
from tasks.pcb.loss import SparseYOLOv3Loss
from tasks.pcb.targets import assign_targets, pad_boxes

ANCHORS = [[10, 10], [14, 14], [20, 20], [28, 28], [40, 40], [48, 48], [56, 56], [64, 64], [80, 80]]
STRIDES = [64, 32, 16]
HEIGHT, WIDTH = 128, 192


def picture(rng: np.random.Generator, number: int) -> BoxSample:
    corners = rng.uniform(0, [WIDTH - 80, HEIGHT - 80], (number, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(8, 80, (number, 2))], axis=1).astype(np.float32)
    weights = rng.uniform(0.2, 3, number).astype(np.float32)
    return BoxSample(np.zeros((HEIGHT, WIDTH, 1)), boxes, rng.integers(0, 6, number), weights)


@pytest.mark.parametrize("numbers", [(3, 0, 7), (0, 0)])
@pytest.mark.parametrize("scale, iou_loss", [(1.0, None), (2.0, IouLoss(2.5)), (1.0, IouLoss(1.0))])
def test_values_and_gradients_are_paddle_detections(scale, iou_loss, numbers):
    rng = np.random.default_rng(0)
    samples = [picture(rng, number) for number in numbers]
    assigned = [assign_targets(s, np.float32(ANCHORS), STRIDES, 6, 0.4, scale == 2) for s in samples]
    targets = {f"target{i}": paddle.to_tensor(np.stack(level)) for i, level in enumerate(zip(*assigned))}
    targets["gt_bbox"] = paddle.to_tensor(pad_boxes(samples))
    grids = [(len(samples), 33, HEIGHT // stride, WIDTH // stride) for stride in STRIDES]
    values = [rng.normal(0, 1, grid).astype(np.float32) for grid in grids]
    # Near the targets, so that some predictions overlap a box enough to be ignored.
    for raw, level in zip(values, (targets[f"target{i}"].numpy() for i in range(3))):
        raw.reshape(level.shape[0], 3, 11, *level.shape[3:])[:, :, 2:4] += level[:, :, 2:4]
    found = {}
    for kind in (YOLOv3Loss, SparseYOLOv3Loss):
        loss = kind(6, 0.3, downsample=STRIDES, scale_x_y=scale, iou_loss=iou_loss)
        inputs = [paddle.to_tensor(raw, stop_gradient=False) for raw in values]
        terms = loss(inputs, targets, [[ANCHORS[i] for i in mask] for mask in MASKS])
        terms["loss"].backward()
        found[kind] = {k: float(v) for k, v in terms.items()}, [raw.grad.numpy() for raw in inputs]
    (theirs, gradients), (ours, other) = found[YOLOv3Loss], found[SparseYOLOv3Loss]
    assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)
    for gradient, one in zip(gradients, other):
        assert one == pytest.approx(gradient, rel=1e-4, abs=1e-6)

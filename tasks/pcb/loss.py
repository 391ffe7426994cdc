"""PaddleDetection's YOLOv3 loss with less work."""

from typing import NamedTuple

import numpy as np
import paddle
from paddle.nn import functional
from ppdet.modeling.losses.yolo_loss import YOLOv3Loss


class _Cells(NamedTuple):
    """Geometry of the cells of all levels in a row, in shares of the picture.

    Attributes:
        corner: column and row of each cell, float32 [2, cells].
        grid: columns and rows of its level, [2, cells].
        anchors: width and height, [anchors, 2, cells].
    """

    corner: paddle.Tensor
    grid: paddle.Tensor
    anchors: paddle.Tensor


class SparseYOLOv3Loss(YOLOv3Loss):
    """Values and gradients of PaddleDetection's loss, which computes the terms of boxes in every cell.

    Here they are computed for the few cells that learn a box, and objectness for all levels at once. An
    ``iou_aware_loss`` is not supported.
    """

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self._known_cells: dict[tuple, _Cells] = {}

    def forward(self, inputs: list[paddle.Tensor], targets: dict[str, paddle.Tensor], anchors: list) -> dict:
        """The terms of the loss and their sum, each a mean over pictures.

        Args:
            inputs: raw outputs of each level, [batch, anchors * (5 + classes), rows, columns].
            targets: ``target0`` and so on, [batch, anchors, 6 + classes, rows, columns], and ``gt_bbox``,
                [batch, boxes, 4], centres and sizes as shares of the picture.
            anchors: of each level, (width, height) in pixels.
        """
        number = len(anchors[0])
        cells = self._cells([output.shape[2:] for output in inputs], anchors)
        # [batch, anchors, channels, cells]
        raw = paddle.concat(
            [output.reshape([0, number, -1, *output.shape[2:]]).flatten(3) for output in inputs], 3
        )
        target = paddle.concat([targets[f"target{level}"].flatten(3) for level in range(len(inputs))], 3)
        learnt = target[:, :, 5]
        ignored = self._ignored(raw.detach(), cells, targets["gt_bbox"])
        losses = {"loss_obj": self._objectness(raw[:, :, 4], learnt, ignored)}
        index = paddle.nonzero(learnt > 0)
        if len(index):
            chosen = [values.transpose([0, 1, 3, 2]).gather_nd(index) for values in (raw, target)]
            losses.update(self._boxes(*chosen, cells, index, len(raw)))
        else:
            zero = paddle.zeros([])
            names = ["loss_xy", "loss_wh", "loss_cls"] + ["loss_iou"] * (self.iou_loss is not None)
            losses.update(dict.fromkeys(names, zero))
        return {**losses, "loss": sum(losses.values())}

    def _cells(self, grids: list, anchors: list) -> _Cells:
        key = tuple(map(tuple, grids))
        if key not in self._known_cells:
            corner, grid, sizes = [], [], []
            for (rows, columns), of_level, stride in zip(grids, anchors, self.downsample):
                row, column = np.divmod(np.arange(rows * columns), columns)
                corner.append(np.stack([column, row]))
                grid.append(np.broadcast_to([[columns], [rows]], (2, rows * columns)))
                shares = np.array(of_level, float) / [stride * columns, stride * rows]
                sizes.append(np.broadcast_to(shares[:, :, None], (*shares.shape, rows * columns)))
            parts = [np.concatenate(part, axis=-1).astype(np.float32) for part in (corner, grid, sizes)]
            self._known_cells[key] = _Cells(*map(paddle.to_tensor, parts))
        return self._known_cells[key]

    def _offset(self, raw: paddle.Tensor) -> paddle.Tensor:
        return self.scale_x_y * functional.sigmoid(raw) - 0.5 * (self.scale_x_y - 1)

    @paddle.no_grad()
    def _ignored(self, raw: paddle.Tensor, cells: _Cells, boxes: paddle.Tensor) -> paddle.Tensor:
        """Whether a prediction overlaps a box too much to be called background, [batch, anchors, cells]."""
        centre = (self._offset(raw[:, :, :2]) + cells.corner) / cells.grid
        size = paddle.exp(raw[:, :, 2:4]) * cells.anchors
        overlap = 1.0
        for axis in (0, 1):
            middle, side = centre[:, :, axis], size[:, :, axis]
            given, length = boxes[:, :, axis], boxes[:, :, axis + 2]
            high = paddle.minimum(*_each_with_each(middle + side / 2, given + length / 2))
            low = paddle.maximum(*_each_with_each(middle - side / 2, given - length / 2))
            overlap = overlap * (high - low).clip(0)
        areas = _each_with_each(size[:, :, 0] * size[:, :, 1], boxes[:, :, 2] * boxes[:, :, 3])
        union = areas[0] + areas[1] - overlap + 1e-9
        return ((overlap / union).max(axis=2) > self.ignore_thresh).reshape(raw[:, :, 0].shape)

    def _objectness(self, logits: paddle.Tensor, learnt: paddle.Tensor, ignored: paddle.Tensor):
        positive = (learnt > 0).astype("float32")
        weight = learnt + (1 - positive) * (1 - ignored.astype("float32"))
        entropy = functional.binary_cross_entropy_with_logits(logits, positive, reduction="none")
        return (entropy * weight).sum() / len(logits)

    def _boxes(self, raw, target, cells: _Cells, index: paddle.Tensor, pictures: int) -> dict:
        """The terms of the boxes, [boxes, channels], at ``index`` of picture, anchor and cell."""
        offset = self._offset(raw[:, :2])
        weight = target[:, 4:5] * target[:, 5:6]
        if self.scale_x_y == 1:
            place = functional.binary_cross_entropy(offset, target[:, :2], reduction="none")
        else:
            place = paddle.abs(offset - target[:, :2])
        terms = {
            "loss_xy": weight * place,
            "loss_wh": weight * paddle.abs(raw[:, 2:4] - target[:, 2:4]),
            "loss_cls": target[:, 5:6] * self.cls_loss(raw[:, 5:], target[:, 6:]),
        }
        if self.iou_loss is not None:
            corner, grid = (values.t().gather(index[:, 2]) for values in (cells.corner, cells.grid))
            anchors = cells.anchors.transpose([0, 2, 1]).gather_nd(index[:, 1:])
            sides = []
            for middle, logarithm in ((offset, raw[:, 2:4]), (target[:, :2], target[:, 2:4])):
                centre, half = (middle + corner) / grid, paddle.exp(logarithm) * anchors / 2
                sides.append([*(centre - half).split(2, axis=1), *(centre + half).split(2, axis=1)])
            terms["loss_iou"] = weight * self.iou_loss(*sides)
        return {name: term.sum() / pictures for name, term in terms.items()}


def _each_with_each(predicted: paddle.Tensor, given: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Values of predictions [batch, anchors, cells] and of boxes [batch, boxes], both repeated.

    Returns:
        [batch, anchors * cells, boxes] each.
    """
    predicted, given = predicted.flatten(1)[:, :, None], given[:, None]
    shape = [len(given), predicted.shape[1], given.shape[2]]
    # On a processor Paddle's broadcasting within an operation takes two to five times as long.
    return predicted.expand(shape), given.expand(shape)

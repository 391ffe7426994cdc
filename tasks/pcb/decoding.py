"""From the network's raw outputs to boxes and scores, in operations that every exporter knows."""

import paddle


def decode(
    outputs: list[paddle.Tensor], anchors: list[list[int]], strides: tuple[int, ...], scale: float
) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Boxes and scores of every anchor in every cell, level by level, anchor by anchor, row by row.

    As Paddle's ``yolo_box``, but without its limits, which cut a box at the last pixel but one and set
    unlikely ones to zero, so that no score jumps.

    Args:
        outputs: of each level, float32 [batch, anchors * (5 + classes), rows, columns]: x, y, w, h,
            objectness and class logits of each anchor.
        anchors: of each level, width and height in pixels in turn.
        strides: of each level, pixels a cell.
        scale: of the offsets in a cell about its centre; 1 keeps them inside.

    Returns:
        float32 [batch, boxes, 4], x1, y1, x2, y2 in pixels, and float32 [batch, boxes, classes].
    """
    levels = [_decode_level(*level, scale) for level in zip(outputs, anchors, strides)]
    boxes, scores = zip(*levels)
    return paddle.concat(boxes, axis=1), paddle.concat(scores, axis=1)


def _decode_level(output, anchors: list[int], stride: int, scale: float):
    number = len(anchors) // 2
    channels = output.shape[1] // number
    sizes = paddle.to_tensor(anchors, dtype="float32").reshape([1, number, 2, 1])
    # Sums of ones count columns and rows whatever their number, which an exported network leaves open.
    ones = paddle.ones_like(output[:, :1])
    corner = paddle.concat([ones.cumsum(axis=3), ones.cumsum(axis=2)], axis=1) - 1
    corner = corner.reshape([0, 1, 2, -1])
    # [batch, anchors, channels, cells]; 0 is the size that stands there already.
    raw = output.reshape([0, number, channels, -1])
    offset = paddle.nn.functional.sigmoid(raw[:, :, :2]) * scale - (scale - 1) / 2
    centre = (corner + offset) * stride
    half = paddle.exp(raw[:, :, 2:4]) * sizes / 2
    boxes = paddle.concat([centre - half, centre + half], axis=2)
    likely = paddle.nn.functional.sigmoid(raw[:, :, 4:])
    scores = likely[:, :, :1] * likely[:, :, 1:]
    return _in_a_row(boxes, 4), _in_a_row(scores, channels - 5)


def _in_a_row(values, width: int):
    """[batch, anchors, width, cells] as [batch, anchors * cells, width]."""
    return values.transpose([0, 1, 3, 2]).reshape([0, -1, width])

"""YOLOv3 composed from PaddleDetection's parts, with dropout before its prediction layer."""

import math
import re
from collections.abc import Callable
from typing import Optional

import paddle
from ppdet.modeling.backbones.darknet import Blocks, ConvBNLayer, DarkNet, DownSample
from ppdet.modeling.backbones.mobilenet_v1 import MobileNet
from ppdet.modeling.heads.yolo_head import YOLOv3Head
from ppdet.modeling.losses.iou_loss import IouLoss
from ppdet.modeling.losses.yolo_loss import YOLOv3Loss
from ppdet.modeling.necks.yolo_fpn import YoloDetBlock

from common.evaluation.mode import require_evaluation_mode
from common.regularization.dropout import FEATURE_DROPOUTS
from tasks.pcb.anchors import MASKS
from tasks.pcb.config import STRIDES, Model
from tasks.pcb.decoding import decode
from tasks.pcb.first_convolution import show_pictures

OBJECTNESS_PRIOR = 0.01
# That the backbone is shown at once, by model.input.
PICTURES = {"pair": 2, "difference": 3}


class DarkNetTiny(paddle.nn.Layer):
    """A plain narrow DarkNet for CPUs, 1.2 M parameters; features at strides 16, 32 and 64.

    It folds each 2 x 2 pixels into channels first, as YOLOv2's passthrough layer does: as
    cheap as halving the picture, without losing its fine lines.
    """

    FOLD = 2
    CHANNELS = (16, 32, 64, 128, 256)
    BLOCKS = (0, 1, 2, 2, 1)

    def __init__(self):
        super().__init__()
        self.stage = paddle.nn.LayerList()
        width = 3 * self.FOLD**2
        for channels, blocks in zip(self.CHANNELS, self.BLOCKS):
            layers = [DownSample(width, channels)]
            if blocks:
                layers.append(Blocks(channels, channels, blocks, name="block"))
            self.stage.append(paddle.nn.Sequential(*layers))
            width = channels

    def forward(self, inputs: dict[str, paddle.Tensor]) -> list[paddle.Tensor]:
        features = []
        x = _fold(inputs["image"], self.FOLD)
        if inputs["image"].shape[1] == 1:
            x = x.tile([1, 3, 1, 1])
        for stage in self.stage:
            x = stage(x)
            features.append(x)
        return features[-3:]


def _fold(images: paddle.Tensor, factor: int) -> paddle.Tensor:
    """The pixels of each square of ``factor`` x ``factor`` as channels."""
    if paddle.in_dynamic_mode():
        return paddle.nn.functional.pixel_unshuffle(images, factor)
    # In a network that is exported sides are open, which pixel_unshuffle refuses.
    pixels = [images[:, :, row::factor, column::factor] for row in range(factor) for column in range(factor)]
    return paddle.stack(pixels, axis=2).flatten(1, 2)


def _twice_as_large(features: paddle.Tensor) -> paddle.Tensor:
    """Each value as a square of 2 x 2."""
    if paddle.in_dynamic_mode():
        return paddle.nn.functional.interpolate(features, scale_factor=2)
    # The factor of an interpolation is read neither by paddle2onnx 2.1 nor by oneDNN in Paddle 3.3.1.
    wide = paddle.stack([features, features], axis=4).flatten(3, 4)
    return paddle.stack([wide, wide], axis=3).flatten(2, 3)


class YOLOv3Neck(paddle.nn.Layer):
    """YOLOv3's feature pyramid with a chosen width; 512 is the published network's.

    Args:
        in_channels: of the backbone's features, fine to coarse.
        width: channels of the coarsest block, halved at each finer one.
    """

    def __init__(self, in_channels: tuple[int, ...], width: int):
        super().__init__()
        self.blocks, self.routes = paddle.nn.LayerList(), paddle.nn.LayerList()
        self.out_channels = []
        upsampled = 0
        for channels in reversed(in_channels):
            self.blocks.append(YoloDetBlock(channels + upsampled, width, norm_type="bn"))
            self.out_channels.append(2 * width)
            upsampled = width // 2
            if len(self.blocks) < len(in_channels):
                self.routes.append(ConvBNLayer(width, upsampled, filter_size=1))
            width = upsampled

    def forward(self, features: list[paddle.Tensor]) -> list[paddle.Tensor]:
        outputs, route = [], None
        for level, feature in enumerate(reversed(features)):
            if route is not None:
                route = self.routes[level - 1](route)
                route = _twice_as_large(route)
                feature = paddle.concat([route, feature], axis=1)
            route, output = self.blocks[level](feature)
            outputs.append(output)
        return outputs


class YOLOv3(paddle.nn.Layer):
    """Backbone, neck, dropout and PaddleDetection's head.

    The per-cell fully connected layer of YOLOv3 is its 1x1 prediction convolution, so the
    dropout stands on that layer's input.

    Args:
        anchors: nine (width, height) in whole pixels, by growing area.
    """

    def __init__(self, config: Model, anchors: list[list[int]], classes: int):
        super().__init__()
        self.input = config.input
        self.backbone, channels = _backbone(config.backbone)
        if config.input != "tested":
            show_pictures(self.backbone, PICTURES[config.input])
        self.neck = YOLOv3Neck(channels, config.neck_width)
        self.dropout = FEATURE_DROPOUTS[config.dropout_kind](config.dropout)
        strides = STRIDES[config.backbone]
        # With a centre in a neighbouring cell offsets run from -0.5 to 1.5.
        scale = 2.0 if config.neighbour_cells else 1.0
        loss = YOLOv3Loss(
            classes,
            ignore_thresh=config.ignore_iou,
            downsample=list(strides),
            scale_x_y=scale,
            iou_loss=IouLoss(config.iou_loss) if config.iou_loss else None,
        )
        self.head = YOLOv3Head(self.neck.out_channels, anchors, [list(m) for m in MASKS], classes, loss=loss)
        self._start_objectness_at_prior(classes)
        self.scale = scale
        self.strides = strides

    def _start_objectness_at_prior(self, classes: int) -> None:
        # Lin et al. 2017 (focal loss): almost every cell is background, and at a bias of 0 the
        # first epochs would do little but learn that.
        bias = math.log(OBJECTNESS_PRIOR / (1 - OBJECTNESS_PRIOR))
        for convolution in self.head.yolo_outputs:
            values = convolution.bias.numpy().reshape(-1, 5 + classes)
            values[:, 4] = bias
            convolution.bias.set_value(values.reshape(-1))

    def forward(self, images: paddle.Tensor, targets: Optional[dict[str, paddle.Tensor]] = None):
        """With targets the dictionary of losses, without them the raw outputs a level.

        Args:
            images: float32 [batch, 1 or 3, height, width], pixels from 0 to 255, sides multiples of
                the coarsest stride; pairs of 2 or 6 channels unless ``model.input`` is ``tested``.
            targets: ``target0`` to ``target2`` and ``gt_bbox``; in training mode only.
        """
        images = images / 63.75 - 2.0
        if self.input != "tested":
            images = self._seen(images)
        elif not isinstance(self.backbone, DarkNetTiny):
            images = images.expand([-1, 3, -1, -1])
        features = self.neck(self.backbone({"image": images}))
        # The head stays in float32 under mixed precision: its loss takes the logarithm of a
        # sigmoid, which float16 rounds to 0 or 1.
        with paddle.amp.auto_cast(enable=False):
            features = [self.dropout(f.astype("float32")) for f in features]
            if targets is None:
                return [predict(f) for predict, f in zip(self.head.yolo_outputs, features)]
            return self.head(features, targets)

    def _seen(self, images: paddle.Tensor) -> paddle.Tensor:
        """Tested picture and template, and tested less template if asked for, one or three channels each.

        The difference has its sign, which tells missing copper from copper too much, and with which it
        is the same before and after resizing and MixUp.
        """
        if self.input == "pair":
            return images
        tested, template = images.chunk(2, axis=1)
        return paddle.concat([images, tested - template], axis=1)

    def decoded(self, images: paddle.Tensor) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Boxes of every anchor in every cell, and their scores, before any is suppressed.

        Returns:
            float32 [batch, boxes, 4], x1, y1, x2, y2 in pixels of ``images``, and float32 [batch, boxes,
            classes], objectness times class.

        Raises:
            RuntimeError: a layer is in training mode.
        """
        require_evaluation_mode(self)
        return decode(self(images), self.head.mask_anchors, self.strides, self.scale)


def _backbone(name: str) -> tuple[paddle.nn.Layer, tuple[int, ...]]:
    if name == "darknet_tiny":
        return DarkNetTiny(), DarkNetTiny.CHANNELS[-3:]
    if name == "darknet53":
        return DarkNet(), (256, 512, 1024)
    return MobileNet(feature_maps=[4, 6, 13]), (256, 512, 1024)


def depth_of(backbone: str) -> Callable[[str], Optional[int]]:
    """Depths for layer-wise decay: backbone stages 0 to n, neck and head n + 1, None for others.

    A stage begins where the resolution is halved. DarkNet's first convolutions belong to
    stage 0; MobileNet numbers its stages from 1 and calls them conv1 to conv6.
    """
    pattern, first, head = (r"conv(\d)", 1, 6) if backbone == "mobilenet_v1" else (r"stage\.(\d)", 0, 5)

    def depth(name: str) -> Optional[int]:
        if not name.startswith("backbone."):
            return head if name.startswith(("neck.", "head.")) else None
        stage = re.match(rf"backbone\.{pattern}", name)
        return int(stage.group(1)) - first if stage else 0

    return depth

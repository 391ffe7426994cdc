"""YOLOv3 composed from PaddleDetection's parts, with dropout before its prediction layer."""

import bisect
import math
import re
from collections.abc import Callable
from typing import Optional

import paddle
from ppdet.modeling.backbones.darknet import Blocks, ConvBNLayer, DarkNet, DownSample
from ppdet.modeling.backbones.mobilenet_v1 import MobileNet
from ppdet.modeling.backbones.mobilenet_v3 import MobileNetV3
from ppdet.modeling.backbones.resnet import ResNet
from ppdet.modeling.heads.yolo_head import YOLOv3Head
from ppdet.modeling.losses.iou_loss import IouLoss
from ppdet.modeling.necks.yolo_fpn import YoloDetBlock

from common.evaluation.mode import require_evaluation_mode
from common.regularization.dropout import FEATURE_DROPOUTS
from tasks.pcb.anchors import MASKS
from tasks.pcb.config import STRIDES, Model
from tasks.pcb.decoding import decode
from tasks.pcb.first_convolution import show_pictures
from tasks.pcb.loss import SparseYOLOv3Loss

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
        """Features of the last three stages, fine to coarse, [batch, channels, rows, columns].

        Args:
            inputs: ``image``, float32 [batch, 1 or 3, height, width], sides multiples of 64.
        """
        features = []
        x = self._first_block(inputs["image"])
        for number, stage in enumerate(self.stage):
            x = stage(x) if number else x
            features.append(x)
        return features[-3:]

    def _first_block(self, images: paddle.Tensor) -> paddle.Tensor:
        """The first stage, of folded pixels, those of a grey picture repeated for each colour."""
        block = self.stage[0][0].conv_bn_layer
        if paddle.in_dynamic_mode():
            weight = unfolded_weight(block.conv.weight, images.shape[1], self.FOLD)
            x = paddle.nn.functional.conv2d(images, weight, stride=2 * self.FOLD, padding=self.FOLD)
        else:
            # Exporters and what they fuse want a convolution's weight as it is stored.
            x = _fold(images, self.FOLD)
            x = block.conv(x.tile([1, 3, 1, 1]) if images.shape[1] == 1 else x)
        return paddle.nn.functional.leaky_relu(block.batch_norm(x), 0.1)


def unfolded_weight(weight: paddle.Tensor, channels: int, factor: int) -> paddle.Tensor:
    """The weight of a convolution of folded pixels as that of an equal one of the picture itself.

    Folding a picture and repeating it for each colour would cost a tenth of a training step.

    Args:
        weight: [width, planes * factor², kernel, kernel], planes being a multiple of ``channels``.
        channels: of the picture; the planes that show the same one are added up.

    Returns:
        [width, channels, kernel * factor, kernel * factor].
    """
    width, planes, *kernel = weight.shape
    copies = planes // (channels * factor**2)
    weight = weight.reshape([width, channels, copies, factor, factor, *kernel]).sum(axis=2)
    return weight.transpose([0, 1, 4, 2, 5, 3]).reshape(
        [width, channels, *(factor * side for side in kernel)]
    )


def _fold(images: paddle.Tensor, factor: int) -> paddle.Tensor:
    """The pixels of each square of ``factor`` x ``factor`` as channels."""
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
        """Features for the head, coarse to fine, each of its ``out_channels`` and the cells of its level.

        Args:
            features: of the backbone, fine to coarse, [batch, channels, rows, columns], each with half the
                cells along a side of the one before.
        """
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
        loss = SparseYOLOv3Loss(
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
    if name == "mobilenet_v1":
        return MobileNet(feature_maps=[4, 6, 13]), (256, 512, 1024)
    if name == "mobilenet_v3":
        return MobileNetV3(feature_maps=[7, 13, 16]), (40, 112, 160)
    # By default it would neither train its first stage nor any of its norms.
    resnet = ResNet(50, variant="d", return_idx=[1, 2, 3], freeze_norm=False, freeze_at=-1, norm_decay=0.0)
    return resnet, (512, 1024, 2048)


# MobileNetV3 numbers its blocks, conv1 to conv16; these halve the resolution.
MOBILENET_V3_STAGES = (1, 3, 5, 8, 14)


def depth_of(backbone: str) -> Callable[[str], Optional[int]]:
    """Depths for layer-wise decay: backbone stages 0 to n, neck and head n + 1, None for others.

    A stage begins where the resolution is halved. DarkNet's first convolutions belong to stage 0;
    MobileNetV1 numbers its stages from 1 and calls them conv1 to conv6, ResNet calls them conv1 and
    res2 to res5.
    """
    head = 6 if backbone == "mobilenet_v1" else 5

    def depth(name: str) -> Optional[int]:
        if not name.startswith("backbone."):
            return head if name.startswith(("neck.", "head.")) else None
        stage = re.match(r"backbone\.(?:stage\.|conv|res)(\d+)", name)
        number = int(stage[1]) if stage else 0
        if backbone == "mobilenet_v3":
            return bisect.bisect(MOBILENET_V3_STAGES, number) - 1
        return number - (backbone in ("mobilenet_v1", "resnet50_vd"))

    return depth

"""The network: its parts, its dropout, and what MixUp's weights do to its loss."""

import functools

import numpy as np
import paddle
import pytest

from common.regularization.mixup import BoxSample, mix_box_samples
from common.regularization.parameter_groups import parameter_settings
from tasks.pcb.config import STRIDES, Model
from tasks.pcb.model import YOLOv3, YOLOv3Neck, depth_of
from tasks.pcb.targets import assign_targets, pad_boxes

ANCHORS = [[10, 10], [14, 14], [20, 20], [28, 28], [40, 40], [48, 48], [56, 56], [64, 64], [80, 80]]


def network(**fields) -> YOLOv3:
    paddle.seed(0)
    return YOLOv3(Model(**fields), ANCHORS, classes=6)


@functools.cache
def narrow(backbone: str) -> YOLOv3:
    return network(backbone=backbone, neck_width=64)


@pytest.fixture(scope="module")
def tiny() -> YOLOv3:
    return network()


@pytest.mark.parametrize("backbone", STRIDES)
def test_outputs_of_every_backbone_are_three_grids_and_everything_is_trained(backbone):
    model = narrow(backbone)
    frozen = [name for name, p in model.named_parameters() if p.stop_gradient]
    assert {name.rpartition(".")[2] for name in frozen} == {"_mean", "_variance"}
    model.eval()
    with paddle.no_grad():
        outputs = model(paddle.zeros([1, 3, 128, 192]))
    cells = [[128 // stride, 192 // stride] for stride in STRIDES[backbone]]
    assert [o.shape for o in outputs] == [[1, 33, *sides] for sides in cells]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_tiny_network_folds_pixels_into_channels_of_three_colours(tiny, channels):
    images = paddle.rand([2, channels, 64, 96])
    block = tiny.backbone.stage[0]
    folded = paddle.nn.functional.pixel_unshuffle(images, 2).tile([1, 3 // channels, 1, 1])
    seen, gradients = [], []
    tiny.train()
    for output in (block(folded), tiny.backbone._first_block(images)):
        (output**2).sum().backward()
        gradients.append(block[0].conv_bn_layer.conv.weight.grad.numpy())
        tiny.clear_gradients()
        seen.append(output.numpy())
    assert seen[1] == pytest.approx(seen[0], abs=1e-5)
    assert gradients[1] == pytest.approx(gradients[0], rel=1e-3, abs=1e-3)


def test_the_tiny_network_has_about_two_million_parameters(tiny):
    number = sum(int(np.prod(p.shape)) for p in tiny.parameters() if not p.stop_gradient)
    assert 2.0e6 < number < 2.5e6


def test_the_published_width_has_the_published_neck():
    from ppdet.modeling.necks.yolo_fpn import YOLOv3FPN

    ours = YOLOv3Neck((256, 512, 1024), 512).parameters()
    theirs = YOLOv3FPN().parameters()
    assert sorted(tuple(p.shape) for p in ours) == sorted(tuple(p.shape) for p in theirs)


def test_dropout_is_on_the_input_of_the_prediction_layer():
    model = network(dropout=0.5)
    seen = []
    for convolution in model.head.yolo_outputs:
        convolution.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0].numpy()))
    images = 255 * paddle.rand([1, 1, 128, 128])
    model.eval()
    model(images)
    share_of_zeros = [np.mean(x == 0) for x in seen]
    assert max(share_of_zeros) < 0.01
    seen.clear()
    model.train()
    model(images, targets(sample()))
    # The coarsest input has 4 cells of 256 channels: standard error of a share 0.016.
    assert [np.mean(x == 0) for x in seen] == pytest.approx([0.5] * 3, abs=0.08)


@pytest.mark.parametrize(
    ("backbone", "first", "last", "stages"),
    [
        ("darknet_tiny", "stage.0.0.conv_bn_layer.conv", "stage.4.0.conv_bn_layer.conv", 5),
        ("darknet53", "conv0.conv", "stage.4.basicblock0.conv1.conv", 5),
        ("mobilenet_v1", "conv1._conv", "conv6._pointwise_conv._conv", 6),
        ("mobilenet_v3", "conv2.linear_conv.conv", "conv14.expand_conv.conv", 5),
        ("resnet50_vd", "conv1.conv1_3.conv", "res5.res5a.branch2a.conv", 5),
    ],
)
def test_depths_run_from_the_first_stage_to_the_head(backbone, first, last, stages):
    model = narrow(backbone)
    settings = parameter_settings(model, 1e-4, layer_decay=0.5, depth_of=depth_of(backbone))
    scales = {s.name: s.lr_scale for s in settings}
    assert scales[f"backbone.{first}.weight"] == 0.5**stages
    assert scales[f"backbone.{last}.weight"] == 0.5
    assert all(scale == 1.0 for name, scale in scales.items() if name.startswith(("neck.", "head.")))


def test_norms_and_head_biases_are_not_decayed_though_groups_erase_their_attributes(tiny):
    settings = parameter_settings(tiny, 1e-4)
    assert {s.weight_decay for s in settings if s.name.endswith("conv.weight")} == {1e-4}
    assert {s.weight_decay for s in settings if "batch_norm" in s.name or "bias" in s.name} == {0.0}


def sample(*boxes, weight: float = 1.0) -> BoxSample:
    corners = np.array([box[:4] for box in boxes], np.float32).reshape(-1, 4)
    labels = np.array([box[4] for box in boxes], int)
    image = np.zeros((128, 128, 3), np.float32)
    return BoxSample(image, corners, labels, np.full(len(boxes), weight, np.float32))


def targets(one: BoxSample) -> dict[str, paddle.Tensor]:
    levels = assign_targets(one, np.float32(ANCHORS), STRIDES["darknet_tiny"], classes=6)
    named = {f"target{i}": paddle.to_tensor(level[None]) for i, level in enumerate(levels)}
    return {**named, "gt_bbox": paddle.to_tensor(pad_boxes([one]))}


SIDES = (2, 4, 8)


def raw_predictions() -> list[np.ndarray]:
    """Fixed predictions of each level, so that only the targets differ."""
    rng = np.random.default_rng(0)
    return [rng.normal(0, 1, (1, 33, n, n)).astype(np.float32) for n in SIDES]


def losses(model: YOLOv3, one: BoxSample) -> dict[str, float]:
    """Loss terms on the fixed predictions."""
    raw = [paddle.to_tensor(values) for values in raw_predictions()]
    return {k: float(v) for k, v in model.head.loss(raw, targets(one), model.head.anchors).items()}


def objectness(one: BoxSample) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy of the fixed objectness against 1 in the cells of boxes, against 0 in all others."""
    assigned = [targets(one)[f"target{i}"].numpy()[0, :, 5].ravel() > 0 for i in range(3)]
    logits = [raw.reshape(3, 11, n, n)[:, 4].ravel() for raw, n in zip(raw_predictions(), SIDES)]
    assigned, logits = np.concatenate(assigned), np.concatenate(logits).astype(np.float64)
    return np.log1p(np.exp(-logits[assigned])), np.log1p(np.exp(logits[~assigned]))


def test_mixup_weights_multiply_every_positive_term_of_a_box(tiny):
    first, second = sample((2, 2, 12, 12, 1)), sample((40, 40, 60, 60, 4))
    mixed = mix_box_samples(first, second, 0.7)
    for term in ("loss_xy", "loss_wh", "loss_cls"):
        expected = 0.7 * losses(tiny, first)[term] + 0.3 * losses(tiny, second)[term]
        assert losses(tiny, mixed)[term] == pytest.approx(expected, rel=1e-5), term


def test_mixup_keeps_the_objectness_target_at_one_and_unassigned_cells_at_weight_one(tiny):
    box = (40, 40, 60, 60, 4)
    positive, negative = objectness(sample(box))
    assert len(positive) == 1 and len(negative) == 3 * (4 + 16 + 64) - 1
    for weight in (0.25, 0.5, 1.0):
        # Sums near 100 in float32.
        expected = weight * positive.sum() + negative.sum()
        assert losses(tiny, sample(box, weight=weight))["loss_obj"] == pytest.approx(expected, abs=1e-4)


def test_mixup_weights_the_objectness_of_each_pictures_boxes(tiny):
    first, second = sample((2, 2, 12, 12, 1)), sample((40, 40, 60, 60, 4), (80, 80, 120, 120, 0))
    mixed = mix_box_samples(first, second, 0.7)
    expected = (
        0.7 * objectness(first)[0].sum() + 0.3 * objectness(second)[0].sum() + objectness(mixed)[1].sum()
    )
    assert losses(tiny, mixed)["loss_obj"] == pytest.approx(expected, abs=1e-4)


def test_an_untrained_network_expects_background():
    model = network()
    outputs = []
    for convolution in model.head.yolo_outputs:
        convolution.register_forward_post_hook(lambda layer, inputs, output: outputs.append(output))
    # In training, where batch normalisation keeps the features at unit scale.
    model.train()
    model(255 * paddle.rand([1, 1, 128, 128]), targets(sample((40, 40, 60, 60, 4))))
    for output in outputs:
        objectness = output.reshape([3, 11, *output.shape[2:]])[:, 4]
        # The prior is 0.01; the random weights spread around it.
        assert float(paddle.nn.functional.sigmoid(objectness).mean()) < 0.05

"""Tested picture and template as one array: the same geometry on both, and closed forms."""

import cv2
import numpy as np
import paddle
import pytest

from common.regularization.mixup import BoxSample
from tasks.pcb.augment import Augmenter, drill_holes, shift_template
from tasks.pcb.config import Augment, MixUp, Model, Mosaic
from tasks.pcb.detect import shrink, stack_images
from tasks.pcb.model import YOLOv3
from tasks.pcb.pairs import FLIPPED, MOST_SHIFT, flip_edges, shifted, shown_without_defect, stack_pair
from tasks.pcb.synthetic_boards import BARE, COPPER, generate_board
from tests.pcb.test_augment import boxes_from_pixels, picture

ANCHORS = [[10 * i, 10 * i] for i in range(1, 10)]
EVERYTHING = Augment(
    crop=96,
    zoom=1.5,
    stretch=1.5,
    holes=3,
    mosaic=Mosaic(tiles=2, until=0.75),
    mixup=MixUp(probability=0.7),
)


def pair_of(sample: BoxSample, channels: int = 1) -> BoxSample:
    """A noisy picture beside itself, in grey or colour."""
    noise = np.random.default_rng(0).integers(0, 256, (*sample.image.shape[:2], channels), dtype=np.uint8)
    image = np.where(sample.image > 0, np.uint8(0), noise)
    return BoxSample(np.concatenate([image, image], 2), sample.boxes, sample.labels, sample.weights)


@pytest.mark.parametrize("colour", [False, True])
def test_whatever_is_done_to_a_picture_is_done_to_its_template(colour):
    def read(index: int) -> BoxSample:
        return pair_of(picture(index), 3 if colour and index % 2 else 1)

    views = Augmenter(read, 10, EVERYTHING, epochs=4, seed=0)
    for epoch in (0, 3):
        seen = [views.sample(epoch, index) for index in range(15)]
        assert {view.image.shape[2] for view in seen} <= ({2, 6} if colour else {2})
        for view in seen:
            tested, template = np.split(view.image, 2, axis=2)
            assert tested.std() > 0
            assert (tested == template).all()
        assert any((view.weights < 1).any() for view in seen)


def test_a_marker_in_the_template_stays_in_the_boxes_of_its_picture():
    def read(index: int) -> BoxSample:
        sample = picture(index)
        tested = np.zeros_like(sample.image)
        return BoxSample(
            np.concatenate([tested, sample.image], 2), sample.boxes, sample.labels, sample.weights
        )

    views = Augmenter(read, 10, Augment(crop=96, background=0.0), epochs=4, seed=0)
    for index in range(20):
        view = views.sample(0, index)
        template = BoxSample(view.image[:, :, 1:], view.boxes, view.labels, view.weights)
        assert not view.image[:, :, 0].any()
        assert boxes_from_pixels(template) == pytest.approx(view.boxes)


def test_holes_are_drilled_into_both_pictures_where_both_have_copper():
    tested = np.full((120, 120, 1), 255, np.uint8)
    tested[20:, 30:] = 0
    template = np.full((120, 120, 1), 255, np.uint8)
    template[:90, :] = 0
    board = BoxSample(stack_pair(tested, template), np.zeros((0, 4), np.float32), np.zeros(0, int), [])
    rng = np.random.default_rng(0)
    changed = [drill_holes(board, 3, rng).image != board.image for _ in range(30)]
    assert np.any(changed)
    for each in changed:
        assert (each[:, :, 0] == each[:, :, 1]).all()
        assert not each[:23].any() and not each[87:].any() and not each[:, :33].any()


def test_only_the_template_is_shifted_and_not_by_more_than_asked():
    board = pair_of(picture(), 3)
    rng, shifts = np.random.default_rng(0), set()
    for _ in range(40):
        seen = shift_template(board, 2, rng)
        assert (seen.image[:, :, :3] == board.image[:, :, :3]).all() and seen.boxes is board.boxes
        middle = seen.image[10:-10, 10:-10, 3:]
        places = [(x, y) for x in range(-2, 3) for y in range(-2, 3)]
        whole = board.image[:, :, 3:]
        shifts |= {(x, y) for x, y in places if (middle == whole[10 - y : 190 - y, 10 - x : 230 - x]).all()}
    assert len(shifts) > 12 and {x for x, _ in shifts} == {y for _, y in shifts} == set(range(-2, 3))


def test_grey_beside_colour_becomes_colour_and_halves_stay_halves():
    grey, colour = np.full((4, 5, 1), 7, np.uint8), np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    assert stack_pair(grey, grey.repeat(3, axis=2)).shape == (4, 5, 2)
    pair = stack_pair(grey, colour)
    assert (pair[:, :, :3] == 7).all() and (pair[:, :, 3:] == colour).all()
    batch = stack_images([pair, stack_pair(grey, grey + 1)], stride=8)
    assert batch.shape == (2, 6, 8, 8)
    assert batch[1, :, 0, 0].tolist() == [7, 7, 7, 8, 8, 8]
    shown = shrink(np.arange(6, dtype=np.uint8) + np.zeros((8, 8, 1), np.uint8), 0.5)
    assert shown.tolist() == [[[0, 1, 2, 3, 4, 5]] * 4] * 4


def test_a_shift_moves_whole_pixels_and_repeats_the_border():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    assert shifted(image, 1, 0)[:, :, 0].tolist() == [[0, 0, 1, 2], [4, 4, 5, 6], [8, 8, 9, 10]]
    assert shifted(image, 0, -2)[:, :, 0].tolist() == [[8, 9, 10, 11]] * 3
    assert shifted(image, 0, 0).tolist() == image.tolist()


@pytest.mark.parametrize("channels", [1, 3])
def test_flipped_pixels_lie_at_edges_and_have_the_other_sides_value(channels):
    image = np.full((200, 200, channels), BARE, np.uint8)
    image[50:150, 50:150] = COPPER
    flipped = flip_edges(image, 0.25, np.random.default_rng(0)) != image
    assert (flipped == flipped[:, :, :1]).all()
    edge = np.zeros((200, 200), bool)
    edge[49:151, 49:151] = True
    edge[51:149, 51:149] = False
    assert not flipped[~edge].any()
    # Of 800 edge pixels, with a standard error of 0.015.
    assert flipped[edge].mean() == pytest.approx(0.25, abs=0.06)
    values = flip_edges(image, 1.0, np.random.default_rng(0))
    assert (values[edge] == 255 - image[edge]).all()


def test_a_template_as_another_scan_would_have_it_is_the_same_again_and_differs_between_boards():
    template = generate_board(0, size=160).template[:, :, None]
    pair = shown_without_defect(template, 0, "a_temp.jpg")
    assert (pair == shown_without_defect(template, 0, "a_temp.jpg")).all()
    assert (pair[:, :, 1:] == template).all()
    others = [shown_without_defect(template, 0, f"{i}.jpg")[:, :, :1] for i in range(40)]
    found = set()
    for tested in others:
        differences = {
            (x, y): (tested != shifted(template, x, y)).mean()
            for x in range(-MOST_SHIFT, MOST_SHIFT + 1)
            for y in range(-MOST_SHIFT, MOST_SHIFT + 1)
        }
        best = min(differences, key=differences.get)
        edges = cv2.morphologyEx(shifted(template, *best), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        assert differences[best] / edges.mean() == pytest.approx(FLIPPED, abs=0.05)
        found.add(best)
    assert len(found) > 15


def network(model_input: str, backbone: str = "darknet_tiny") -> YOLOv3:
    paddle.seed(0)
    model = YOLOv3(Model(input=model_input, backbone=backbone, neck_width=16), ANCHORS, classes=6)
    model.eval()
    return model


def random_images(channels: int) -> paddle.Tensor:
    drawn = np.random.default_rng(0).integers(0, 256, (2, channels, 64, 64))
    return paddle.to_tensor(drawn.astype(np.float32))


@pytest.mark.parametrize("model_input", ["pair", "difference"])
def test_the_network_sees_both_pictures_and_their_signed_difference(model_input):
    seen = []
    model = network(model_input)
    model.backbone.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]["image"].numpy()))
    images = random_images(6)
    model(images)
    tested, template = np.split(images.numpy() / 63.75 - 2, 2, axis=1)
    expected = [tested, template] + [tested - template] * (model_input == "difference")
    assert seen[0] == pytest.approx(np.concatenate(expected, 1), abs=1e-5)


@pytest.mark.parametrize(
    ("model_input", "backbone"),
    [
        ("pair", "darknet_tiny"),
        ("difference", "darknet_tiny"),
        ("difference", "darknet53"),
        ("pair", "mobilenet_v1"),
    ],
)
def test_grey_pairs_give_what_they_give_as_colour_and_the_template_counts(model_input, backbone):
    model = network(model_input, backbone)
    grey = random_images(2)
    colour = paddle.to_tensor(grey.numpy().repeat(3, axis=1))
    other = paddle.to_tensor(grey.numpy() * np.float32([1, 0]).reshape(1, 2, 1, 1))
    with paddle.no_grad():
        first, second, third = (model.decoded(images)[1].numpy() for images in (grey, colour, other))
    assert first == pytest.approx(second, abs=1e-3)
    assert np.abs(first - third).max() > 1e-2


def test_only_the_first_convolution_of_a_backbone_is_another_one():
    tested, difference = (
        {name: parameter.shape for name, parameter in network(model_input).named_parameters()}
        for model_input in ("tested", "difference")
    )
    assert list(tested) == list(difference)
    changed = {name: (tested[name], shape) for name, shape in difference.items() if tested[name] != shape}
    assert changed == {"backbone.stage.0.0.conv_bn_layer.conv.weight": ([16, 12, 3, 3], [16, 36, 3, 3])}


def test_the_first_convolution_learns_from_grey_what_it_learns_from_equal_colours():
    gradients = []
    grey = random_images(2)
    for images in (grey, paddle.to_tensor(grey.numpy().repeat(3, axis=1))):
        model = network("difference")
        model.decoded(images)[1].sum().backward()
        gradients.append(model.backbone.stage[0][0].conv_bn_layer.conv.weight.grad.numpy())
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-3, abs=1e-3 * np.abs(gradients[1]).max())
    assert (gradients[0] != 0).all()

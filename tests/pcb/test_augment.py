"""Augmentation: boxes follow the pixels, and every draw is a function of seed, epoch and index."""

import math

import cv2
import numpy as np
import pytest

from common.config import build
from common.regularization.mixup import BoxSample
from tasks.pcb.anchors import training_sizes
from tasks.pcb.augment import (
    Augmenter,
    crop,
    draw_magnification,
    drill_holes,
    mirror,
    mosaic,
    random_crop,
    transpose,
    trim_margins,
)
from tasks.pcb.config import Augment, Config, MixUp, Mosaic


def picture(seed: int = 0, shape=(200, 240)) -> BoxSample:
    """Zeros with one bright rectangle in each box, its value telling the box."""
    rng = np.random.default_rng(seed)
    image = np.zeros((*shape, 1), np.float32)
    boxes = []
    for value, (x, y) in enumerate([(5, 10), (100, 20), (180, 150), (60, 160)], start=1):
        width, height = rng.integers(10, 30, 2)
        image[y : y + height, x : x + width] = value
        boxes.append([x, y, x + width, y + height])
    return BoxSample(image, np.float32(boxes), np.arange(4), np.ones(4, np.float32))


def boxes_from_pixels(sample: BoxSample) -> np.ndarray:
    found = []
    for label in sample.labels:
        rows, columns = np.nonzero(sample.image[:, :, 0] == label + 1)
        found.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return np.float32(found).reshape(-1, 4)


@pytest.mark.parametrize("change", [lambda s: mirror(s, 0), lambda s: mirror(s, 1), transpose])
def test_flips_and_transposes_move_boxes_with_their_pixels_and_undo_themselves(change):
    changed = change(picture())
    assert boxes_from_pixels(changed) == pytest.approx(changed.boxes)
    assert (change(changed).image == picture().image).all()
    assert change(changed).boxes == pytest.approx(picture().boxes)


@pytest.mark.parametrize("corner", [(0, 0), (90, 10), (-20, -30), (170, 130)])
def test_a_crop_clips_boxes_to_their_visible_pixels(corner):
    cropped = crop(picture(), corner, (96, 96), min_visible=0.01)
    assert cropped.image.shape == (96, 96, 1)
    assert len(cropped.boxes) > 0
    assert boxes_from_pixels(cropped) == pytest.approx(cropped.boxes)


def test_a_box_cut_below_its_share_is_dropped():
    sample = picture()
    x1, _, x2, _ = sample.boxes[0]
    kept = crop(sample, (int(x1 + (x2 - x1) * 0.3), 0), (96, 96), min_visible=0.5)
    cut = crop(sample, (int(x1 + (x2 - x1) * 0.7), 0), (96, 96), min_visible=0.5)
    assert 0 in kept.labels and 0 not in cut.labels


def test_a_random_crop_holds_a_box_whole():
    rng = np.random.default_rng(0)
    sizes = {tuple(size) for size in picture().boxes[:, 2:] - picture().boxes[:, :2]}
    for _ in range(200):
        cropped = random_crop(picture(), Augment(background=0.0), 96, rng)
        assert any(tuple(size) in sizes for size in cropped.boxes[:, 2:] - cropped.boxes[:, :2])


def test_a_picture_smaller_than_the_crop_is_padded():
    cropped = random_crop(picture(), Augment(), 320, np.random.default_rng(0))
    assert cropped.image.shape == (320, 320, 1)
    assert len(cropped.boxes) == 4


def test_magnification_is_common_and_by_axis_and_boxes_follow():
    rng = np.random.default_rng(0)
    sizes = {label: box[2:] - box[:2] for label, box in zip(picture().labels, picture().boxes)}
    factors = []
    for _ in range(300):
        seen = random_crop(picture(), Augment(background=0.0, zoom=2.0, stretch=1.5), 96, rng)
        assert seen.image.shape == (96, 96, 1)
        inside = (seen.boxes > 0).all(axis=1) & (seen.boxes < 96).all(axis=1)
        for box, label in zip(seen.boxes[inside], seen.labels[inside]):
            factors.append((box[2:] - box[:2]) / sizes[label])
            x1, y1, x2, y2 = np.rint(box).astype(int)
            # Linear interpolation blurs the rim by about half a magnified pixel.
            assert (seen.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2] == label + 1).all()
            assert (seen.image[y1 + 2 : y2 - 2, max(x1 - 4, 0) : max(x1 - 2, 0)] != label + 1).all()
    factors = np.array(factors)
    assert factors.min() >= 0.99 and 2.5 < factors.max() <= 3.03
    ratio = factors[:, 0] / factors[:, 1]
    # Whole pixels of a crop make the ratio uneven by a few percent.
    assert 1.4 < ratio.max() < 1.6 and 1.4 < 1 / ratio.min() < 1.6


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_crops_is_magnified_and_the_others_keep_their_pixels(share):
    settings = Augment(zoom=2.0, stretch=1.5, magnified=share)
    factors = draw_magnification(settings, 20_000, np.random.default_rng(0))
    changed = factors[(factors != 1).any(axis=1)]
    # Four standard errors of a share of 20,000.
    assert abs(len(changed) / 20_000 - share) <= 4 * (share * (1 - share) / 20_000) ** 0.5
    if share:
        # Means of the logarithms: halves of both logarithms together.
        assert np.log(changed).mean(axis=0) == pytest.approx(np.log(2.0 * 1.5) / 2, abs=0.02)


def test_a_magnified_box_keeps_its_margin_and_a_side_on_the_edge_of_the_crop():
    boxes = np.array([[20, 30, 60, 80], [0, 30, 12, 80]], np.float32)
    sample = BoxSample(np.zeros((100, 100, 1)), boxes, np.zeros(2, int), np.ones(2, np.float32))
    factors = np.array([[2.0, 4.0]])
    found = trim_margins(sample, factors, 10).boxes * np.tile(factors, 2)
    # The defect of the first, 30 to 50 by 40 to 70, is 60 to 100 by 160 to 280 after magnification.
    assert found[0] == pytest.approx([50, 150, 110, 290])
    # The other is too narrow for such margins: 0.4 of 12 pixels count as one.
    assert found[1] == pytest.approx([0, 150, 24 - 4.8, 290])


def test_without_magnification_margins_are_what_they_were():
    before = picture()
    after = trim_margins(before, np.ones((1, 2)), 10)
    assert (after.boxes == before.boxes).all()


def test_anchors_are_of_boxes_with_their_margins_kept():
    augment = {"zoom": 4.0, "stretch": 1.0, "margin": 10}
    config = build(Config, {"task": "pcb", "augment": augment}, "test")
    sizes = training_sizes(np.tile(np.array([[0, 0, 30, 50]], np.float32), (5000, 1)), config)
    # 20 pixels of margin, the rest by 1 to 4, log-uniform: (4 - 1) / log(4) on average.
    assert sizes.min() >= 30 - 1e-3 and sizes.max() <= 20 + 4 * 30
    assert sizes.mean(axis=0) == pytest.approx(20 + np.array([10, 30]) * 3 / np.log(4), rel=0.02)


def test_people_leave_ten_pixels_around_a_defect_of_deeppcb_be_it_small_or_large(data_root):
    """What `augment.margin` in configs/pcb is from; a defect is where picture and template differ."""
    margins, sizes = [], []
    for file in sorted((data_root / "deeppcb/PCBData").glob("*/*_not/*.txt"))[::50]:
        stem = file.parent.with_name(file.parent.name[: -len("_not")]) / file.stem
        tested, template = (
            cv2.imread(f"{stem}_{kind}.jpg", cv2.IMREAD_GRAYSCALE) for kind in ("test", "temp")
        )
        differs = ((tested > 128) != (template > 128)).astype(np.uint8)
        differs = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        for left, top, right, bottom, _ in np.loadtxt(file, int, ndmin=2):
            rows, columns = np.nonzero(differs[top:bottom, left:right])
            if len(rows):
                low, high = (columns.min(), rows.min()), (columns.max() + 1, rows.max() + 1)
                margins.append([*low, right - left - high[0], bottom - top - high[1]])
                sizes.append(np.subtract(high, low).max())
    margins, sizes = np.array(margins), np.array(sizes)
    for part in (sizes <= np.median(sizes), sizes > np.median(sizes)):
        assert part.sum() > 50
        assert np.abs(np.median(margins[part], axis=0) - 10).max() <= 2


def test_a_mosaic_lays_pictures_row_by_row_with_their_boxes():
    parts = [random_crop(picture(i), Augment(background=0.0), 32, np.random.default_rng(i)) for i in range(4)]
    whole = mosaic(parts, 2)
    assert whole.image.shape == (64, 64, 1)
    assert (whole.image[:32, 32:] == parts[1].image).all() and (whole.image[32:, :32] == parts[2].image).all()
    assert len(whole.boxes) == sum(len(part.boxes) for part in parts) > 0
    for box, label in zip(np.rint(whole.boxes).astype(int), whole.labels):
        assert (whole.image[box[1] : box[3], box[0] : box[2]] == label + 1).all()


def test_tiles_that_do_not_divide_the_view_are_cut_at_its_end():
    views = Augmenter(picture, 10, Augment(crop=64, mosaic=Mosaic(tiles=3)), epochs=4, seed=0)
    for index in range(20):
        view = views.sample(0, index)
        assert view.image.shape == (64, 64, 1)
        assert (view.boxes >= 0).all() and (view.boxes <= 64).all()


def test_holes_are_drilled_into_copper_away_from_boxes():
    image = np.full((120, 120, 1), 255, np.uint8)
    image[20:, 30:] = 0
    boxes = np.float32([[60, 60, 80, 80]])
    board = BoxSample(image, boxes, np.array([5]), np.ones(1, np.float32))
    rng, holes = np.random.default_rng(0), []
    for _ in range(50):
        drilled = drill_holes(board, 3, rng)
        changed = drilled.image[:, :, 0] != image[:, :, 0]
        assert (drilled.image[changed] == 255).all()
        assert not changed[60:80, 60:80].any() and not changed[:23].any() and not changed[:, :33].any()
        assert (drilled.boxes == boxes).all()
        holes.append(cv2.connectedComponents(changed.astype(np.uint8))[0] - 1)
    assert set(holes) == {0, 1, 2, 3}
    assert (image[20:, 30:] == 0).all()


def test_a_board_without_room_gets_no_hole():
    board = BoxSample(np.full((40, 40, 3), 255, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, int), [])
    assert (drill_holes(board, 5, np.random.default_rng(1)).image == 255).all()


def test_mosaics_hold_more_boxes_and_stop_for_the_last_epochs():
    augment = Augment(crop=96, background=0.0, mosaic=Mosaic(tiles=3, until=0.75))
    views = Augmenter(picture, 10, augment, epochs=4, seed=0)

    def boxes(epoch: int) -> list[int]:
        return [len(views.sample(epoch, i).boxes) for i in range(20)]

    plain = Augmenter(picture, 10, Augment(crop=96, background=0.0), epochs=4, seed=0)
    # Every tile holds a box whole, so that nine are the least.
    assert min(boxes(2)) >= 9
    assert boxes(3) == [len(plain.sample(3, i).boxes) for i in range(20)]


def augmenter(probability: float, until: float = 1.0, epochs: int = 4) -> Augmenter:
    augment = Augment(crop=96, mixup=MixUp(probability=probability, until=until))
    return Augmenter(picture, 10, augment, epochs, seed=0)


def test_a_draw_depends_on_epoch_and_index_alone():
    one, other = augmenter(0.5), augmenter(0.5)
    other.sample(0, 3)
    assert (one.sample(1, 2).image == other.sample(1, 2).image).all()
    assert (one.sample(1, 2).image != one.sample(2, 2).image).any()


def test_mixup_comes_as_often_as_asked_and_stops_for_the_last_epochs():
    mixing = augmenter(0.5, until=0.75)
    mixed = [(mixing.sample(0, i).weights < 1).any() for i in range(300)]
    # Standard error of a share of 300 draws is 0.029; a crop without boxes hides its mixing.
    assert np.mean(mixed) == pytest.approx(0.5, abs=0.12)
    assert not any((mixing.sample(3, i).weights < 1).any() for i in range(50))
    assert not any((augmenter(0.0).sample(0, i).weights < 1).any() for i in range(50))


@pytest.mark.parametrize("epochs", [2, 5, 10, 40])
def test_a_run_of_any_length_is_mixed_for_the_same_share_of_it(epochs):
    mixing = augmenter(1.0, until=0.6, epochs=epochs)
    mixed = [any((mixing.sample(e, i).weights < 1).any() for i in range(10)) for e in range(epochs)]
    assert mixed == [True] * math.ceil(0.6 * epochs) + [False] * (epochs - math.ceil(0.6 * epochs))


def test_grey_and_colour_pictures_mix():
    def read(index: int) -> BoxSample:
        sample = picture(index)
        image = np.repeat(sample.image, 3, axis=2) if index % 2 else sample.image
        return BoxSample(image, sample.boxes, sample.labels, sample.weights)

    mixing = Augmenter(read, 10, Augment(crop=96, mixup=MixUp(probability=1.0)), 4, seed=0)
    assert {mixing.sample(0, i).image.shape[2] for i in range(20)} == {1, 3}


def test_another_side_shows_the_same_larger_or_smaller():
    augment = Augment(crop=128, background=0.0, zoom=1.5, mosaic=Mosaic(tiles=2))
    views = Augmenter(picture, 10, augment, epochs=4, seed=0)
    for index in range(10):
        plain = views.sample(0, index)
        for side in (64, 192):
            other = views.sample(0, index, side)
            assert other.image.shape == (side, side, 1)
            assert (other.labels == plain.labels).all()
            assert other.boxes * (128 / side) == pytest.approx(plain.boxes, abs=1e-3)

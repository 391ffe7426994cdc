"""Detection metrics of weighted pictures are those of pictures that really stand there as often."""

import numpy as np
import pytest

from common.evaluation.comparison import Arm, compare
from common.evaluation.detection import Detections, average_precision, rates_at_threshold
from common.evaluation.detection_errors import SIZES, missed_by_size
from common.evaluation.detection_resampling import MeanAveragePrecision, rate_at_threshold
from common.evaluation.resampling import Draws
from tests.boxes import found, random_case, truth

CLASSES = ("a", "b", "c")
NAMES = tuple(f"{i}.png" for i in range(10))
ONES = np.ones((1, 10))


def with_ties(detections: list[Detections], seed: int) -> list[Detections]:
    """Scores in twentieths, many equal between pictures and none within one."""
    random = np.random.default_rng(seed)
    scores = [np.float32(random.permutation(20)[: len(d.scores)] / 20) for d in detections]
    return [Detections(d.boxes, d.labels, s) for d, s in zip(detections, scores)]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_map_50_is_that_of_pycocotools_on_all_pictures_and_on_repeated_ones(seed, ties):
    # Some classes have boxes in few pictures, so that a draw can have none of them.
    truths, detections = random_case(seed, classes=1 + seed % 3)
    detections = with_ties(detections, seed) if ties else detections
    metric = MeanAveragePrecision(NAMES, truths, detections, CLASSES)
    weights = np.concatenate([ONES, *Draws(NAMES, 20, seed=seed).weights()])
    for value, times in zip(metric(weights), weights.astype(int)):
        repeated = [
            [part for part, n in zip(parts, times) for _ in range(n)] for parts in (truths, detections)
        ]
        assert value == pytest.approx(average_precision(*repeated, CLASSES)["map_50"], abs=1e-12)


def test_more_than_a_hundred_detections_of_a_class_in_a_picture_count_as_pycocotools_counts_them():
    alarms = [(1000 + 20 * i, 0, 0.9 - i / 1000) for i in range(100)]
    truths, detections = [truth((0, 0)), truth((0, 0))], [found((0, 0, 0.5)), found(*alarms, (0, 0, 0.1))]
    expected = average_precision(truths, detections, CLASSES)["map_50"]
    assert MeanAveragePrecision(NAMES[:2], truths, detections, CLASSES)(np.ones((1, 2))) == expected
    assert expected == pytest.approx(51 / 101 / 101)


def test_pictures_without_detections_or_boxes():
    nothing = MeanAveragePrecision(NAMES[:2], [truth((0, 0)), truth()], [found(), found()], CLASSES)
    assert nothing(np.array([[1.0, 1.0], [0.0, 2.0]])).tolist() == [0.0, 0.0]
    alarm = MeanAveragePrecision(NAMES[:1], [truth()], [found((0, 0, 0.9))], CLASSES)
    assert alarm(np.ones((1, 1))).tolist() == [0.0]


def test_a_class_that_a_draw_lacks_does_not_enter_its_mean():
    truths, detections = [truth((0, 0)), truth((0, 1))], [found((0, 0, 0.9)), found()]
    metric = MeanAveragePrecision(NAMES[:2], truths, detections, CLASSES)
    assert metric(np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])) == pytest.approx([0.5, 1.0, 0.0])


def test_rates_are_those_at_the_threshold():
    truths, detections = random_case(4)
    expected = rates_at_threshold(truths, detections, 0.4)
    for name in ("precision", "recall", "f1", "miss_rate", "false_alarms_per_image"):
        value = rate_at_threshold(name, NAMES, truths, detections, 0.4)(ONES)
        assert value == pytest.approx(expected[name]), name


def test_miss_rates_by_size():
    truths, detections = random_case(4)
    truths[0].boxes[:, 3] = 30
    edges = np.array([5.0, 12.0])
    missed, boxes = missed_by_size(truths, detections, 0.4, edges)
    for size, expected in list(zip(SIZES, missed / np.maximum(1, boxes)))[1:]:
        value = rate_at_threshold(f"miss_rate_{size}", NAMES, truths, detections, 0.4, edges)(ONES)
        assert value == pytest.approx(expected)
    with pytest.raises(ValueError, match="expected the edges"):
        rate_at_threshold("miss_rate_small", NAMES, truths, detections, 0.4)
    with pytest.raises(ValueError, match="found map_50"):
        rate_at_threshold("map_50", NAMES, truths, detections, 0.4)


def test_arms_are_compared_by_their_pictures():
    arms = []
    for name, kept in (("baseline", 0.6), ("other", 0.2)):
        metrics = {}
        for seed in range(3):
            truths, detections = random_case(9)
            drawn = np.random.default_rng(seed)
            detections = [
                Detections(d.boxes[rows], d.labels[rows], d.scores[rows])
                for d in detections
                for rows in [drawn.random(len(d.scores)) > kept]
            ]
            metrics[seed] = MeanAveragePrecision(NAMES, truths, detections, ("a", "b"))
        arms.append(Arm(name, {seed: float(metric(ONES)[0]) for seed, metric in metrics.items()}, metrics))
    result = compare(*arms, Draws(NAMES, 300))
    assert result.estimate > 0 and result.item_variance > 0
    assert result.interval.low < result.estimate < result.interval.high


def test_names_annotations_and_detections_belong_together():
    with pytest.raises(ValueError, match="differ in number"):
        MeanAveragePrecision(NAMES, [truth()], [found()], CLASSES)

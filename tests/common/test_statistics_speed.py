"""What the bootstraps of a comparison cost; slow, run by: scripts/test.sh -m slow -s

Limits are on the time that processors worked, which other work on the machine does not change, and which
is more than passes on a machine that is idle.
"""

import time

import numpy as np
import pytest

from common.evaluation.comparison import Arm, compare
from common.evaluation.detection import Detections, Truth
from common.evaluation.detection_resampling import MeanAveragePrecision
from common.evaluation.resampled_metrics import ConfusionMetric
from common.evaluation.resampling import Draws, ItemMetric

SEEDS = 5

pytestmark = pytest.mark.slow


def names(number: int) -> tuple[str, ...]:
    return tuple(map(str, range(number)))


def arm(name: str, metrics: list[ItemMetric]) -> Arm:
    ones = np.ones((1, len(metrics[0].items)))
    by_seed = dict(enumerate(metrics))
    return Arm(name, {seed: float(metric(ones)[0]) for seed, metric in by_seed.items()}, by_seed)


def board(random: np.random.Generator) -> tuple[Truth, Detections]:
    """Six boxes, each found near its place, and as many false alarms as make a hundred detections."""
    corners = random.uniform(0, 600, (6, 2))
    boxes = np.hstack([corners, corners + random.uniform(20, 40, (6, 2))]).astype(np.float32)
    labels = random.integers(6, size=6)
    elsewhere = random.uniform(0, 600, (94, 2))
    alarms = np.hstack([elsewhere, elsewhere + 30])
    near = np.vstack([boxes + random.normal(0, 3, boxes.shape), alarms]).astype(np.float32)
    scores = np.concatenate([random.beta(4, 2, 6), random.beta(1, 8, 94)]).round(6).astype(np.float32)
    return Truth(boxes, labels), Detections(near, np.append(labels, random.integers(6, size=94)), scores)


@pytest.mark.parametrize("name", ["accuracy", "f1_macro"])
def test_ten_thousand_draws_of_five_thousand_reviews_take_under_a_minute(name):
    random = np.random.default_rng(0)
    labels, items = random.integers(2, size=5000), names(5000)
    arms = []
    for recipe, accuracy in (("baseline", 0.88), ("regularized", 0.89)):
        runs = [np.where(random.random(5000) < accuracy, labels, 1 - labels) for _ in range(SEEDS)]
        arms.append(arm(recipe, [ConfusionMetric(name, items, labels, run, 2) for run in runs]))
    started, used = time.perf_counter(), time.process_time()
    compare(*arms, Draws(items, 10_000))
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    print(f"{name}: {seconds:.1f} s, {processor:.1f} s of processors, 10,000 draws x 10 runs x 5,000 reviews")
    assert processor < 60


def test_a_thousand_draws_of_five_hundred_boards_take_under_two_minutes():
    items, arms, started, used = names(500), [], time.perf_counter(), time.process_time()
    for recipe in ("baseline", "regularized"):
        runs = []
        for seed in range(SEEDS):
            random = np.random.default_rng((len(recipe), seed))
            truths, detections = zip(*(board(random) for _ in items))
            runs.append(MeanAveragePrecision(items, truths, detections, tuple("abcdef")))
        arms.append(arm(recipe, runs))
    matched = time.perf_counter() - started
    compare(*arms, Draws(items, 1000))
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    print(
        f"map_50: {seconds:.1f} s, {processor:.1f} s of processors, matching {matched:.1f} s of it, "
        "1,000 draws x 10 runs x 500 boards of 100 detections"
    )
    assert processor < 120

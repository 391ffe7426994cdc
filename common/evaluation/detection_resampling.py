"""Detection metrics as functions of how often each picture counts, for the bootstrap over pictures."""

from collections.abc import Sequence
from typing import Optional

import numpy as np

from common.evaluation.detection import Detections, Truth
from common.evaluation.resampled_metrics import RatioMetric


class MeanAveragePrecision:
    """``map_50`` of one run; pictures are matched once, a draw only counts them anew."""

    def __init__(
        self,
        items: tuple[str, ...],
        truths: Sequence[Truth],
        detections: Sequence[Detections],
        classes: tuple[str, ...],
    ):
        raise NotImplementedError

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Float [replicates] from weights, whole numbers, float [replicates, pictures]."""
        raise NotImplementedError


def rate_at_threshold(
    name: str,
    items: tuple[str, ...],
    truths: Sequence[Truth],
    detections: Sequence[Detections],
    threshold: float,
    edges: Optional[np.ndarray] = None,
) -> RatioMetric:
    """``precision``, ``recall``, ``f1``, ``miss_rate``, ``false_alarms_per_image``, or ``miss_rate_small``,
    ``_medium`` and ``_large``, which need the ``edges`` of ``size_edges``."""
    raise NotImplementedError

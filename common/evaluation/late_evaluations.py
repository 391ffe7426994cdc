"""Which evaluations of a run are late, where its fluctuation is measured."""

import numpy as np

# Of training.
WINDOW = (0.5, 0.9)
# Without this many there is no fluctuation about a trend.
FEWEST_EVALUATIONS = 3


def is_late(steps: np.ndarray, total_steps: int) -> np.ndarray:
    """Whether evaluations, int [n], stand between 50 % and 90 % of training, both ends included."""
    return (steps >= WINDOW[0] * total_steps) & (steps <= WINDOW[1] * total_steps)

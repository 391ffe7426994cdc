"""The six defects as freehand sketches; `synthetic_defects` keeps those that are defects of their class."""

from dataclasses import dataclass
from typing import Optional

import cv2
import numpy as np

_WIDEST_CUT = 26
_LONGEST_BRIDGE = 34


@dataclass(frozen=True)
class Surroundings:
    """What placing marks on one template needs to know, all arrays [H, W]."""

    copper: np.ndarray
    # Signed distance in pixels to the edge of the copper: positive on bare board.
    distance: np.ndarray
    # Number of the piece of copper under each pixel, 0 on bare board.
    pieces: np.ndarray
    piece_count: int


def _outward(surroundings: Surroundings, x: int, y: int) -> np.ndarray:
    """Return the unit vector (float64 [2], x and y) that leaves the copper at an edge pixel."""
    window = surroundings.distance[y - 2 : y + 3, x - 2 : x + 3]
    slope = np.array([(window[:, 4] - window[:, 0]).sum(), (window[4] - window[0]).sum()])
    return slope / max(float(np.linalg.norm(slope)), 1e-6)


def _run(surroundings: Surroundings, x: int, y: int, step: np.ndarray, longest: int) -> int:
    """Return how many pixels lie between an edge pixel and the next edge; 0 if over `longest`."""
    rows, columns = surroundings.copper.shape
    ahead = np.arange(2, longest + 3)
    xs = np.rint(x + ahead * step[0]).astype(int)
    ys = np.rint(y + ahead * step[1]).astype(int)
    seen = (xs >= 0) & (xs < columns) & (ys >= 0) & (ys < rows)
    along = surroundings.copper[ys[seen], xs[seen]]
    changed = np.flatnonzero(along != along[0]) if len(along) else along
    return int(ahead[changed[0]]) if len(changed) else 0


def _stroke(
    rng: np.random.Generator, surroundings: Surroundings, points: np.ndarray, thickness: int
) -> np.ndarray:
    """Draw a freehand line through the points (float64 [n, 2]) as a mark, uint8 [H, W]."""
    mark = np.zeros(surroundings.copper.shape, np.uint8)
    shaken = points + rng.uniform(-1.5, 1.5, points.shape)
    cv2.polylines(mark, [np.rint(shaken).astype(np.int32)], False, 1, thickness)
    return mark


def _blot(
    rng: np.random.Generator, surroundings: Surroundings, centre: np.ndarray, radius: float
) -> np.ndarray:
    """Draw an irregular blob within `radius` pixels of the centre as a mark, uint8 [H, W]."""
    mark = np.zeros(surroundings.copper.shape, np.uint8)
    angles = np.arange(10) * (2 * np.pi / 10) + rng.uniform(-0.25, 0.25, 10)
    radii = radius * rng.uniform(0.45, 1.0, 10)
    rim = np.rint(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))
    cv2.fillPoly(mark, [rim.astype(np.int32)], 1)
    return mark


def _worm(
    rng: np.random.Generator, surroundings: Surroundings, centre: np.ndarray, reach: float
) -> np.ndarray:
    """Draw a short bent line within about `reach` pixels of the centre, uint8 [H, W]."""
    angle = rng.uniform(0, 2 * np.pi)
    ends = angle + np.array([0.0, np.pi + rng.uniform(-1.2, 1.2)])
    tips = centre + reach * np.stack([np.cos(ends), np.sin(ends)], 1)
    return _stroke(rng, surroundings, np.stack([tips[0], centre, tips[1]]), int(rng.integers(3, 6)))


def _sketch_open(
    rng: np.random.Generator, surroundings: Surroundings, x: int, y: int
) -> Optional[np.ndarray]:
    inward = -_outward(surroundings, x, y)
    width = _run(surroundings, x, y, inward, _WIDEST_CUT)
    if not width:
        return None
    slant = np.array([-inward[1], inward[0]]) * rng.uniform(-0.4, 0.4)
    along = np.linspace(-3, width + 3, 4)[:, None] * (inward + slant)
    return _stroke(rng, surroundings, np.array([x, y]) + along, int(rng.integers(4, 10)))


def _sketch_short(
    rng: np.random.Generator, surroundings: Surroundings, x: int, y: int
) -> Optional[np.ndarray]:
    outward = _outward(surroundings, x, y)
    gap = _run(surroundings, x, y, outward, _LONGEST_BRIDGE)
    if not gap:
        return None
    along = np.linspace(-1, gap + 1, 4)[:, None] * outward
    return _stroke(rng, surroundings, np.array([x, y]) + along, int(rng.integers(3, 8)))


def _sketch_mousebite(
    rng: np.random.Generator, surroundings: Surroundings, x: int, y: int
) -> Optional[np.ndarray]:
    # At a corner a bite would pass for a chamfer.
    if surroundings.copper[y - 7 : y + 8, x - 7 : x + 8].mean() < 0.38:
        return None
    inward = -_outward(surroundings, x, y)
    width = _run(surroundings, x, y, inward, 3 * _WIDEST_CUT) or 3 * _WIDEST_CUT
    depth = min(width * rng.uniform(0.35, 0.65), rng.uniform(5, 14))
    return _blot(rng, surroundings, np.array([x, y]) + inward * (depth - 4) / 2, depth / 2 + 4)


def _sketch_spur(rng: np.random.Generator, surroundings: Surroundings, x: int, y: int) -> np.ndarray:
    outward = _outward(surroundings, x, y)
    length = rng.uniform(6, 15)
    lean = np.array([-outward[1], outward[0]]) * rng.uniform(-0.5, 0.5)
    along = np.array([-2, 0.5 * length, length])[:, None] * (outward + lean)
    mark = _stroke(rng, surroundings, np.array([x, y]) + along, int(rng.integers(3, 8)))
    foot = np.array([x, y]) + 0.25 * length * outward
    return mark | _blot(rng, surroundings, foot, 0.4 * length)


def _sketch_copper(rng: np.random.Generator, surroundings: Surroundings, x: int, y: int) -> np.ndarray:
    reach = rng.uniform(5, min(surroundings.distance[y, x] - 3, 14))
    draw = _blot if rng.random() < 0.6 else _worm
    return draw(rng, surroundings, np.array([x, y]), reach)


def _sketch_pinhole(rng: np.random.Generator, surroundings: Surroundings, x: int, y: int) -> np.ndarray:
    reach = rng.uniform(4, min(-surroundings.distance[y, x] - 2, 9))
    draw = _blot if rng.random() < 0.6 else _worm
    return draw(rng, surroundings, np.array([x, y]), reach)


SKETCHES = {
    "open": _sketch_open,
    "short": _sketch_short,
    "mousebite": _sketch_mousebite,
    "spur": _sketch_spur,
    "copper": _sketch_copper,
    "pinhole": _sketch_pinhole,
}

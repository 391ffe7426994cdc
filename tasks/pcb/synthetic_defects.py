"""The six defects of DeepPCB, drawn as freehand marks on a board's copper.

A board here is a mask, uint8 [H, W], 1 on copper and 0 on bare board. A defect is a mark whose
pixels are turned to copper or to bare board. What makes it a defect of its class is what the mark
does to the connected pieces of copper and of bare board, and each mark is kept only if it does
just that.
"""

from dataclasses import dataclass
from typing import Optional

import cv2
import numpy as np

from tasks.pcb.data import CLASSES

_ADDS_COPPER = {"short", "spur", "copper"}
# How (pieces of copper, pieces of bare board) change; None where either outcome is right: a cut
# may join the two sides of a track that already met around its end, or not.
_EFFECT = {
    "open": (1, None),
    "short": (-1, None),
    "mousebite": (0, 0),
    "spur": (0, 0),
    "copper": (1, 0),
    "pinhole": (0, 1),
}
_CLEARANCE = 2
_WIDEST_CUT = 26
_LONGEST_BRIDGE = 34
_ATTEMPTS = 40
_BORDER = 12
_MARGIN = (8, 12)


@dataclass(frozen=True)
class _Surroundings:
    """What placing marks on one template needs to know, all arrays [H, W]."""

    copper: np.ndarray
    # Signed distance in pixels to the edge of the copper: positive on bare board.
    distance: np.ndarray
    # Number of the piece of copper under each pixel, 0 on bare board.
    pieces: np.ndarray
    piece_count: int


def draw_defects(
    rng: np.random.Generator, copper: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw up to `number` defects on a board, the classes in equal shares as far as they fit.

    Args:
        rng: the only source of randomness.
        copper: uint8 [H, W], 1 on copper, 0 on bare board; left as it is.
        number: how many defects to place. Fewer are placed if the board has no room for more.

    Returns:
        The defective copper (uint8 [H, W]), boxes (float32 [n, 4], half-open pixels x1, y1, x2,
        y2, no two overlapping) and labels (int64 [n], indices into CLASSES).
    """
    surroundings = _survey(copper)
    defective = copper.copy()
    free = np.ones(copper.shape, bool)
    boxes: list[tuple[int, int, int, int]] = []
    labels: list[int] = []
    rounds = number // len(CLASSES) + 2
    for label in np.concatenate([rng.permutation(len(CLASSES)) for _ in range(rounds)]):
        if len(boxes) == number:
            break
        name = CLASSES[label]
        mark = _find_mark(rng, surroundings, free, name)
        if mark is None:
            continue
        defective[mark > 0] = name in _ADDS_COPPER
        box = _box_around(rng, mark)
        free[box[1] : box[3], box[0] : box[2]] = False
        boxes.append(box)
        labels.append(int(label))
    return defective, np.array(boxes, np.float32).reshape(-1, 4), np.array(labels, np.int64)


def _survey(copper: np.ndarray) -> _Surroundings:
    outside = cv2.distanceTransform(1 - copper, cv2.DIST_L2, 3)
    inside = cv2.distanceTransform(copper, cv2.DIST_L2, 3)
    count, pieces = cv2.connectedComponents(copper)
    return _Surroundings(copper, outside - inside, pieces, count)


def _find_mark(
    rng: np.random.Generator, surroundings: _Surroundings, free: np.ndarray, name: str
) -> Optional[np.ndarray]:
    """Return a mark that is a defect of the class, uint8 [H, W], or None if none was found."""
    candidates = _candidates(surroundings, free, name)
    if not len(candidates):
        return None
    for y, x in candidates[rng.integers(len(candidates), size=_ATTEMPTS)]:
        sketch = _SKETCHES[name](rng, surroundings, int(x), int(y))
        if sketch is None:
            continue
        to_copper = name in _ADDS_COPPER
        mark = sketch * (surroundings.copper != to_copper)
        x1, y1, x2, y2 = _bounds(mark, _MARGIN[1])
        fits = mark.sum() >= 20 and free[y1:y2, x1:x2].all()
        if fits and _has_effect(surroundings, sketch, mark, name):
            return mark
    return None


def _candidates(surroundings: _Surroundings, free: np.ndarray, name: str) -> np.ndarray:
    """Return the places (int64 [n, 2], y and x) where a mark of the class may start."""
    distance = surroundings.distance
    if name == "copper":
        suitable = distance >= 9
    elif name == "pinhole":
        suitable = distance <= -7
    else:
        suitable = (distance < 0) & (distance > -1.2)
    suitable = suitable & free
    suitable[:_BORDER] = suitable[-_BORDER:] = False
    suitable[:, :_BORDER] = suitable[:, -_BORDER:] = False
    return np.stack(np.divmod(np.flatnonzero(suitable), suitable.shape[1]), 1)


def _has_effect(surroundings: _Surroundings, sketch: np.ndarray, mark: np.ndarray, name: str) -> bool:
    """Say whether the mark changes the pieces of copper and bare board as its class should."""
    if name == "open":
        # A cut through the ring around a hole leaves the net whole, which no window shows.
        cut = surroundings.copper & (mark == 0)
        if cv2.connectedComponents(cut)[0] != surroundings.piece_count + 1:
            return False
        if len(np.unique(surroundings.pieces[mark > 0])) != 1:
            return False
        return _smallest_part(surroundings, mark) >= 120
    if name == "short":
        touched = np.unique(surroundings.pieces[cv2.dilate(mark, np.ones((3, 3))) > 0])
        return len(touched[touched > 0]) == 2 and _effect(surroundings, mark, name)
    # Marks that must stay clear of other copper, or leave some, do so by a visible distance.
    grown = cv2.dilate(sketch, np.ones((2 * _CLEARANCE + 1,) * 2))
    return _effect(surroundings, mark, name) and _effect(surroundings, grown, name)


def _effect(surroundings: _Surroundings, mark: np.ndarray, name: str) -> bool:
    # Whether a simple mark joins or splits pieces shows within its own surroundings.
    x1, y1, x2, y2 = _bounds(mark, 4)
    before = surroundings.copper[y1:y2, x1:x2]
    window = mark[y1:y2, x1:x2] > 0
    after = np.where(window, np.uint8(name in _ADDS_COPPER), before)
    copper, bare = _EFFECT[name]
    if _count_pieces(after, 8) - _count_pieces(before, 8) != copper:
        return False
    return bare is None or _count_pieces(1 - after, 4) - _count_pieces(1 - before, 4) == bare


def _count_pieces(mask: np.ndarray, connectivity: int) -> int:
    # OpenCV 4.5.5's default algorithm for connectivity 4 crashes on many small masks.
    counted = cv2.connectedComponentsWithAlgorithm(mask, connectivity, cv2.CV_32S, cv2.CCL_WU)
    return counted[0] - 1


def _smallest_part(surroundings: _Surroundings, mark: np.ndarray) -> int:
    """Return the area in pixels of the smallest piece that a cut leaves beside it."""
    x1, y1, x2, y2 = _bounds(mark, 20)
    window = mark[y1:y2, x1:x2]
    rest = surroundings.copper[y1:y2, x1:x2] & (window == 0)
    _, pieces, statistics, _ = cv2.connectedComponentsWithStats(rest)
    beside = np.unique(pieces[cv2.dilate(window, np.ones((3, 3))) > 0])
    beside = beside[beside > 0]
    return int(statistics[beside, cv2.CC_STAT_AREA].min()) if len(beside) > 1 else 0


def _bounds(mark: np.ndarray, margin: int) -> tuple[int, int, int, int]:
    x, y, width, height = cv2.boundingRect(mark)
    rows, columns = mark.shape
    return (
        max(x - margin, 0),
        max(y - margin, 0),
        min(x + width + margin, columns),
        min(y + height + margin, rows),
    )


def _box_around(rng: np.random.Generator, mark: np.ndarray) -> tuple[int, int, int, int]:
    return _bounds(mark, int(rng.integers(*_MARGIN)))


def _outward(surroundings: _Surroundings, x: int, y: int) -> np.ndarray:
    """Return the unit vector (float64 [2], x and y) that leaves the copper at an edge pixel."""
    window = surroundings.distance[y - 2 : y + 3, x - 2 : x + 3]
    slope = np.array([(window[:, 4] - window[:, 0]).sum(), (window[4] - window[0]).sum()])
    return slope / max(float(np.linalg.norm(slope)), 1e-6)


def _run(surroundings: _Surroundings, x: int, y: int, step: np.ndarray, longest: int) -> int:
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
    rng: np.random.Generator, surroundings: _Surroundings, points: np.ndarray, thickness: int
) -> np.ndarray:
    """Draw a freehand line through the points (float64 [n, 2]) as a mark, uint8 [H, W]."""
    mark = np.zeros(surroundings.copper.shape, np.uint8)
    shaken = points + rng.uniform(-1.5, 1.5, points.shape)
    cv2.polylines(mark, [np.rint(shaken).astype(np.int32)], False, 1, thickness)
    return mark


def _blot(
    rng: np.random.Generator, surroundings: _Surroundings, centre: np.ndarray, radius: float
) -> np.ndarray:
    """Draw an irregular blob within `radius` pixels of the centre as a mark, uint8 [H, W]."""
    mark = np.zeros(surroundings.copper.shape, np.uint8)
    angles = np.arange(10) * (2 * np.pi / 10) + rng.uniform(-0.25, 0.25, 10)
    radii = radius * rng.uniform(0.45, 1.0, 10)
    rim = np.rint(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))
    cv2.fillPoly(mark, [rim.astype(np.int32)], 1)
    return mark


def _worm(
    rng: np.random.Generator, surroundings: _Surroundings, centre: np.ndarray, reach: float
) -> np.ndarray:
    """Draw a short bent line within about `reach` pixels of the centre, uint8 [H, W]."""
    angle = rng.uniform(0, 2 * np.pi)
    ends = angle + np.array([0.0, np.pi + rng.uniform(-1.2, 1.2)])
    tips = centre + reach * np.stack([np.cos(ends), np.sin(ends)], 1)
    return _stroke(rng, surroundings, np.stack([tips[0], centre, tips[1]]), int(rng.integers(3, 6)))


def _sketch_open(
    rng: np.random.Generator, surroundings: _Surroundings, x: int, y: int
) -> Optional[np.ndarray]:
    inward = -_outward(surroundings, x, y)
    width = _run(surroundings, x, y, inward, _WIDEST_CUT)
    if not width:
        return None
    slant = np.array([-inward[1], inward[0]]) * rng.uniform(-0.4, 0.4)
    along = np.linspace(-3, width + 3, 4)[:, None] * (inward + slant)
    return _stroke(rng, surroundings, np.array([x, y]) + along, int(rng.integers(4, 10)))


def _sketch_short(
    rng: np.random.Generator, surroundings: _Surroundings, x: int, y: int
) -> Optional[np.ndarray]:
    outward = _outward(surroundings, x, y)
    gap = _run(surroundings, x, y, outward, _LONGEST_BRIDGE)
    if not gap:
        return None
    along = np.linspace(-1, gap + 1, 4)[:, None] * outward
    return _stroke(rng, surroundings, np.array([x, y]) + along, int(rng.integers(3, 8)))


def _sketch_mousebite(
    rng: np.random.Generator, surroundings: _Surroundings, x: int, y: int
) -> Optional[np.ndarray]:
    # At a corner a bite would pass for a chamfer.
    if surroundings.copper[y - 7 : y + 8, x - 7 : x + 8].mean() < 0.38:
        return None
    inward = -_outward(surroundings, x, y)
    width = _run(surroundings, x, y, inward, 3 * _WIDEST_CUT) or 3 * _WIDEST_CUT
    depth = min(width * rng.uniform(0.35, 0.65), rng.uniform(5, 14))
    return _blot(rng, surroundings, np.array([x, y]) + inward * (depth - 4) / 2, depth / 2 + 4)


def _sketch_spur(rng: np.random.Generator, surroundings: _Surroundings, x: int, y: int) -> np.ndarray:
    outward = _outward(surroundings, x, y)
    length = rng.uniform(6, 15)
    lean = np.array([-outward[1], outward[0]]) * rng.uniform(-0.5, 0.5)
    along = np.array([-2, 0.5 * length, length])[:, None] * (outward + lean)
    mark = _stroke(rng, surroundings, np.array([x, y]) + along, int(rng.integers(3, 8)))
    foot = np.array([x, y]) + 0.25 * length * outward
    return mark | _blot(rng, surroundings, foot, 0.4 * length)


def _sketch_copper(rng: np.random.Generator, surroundings: _Surroundings, x: int, y: int) -> np.ndarray:
    reach = rng.uniform(5, min(surroundings.distance[y, x] - 3, 14))
    draw = _blot if rng.random() < 0.6 else _worm
    return draw(rng, surroundings, np.array([x, y]), reach)


def _sketch_pinhole(rng: np.random.Generator, surroundings: _Surroundings, x: int, y: int) -> np.ndarray:
    reach = rng.uniform(4, min(-surroundings.distance[y, x] - 2, 9))
    draw = _blot if rng.random() < 0.6 else _worm
    return draw(rng, surroundings, np.array([x, y]), reach)


_SKETCHES = {
    "open": _sketch_open,
    "short": _sketch_short,
    "mousebite": _sketch_mousebite,
    "spur": _sketch_spur,
    "copper": _sketch_copper,
    "pinhole": _sketch_pinhole,
}

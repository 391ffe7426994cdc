"""The six defects of DeepPCB, drawn as freehand marks on a board's copper.

A board here is a mask, uint8 [H, W], 1 on copper and 0 on bare board. A defect is a mark whose
pixels are turned to copper or to bare board. What makes it a defect of its class is what the mark
does to the connected pieces of copper and of bare board, and each mark is kept only if it does
just that.
"""

from typing import Optional

import cv2
import numpy as np

from tasks.pcb.formats.deeppcb import CLASSES
from tasks.pcb.synthetic_sketches import SKETCHES, Surroundings

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
_ATTEMPTS = 40
_BORDER = 12
_MARGIN = (8, 12)


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


def _survey(copper: np.ndarray) -> Surroundings:
    outside = cv2.distanceTransform(1 - copper, cv2.DIST_L2, 3)
    inside = cv2.distanceTransform(copper, cv2.DIST_L2, 3)
    count, pieces = cv2.connectedComponents(copper)
    return Surroundings(copper, outside - inside, pieces, count)


def _find_mark(
    rng: np.random.Generator, surroundings: Surroundings, free: np.ndarray, name: str
) -> Optional[np.ndarray]:
    """Return a mark that is a defect of the class, uint8 [H, W], or None if none was found."""
    candidates = _candidates(surroundings, free, name)
    if not len(candidates):
        return None
    for y, x in candidates[rng.integers(len(candidates), size=_ATTEMPTS)]:
        sketch = SKETCHES[name](rng, surroundings, int(x), int(y))
        if sketch is None:
            continue
        to_copper = name in _ADDS_COPPER
        mark = sketch * (surroundings.copper != to_copper)
        x1, y1, x2, y2 = _bounds(mark, _MARGIN[1])
        fits = mark.sum() >= 20 and free[y1:y2, x1:x2].all()
        if fits and _has_effect(surroundings, sketch, mark, name):
            return mark
    return None


def _candidates(surroundings: Surroundings, free: np.ndarray, name: str) -> np.ndarray:
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


def _has_effect(surroundings: Surroundings, sketch: np.ndarray, mark: np.ndarray, name: str) -> bool:
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


def _effect(surroundings: Surroundings, mark: np.ndarray, name: str) -> bool:
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


def _smallest_part(surroundings: Surroundings, mark: np.ndarray) -> int:
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

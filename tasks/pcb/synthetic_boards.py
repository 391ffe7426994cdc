"""Synthetic bare boards in the look and the file layout of the DeepPCB data set.

Tracks at 0, 45 and 90 degrees, pads, vias and planes are drawn on a lattice, dark copper on a
bright board as in DeepPCB's scans; the defects are `synthetic_defects`'.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tasks.pcb.formats.deeppcb import CLASSES
from tasks.pcb.synthetic_defects import draw_defects
from tasks.pcb.synthetic_layout import Layout, Style, draw_style

__all__ = ["BARE", "CLASSES", "COPPER", "Board", "generate_board", "write_boards"]

COPPER = 0
BARE = 255

_TRAINING_GROUPS = ("10000", "20000", "30000", "40000")
_VALIDATION_GROUP = "92000"
_UNSEEN_GROUP = "80000"
_SMALLEST_SIZE = 96
_JPEG_QUALITY = 95
_DEFECTS = (3, 8)


@dataclass(frozen=True)
class Board:
    """A tested board beside its defect-free template.

    tested, template: uint8 [H, W], COPPER or BARE at every pixel.
    boxes: float32 [n, 4], half-open pixels x1, y1, x2, y2 within the picture.
    labels: int64 [n], indices into CLASSES.
    """

    tested: np.ndarray
    template: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


def generate_board(
    seed: int, size: int = 640, defects: tuple[int, int] = _DEFECTS, edge_noise: bool = True
) -> Board:
    """Draw a board with defects; equal arguments give equal arrays.

    Tracks, pads and defects measure the same in pixels at every size, so that a smaller picture
    is a smaller piece of board. Most boxes are 25 to 45 pixels across.

    Args:
        seed: non-negative.
        size: height and width of the pictures in pixels, at least 96.
        defects: fewest and most defects to place. A picture with no room for the number drawn
            holds as many as fit, which may be under the fewest.
        edge_noise: roughen the copper's edges as a scanner does, in both pictures independently.
            Outside the boxes the two then differ, but only within 1 pixel of the copper's edges;
            without it every difference lies within a box.

    Raises:
        ValueError: if size or defects is out of range.
    """
    rng = np.random.default_rng(seed)
    return _compose(rng, draw_style(rng), size, defects, edge_noise)


def _compose(
    rng: np.random.Generator,
    style: Style,
    size: int,
    defects: tuple[int, int],
    edge_noise: bool,
) -> Board:
    _check_size(size)
    if not 0 <= defects[0] <= defects[1]:
        raise ValueError(f"defects must be a range of counts, not {defects}")
    copper = Layout(rng, style, size).copper()
    number = int(rng.integers(defects[0], defects[1] + 1))
    defective, boxes, labels = draw_defects(rng, copper, number)
    if edge_noise:
        copper, defective = _roughen(rng, copper), _roughen(rng, defective)
    return Board(_render(defective), _render(copper), boxes, labels)


def _check_size(size: int) -> None:
    if size < _SMALLEST_SIZE:
        raise ValueError(f"size must be at least {_SMALLEST_SIZE} pixels, not {size}")


def _render(copper: np.ndarray) -> np.ndarray:
    return np.where(copper > 0, np.uint8(COPPER), np.uint8(BARE))


def _roughen(rng: np.random.Generator, copper: np.ndarray) -> np.ndarray:
    rough = copper.copy()
    edges = cv2.morphologyEx(copper, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    softened = cv2.GaussianBlur(copper.astype(np.float32), (5, 5), 0)[edges]
    rough[edges] = softened + 0.08 * rng.standard_normal(softened.shape) > 0.5
    return rough


def write_boards(
    folder: Path,
    number: int,
    size: int = 640,
    seed: int = 0,
    validation_share: float = 0.15,
    test_share: float = 0.25,
) -> None:
    """Write boards in DeepPCB's layout: picture pairs, box files, classes.txt,
    trainval.txt and test.txt.

    The boards of a group share their track width, pitch and pads. Group 92000 holds the
    validation pictures, listed in trainval.txt with the training pictures. Of the test pictures
    half come from the training groups and half from a group of their own.

    Args:
        folder: the root of the data set, created if missing; takes the place of PCBData.
        number: how many boards in all.
        size: height and width of the pictures in pixels.
        seed: non-negative; equal arguments write equal files.
        validation_share, test_share: shares of `number`, rounded; the rest is for training.

    Raises:
        FileExistsError: if the folder holds anything.
        ValueError: if the shares leave no board for training, or size or seed is out of range; nothing
            is made then.
    """
    _check_size(size)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, not {seed}")
    validation = round(number * validation_share)
    test = round(number * test_share)
    training = number - validation - test
    if min(validation, test) < 0 or training < 1:
        raise ValueError(f"{number} boards leave none for training beside {validation} + {test}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    lists: dict[str, list[str]] = {"trainval.txt": [], "test.txt": []}
    for name, group, count in _plan(training, validation, test):
        first = sum(f"group{group}/" in line for lines in lists.values() for line in lines)
        style = draw_style(np.random.default_rng([seed, int(group)]))
        for index in range(first, first + count):
            rng = np.random.default_rng([seed, int(group), index])
            board = _compose(rng, style, size, _DEFECTS, edge_noise=True)
            lists[name].append(_write_board(folder, group, index, board))
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    for name, lines in lists.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))


def _plan(training: int, validation: int, test: int) -> list[tuple[str, str, int]]:
    """Return (list, group, number of boards), each group's training boards before its test's."""
    groups = _TRAINING_GROUPS[:training]
    plan = [("trainval.txt", group, share) for group, share in _divide(training, groups)]
    plan.append(("trainval.txt", _VALIDATION_GROUP, validation))
    plan += [("test.txt", group, share) for group, share in _divide(test // 2, groups)]
    plan.append(("test.txt", _UNSEEN_GROUP, test - test // 2))
    return plan


def _divide(number: int, groups: tuple[str, ...]) -> list[tuple[str, int]]:
    return [(group, len(range(place, number, len(groups)))) for place, group in enumerate(groups)]


def _write_board(folder: Path, group: str, index: int, board: Board) -> str:
    """Write one board's three files and return its line for trainval.txt or test.txt."""
    pictures = Path(f"group{group}") / group
    annotations = Path(f"group{group}") / f"{group}_not"
    name = f"{group}{index:03d}"
    for relative in (pictures, annotations):
        (folder / relative).mkdir(parents=True, exist_ok=True)
    for suffix, picture in (("test", board.tested), ("temp", board.template)):
        path = folder / pictures / f"{name}_{suffix}.jpg"
        if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
            raise OSError(f"could not write {path}")
    rows = np.column_stack([board.boxes.astype(int), board.labels + 1])
    text = "".join(" ".join(map(str, row)) + "\n" for row in rows)
    (folder / annotations / f"{name}.txt").write_text(text)
    return f"{pictures.as_posix()}/{name}.jpg {annotations.as_posix()}/{name}.txt"

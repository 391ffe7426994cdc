"""Defect-free copper of a synthetic board: tracks, pads, vias and planes on a lattice."""

from dataclasses import dataclass

import cv2
import numpy as np

_GAP = 7
_HEADINGS = np.array([(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)])


@dataclass(frozen=True)
class Style:
    """What the boards of one group share; lengths in pixels, shares in [0, 1]."""

    track_width: int
    wide_width: int
    pitch: int
    pad_radius: int
    via_radius: int
    square_pads: bool
    drilled_share: float
    wide_share: float
    plane_share: float


def draw_style(rng: np.random.Generator) -> Style:
    track_width = int(rng.integers(8, 15))
    # Diagonal neighbours on the lattice are nearer to each other by the square root of two.
    pitch = int(np.ceil((track_width + _GAP + 1) * np.sqrt(2))) + int(rng.integers(0, 7))
    pad_radius = int(rng.integers(12, 21))
    return Style(
        track_width=track_width,
        wide_width=int(rng.integers(19, 25)),
        pitch=pitch,
        pad_radius=pad_radius,
        via_radius=int(rng.integers(10, 13)),
        square_pads=bool(rng.random() < 0.4),
        drilled_share=float(rng.choice([0.1, 0.5, 0.9])),
        wide_share=float(rng.uniform(0.15, 0.5)),
        plane_share=float(rng.uniform(0.1, 0.6)),
    )


class Layout:
    """A board's copper, its nets kept at least _GAP pixels apart.

    A shape is everything within half of `width` pixels of its points (int32 [n, 2], x and y):
    of the line through them, or of the polygon they enclose if it is filled.
    """

    def __init__(self, rng: np.random.Generator, style: Style, size: int):
        self._rng = rng
        self._style = style
        # Number of the net under each pixel, 0 on bare board.
        self._nets = np.zeros((size, size), np.int32)
        self._net_count = 0
        self._drawn: set[int] = set()
        self._holes: list[tuple[np.ndarray, int]] = []
        self._lattice = int(np.ceil(size / style.pitch)) + 1
        self._origin = rng.integers(-style.pitch, 1, 2)
        # Long tracks come early, while there is room, and vias last, where room is left.
        blocks = max(size // 160, 1) ** 2
        for _ in range(blocks):
            if rng.random() < style.plane_share:
                self._add_plane()
        for add, each in (
            (self._add_bus, 1),
            (self._add_footprint, 3),
            (self._add_bus, 4),
            (self._add_via, 3),
        ):
            for _ in range(each * blocks):
                add()

    def copper(self) -> np.ndarray:
        """Return uint8 [H, W], 1 on copper."""
        mask = (self._nets > 0).astype(np.uint8)
        for centre, radius in self._holes:
            cv2.circle(mask, (int(centre[0]), int(centre[1])), radius, 0, -1)
        return mask

    def _new_net(self) -> int:
        self._net_count += 1
        return self._net_count

    def _random_node(self) -> np.ndarray:
        return self._origin + self._style.pitch * self._rng.integers(0, self._lattice, 2)

    def _add(self, points: np.ndarray, width: int, net: int, filled: bool = False) -> bool:
        """Draw the shape as part of the net unless it comes too near another; say if drawn."""
        points = points.astype(np.int32)
        x, y, columns, rows = cv2.boundingRect(points)
        reach = width // 2 + _GAP + 2
        corner = (max(x - reach, 0), max(y - reach, 0))
        ends = (max(x + columns + reach, 0), max(y + rows + reach, 0))
        window = self._nets[corner[1] : ends[1], corner[0] : ends[0]]
        if not window.size:
            return False
        near = np.zeros(window.shape, np.uint8)
        _draw(near, points - np.int32(corner), width + 2 * _GAP, 1, filled)
        if (near.astype(bool) & (window != 0) & (window != net)).any():
            return False
        _draw(self._nets, points, width, net, filled)
        self._drawn.add(net)
        return True

    def _add_plane(self) -> None:
        """Add an area of copper with some corners cut off, perhaps drilled."""
        corner = self._rng.integers(-40, len(self._nets) - 40, 2)
        width, height = self._rng.integers(50, 130, 2)
        a, b, c, d = self._rng.integers(0, 30, 4) * (self._rng.random(4) < 0.6)
        top = [(0, a), (a, 0), (width - b, 0), (width, b)]
        bottom = [(width, height - c), (width - c, height), (d, height), (0, height - d)]
        added = self._add(corner + np.array(top + bottom), 5, self._new_net(), filled=True)
        if added and self._rng.random() < self._style.drilled_share:
            self._holes.append((corner + (width // 2, height // 2), int(self._rng.integers(5, 11))))

    def _add_footprint(self) -> None:
        """Add a row of pads, some with tracks that leave them side by side."""
        rng, style = self._rng, self._style
        apart = int(np.ceil((2 * style.pad_radius + _GAP + 3) / style.pitch)) * style.pitch
        turn = int(rng.choice([0, 2]))
        steps = np.arange(int(rng.integers(1, 6)))[:, None] * _HEADINGS[turn]
        width = style.wide_width if rng.random() < style.wide_share else style.track_width
        walkers = []
        for pad in self._random_node() + apart * steps:
            net = self._new_net()
            if self._add_pad(pad, net, style.pad_radius) and rng.random() < 0.8:
                walkers.append((pad, net))
        self._route(walkers, turn + 2 + 4 * int(rng.integers(2)), width)

    def _add_bus(self) -> None:
        """Add parallel tracks that enter the picture at its border or start within it."""
        rng, style = self._rng, self._style
        heading = 2 * int(rng.integers(4))
        ahead = _HEADINGS[heading]
        start = rng.integers(0, self._lattice, 2)
        if rng.random() < 0.6:
            start = np.where(ahead != 0, np.where(ahead > 0, 0, self._lattice), start)
        wide = rng.random() < style.wide_share
        aside = (2 if wide else 1) * np.abs(ahead[::-1])
        nodes = start + np.arange(int(rng.integers(1, 5)))[:, None] * aside
        walkers = [(self._origin + style.pitch * node, self._new_net()) for node in nodes]
        self._route(walkers, heading, style.wide_width if wide else style.track_width)

    def _add_via(self) -> None:
        self._add_pad(self._random_node(), self._new_net(), self._style.via_radius)

    def _route(self, walkers: list[tuple[np.ndarray, int]], heading: int, width: int) -> None:
        """Lead tracks from (place, net) along one shared path until each is blocked or ends."""
        turn = 0
        for _ in range(int(self._rng.integers(4, 24))):
            if self._rng.random() < 0.2:
                turn = int(self._rng.integers(-1, 2))
            step = self._style.pitch * _HEADINGS[(heading + turn) % 8]
            going = []
            for place, net in walkers:
                if self._add(np.array([place, place + step]), width, net):
                    going.append((place + step, net))
                elif net in self._drawn:
                    self._add_pad(place, net, self._style.via_radius)
            walkers = going
        for place, net in walkers:
            self._add_pad(place, net, self._style.via_radius)

    def _add_pad(self, centre: np.ndarray, net: int, radius: int) -> bool:
        """Add a pad, perhaps drilled, unless it comes too near another net; say if added."""
        square = self._style.square_pads and radius == self._style.pad_radius
        rounding = 6 if square else 2 * radius
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * (radius - rounding // 2)
        if not self._add(centre + corners, rounding, net, filled=True):
            return False
        if self._rng.random() < self._style.drilled_share:
            self._holes.append((centre, max(4, int(0.35 * radius))))
        return True


def _draw(canvas: np.ndarray, points: np.ndarray, width: int, value: int, filled: bool) -> None:
    if filled:
        cv2.fillPoly(canvas, [points], value)
    cv2.polylines(canvas, [points], filled, value, width)

"""A map of very many pictures as tiles: the number at each pixel, in the colour most of them have."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import Matrix
from engine.core.errors import BadParameter

SIDE = 256  # pixels of a tile
DEEPEST = 16  # how often a tile may be divided
HALF = 1.05  # the map reaches from −HALF to HALF both ways: points reach to 1
_CELLS = 512  # along a side of the grid in which points are looked up
_DOTS = 3000  # points up to which those of a tile are drawn as dots
_RADIUS = 2  # pixels of a dot
_FAINTEST = 0.35  # opacity of a pixel with a single picture where others have many

Rows = NDArray[np.int64]
Pixels = NDArray[np.uint8]


class Density:
    """(n, 2) points of a map within [−1, 1] with (n,) colours, −1 for none, that can be drawn at any scale.

    A tile (z, x, y) is one of 2ᶻ × 2ᶻ parts of the map, x to the right and y down.

    Raises:
        BadParameter: points outside of the map, or another number of colours.
    """

    def __init__(self, points: Matrix, colours: NDArray[np.int64]) -> None:
        if points.shape != (len(colours), 2) or not (np.abs(points) <= 1 + 1e-6).all():
            raise BadParameter("points", "a map", "two numbers from −1 to 1 for each colour", str(points.shape))
        self.points, self.colours = points, np.asarray(colours, dtype=np.int64)
        self._kinds = int(self.colours.max(initial=-1)) + 2
        cells = self._cell(points[:, 1]) * _CELLS + self._cell(points[:, 0])
        self._order = np.argsort(cells, kind="stable")
        self._begin = np.searchsorted(cells[self._order], np.arange(_CELLS * _CELLS + 1))

    def tile(self, z: int, x: int, y: int, shades: Pixels) -> Pixels:
        """(SIDE, SIDE, 4) RGBA of a tile; `shades` (k + 1, 3) are the colours, the last one that of colour −1.

        Raises:
            BadParameter: there is no such tile.
        """
        if not 0 <= z <= DEEPEST or not (0 <= x < 2**z and 0 <= y < 2**z):
            raise BadParameter("tile", "a map", f"one of at most {DEEPEST} divisions", f"{z}/{x}/{y}")
        span = 2 * HALF / 2**z
        left, top, rim = x * span - HALF, HALF - y * span, _RADIUS * span / SIDE
        rows = self.inside(left - rim, top - span - rim, left + span + rim, top + rim)
        columns = np.floor((self.points[rows, 0] - left) / span * SIDE).astype(np.int64)
        lines = np.floor((top - self.points[rows, 1]) / span * SIDE).astype(np.int64)
        reach = _RADIUS if len(rows) <= _DOTS else 0
        counts = _spread(columns, lines, self.colours[rows] % self._kinds, self._kinds, reach)
        return _painted(counts, shades, self._most / 4**z)

    def inside(self, left: float, bottom: float, right: float, top: float) -> Rows:
        """The points in a rectangle, as rows."""
        first, last = self._cell(np.array([left, right]))
        low, high = self._cell(np.array([bottom, top]))
        parts = [
            self._order[self._begin[line * _CELLS + first] : self._begin[line * _CELLS + last + 1]]
            for line in range(low, high + 1)
        ]
        rows = np.concatenate(parts)
        x, y = self.points[rows].T
        return np.sort(rows[(x >= left) & (x <= right) & (y >= bottom) & (y <= top)])

    def nearest(self, x: float, y: float, within: float) -> int | None:
        """The point nearest to a place, as a row; None if none is within that distance."""
        rows = self.inside(x - within, y - within, x + within, y + within)
        if not len(rows):
            return None
        away = np.hypot(*(self.points[rows] - (x, y)).T)
        return int(rows[away.argmin()]) if away.min() <= within else None

    @cached_property
    def _most(self) -> float:
        """How many points the fullest pixel of the whole map has."""
        places = np.clip(((self.points + HALF) / (2 * HALF) * SIDE).astype(np.int64), 0, SIDE - 1)
        return float(np.bincount(places[:, 1] * SIDE + places[:, 0]).max(initial=1))

    @staticmethod
    def _cell(values: NDArray[np.floating]) -> Rows:
        return np.clip((values + HALF) / (2 * HALF) * _CELLS, 0, _CELLS - 1).astype(np.int64)


def _spread(columns: Rows, lines: Rows, kinds: Rows, count: int, reach: int) -> NDArray[np.int64]:
    """(SIDE, SIDE, count) how many points of each kind lie at each pixel, or within `reach` of it."""
    found = np.zeros(SIDE * SIDE * count, dtype=np.int64)
    for across in range(-reach, reach + 1):
        for down in range(-reach, reach + 1):
            if across**2 + down**2 <= reach**2 + 1:
                x, y = columns + across, lines + down
                seen = (x >= 0) & (x < SIDE) & (y >= 0) & (y < SIDE)
                found += np.bincount((y[seen] * SIDE + x[seen]) * count + kinds[seen], minlength=len(found))
    return found.reshape(SIDE, SIDE, count)


def _painted(counts: NDArray[np.int64], shades: Pixels, most: float) -> Pixels:
    """The colour of the most frequent kind of each pixel, the more opaque the more points are there (logarithm)."""
    total = counts.sum(2)
    painted: Pixels = np.zeros((SIDE, SIDE, 4), dtype=np.uint8)
    kinds = counts.argmax(2)
    painted[..., :3] = shades[np.where(kinds == counts.shape[2] - 1, len(shades) - 1, kinds % (len(shades) - 1))]
    strength = np.minimum(1, np.log1p(total) / np.log1p(max(most, 1.0)))
    painted[..., 3] = np.where(total > 0, 255 * (_FAINTEST + (1 - _FAINTEST) * strength), 0)
    return painted

"""Spectral hashing: waves along the principal directions, the longest first.

Weiss, Torralba, Fergus, "Spectral hashing" (NIPS 2008).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.indexes.hashing.functions import HashFunctions, centred
from engine.indexes.hashing.hash_index import HashIndex
from engine.indexes.hashing.principal import centre_of_points, principal_directions, rotations, sampled_points
from engine.indexes.hashing.tuning import Sizes
from engine.indexes.index import Vectors

_SAMPLE = 10_000  # at most so many vectors give the principal directions and their ranges


@dataclass(frozen=True)
class Waves(HashFunctions):
    """T tables of b waves; a bit is set if the cosine of the wave is above 0.

    Attributes:
        centre: (d,), subtracted from every vector first. basis: (p, d) orthonormal directions. turns: (T, p, p), the
            rotation of each table. axes: (T, b), the rotated direction along which each wave runs. frequencies:
            (T, b), in radians per unit. lows: (T, b), where each wave begins.
    """

    centre: NDArray[np.float32]
    basis: NDArray[np.float32]
    turns: NDArray[np.float64]
    axes: NDArray[np.int64]
    frequencies: NDArray[np.float64]
    lows: NDArray[np.float64]

    @property
    def tables(self) -> int:
        return int(self.axes.shape[0])

    @property
    def bits(self) -> int:
        return int(self.axes.shape[1])

    def first(self, tables: int, bits: int) -> Waves:
        own = {name: getattr(self, name)[:tables, :bits] for name in ("axes", "frequencies", "lows")}
        return replace(self, turns=self.turns[:tables], **own)

    def points(self, vectors: Vectors, metric: str) -> NDArray:
        return centred(vectors, metric, self.centre) @ self.basis.T.astype(np.float64)

    def margins(self, points: NDArray) -> NDArray[np.float32]:
        margins = np.empty((len(points), self.tables, self.bits), np.float32)
        for t, turn in enumerate(self.turns):
            along = (points @ turn)[:, self.axes[t]]
            margins[:, t] = wave_margins(along - self.lows[t], self.frequencies[t])
        return margins.reshape(len(points), -1)


def wave_margins(along: NDArray[np.float64], frequencies: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance of (n, b) positions along waves to the next zero of the cosine, negative where the cosine is."""
    halves = along * frequencies / np.pi + 0.5  # the cosine is 0 at the whole numbers, above it from even ones on
    whole = np.floor(halves)
    beyond = halves - whole
    signs = np.where(whole % 2 == 0, 1.0, -1.0)
    return np.asarray(signs * np.minimum(beyond, 1 - beyond) * np.pi / frequencies)


def longest_waves(lows: NDArray[np.float64], highs: NDArray[np.float64], bits: int) -> tuple[NDArray, NDArray]:
    """The axes (b,) and the frequencies (b,) of the waves with the smallest eigenvalues in a box from lows to highs.

    The m-th eigenfunction of the Laplacian along an axis of length r is cos(m·π/r·x), its eigenvalue grows with m/r.
    """
    lengths = highs - lows
    longest = lengths.max(initial=0) or 1.0
    lengths = np.maximum(lengths, 1e-9 * longest)
    frequencies = np.arange(1, bits + 1)[None, :] * np.pi / lengths[:, None]
    chosen = np.argsort(frequencies, axis=None, kind="stable")[:bits]
    return chosen // bits, frequencies.ravel()[chosen]


class SpectralHashing(HashIndex):
    """One bit for each wave; for further tables, the principal directions are rotated at random first."""

    name = "spectral"
    title = "Spectral hashing"
    rank = 30
    summary = "Codes from waves along the principal directions; re-ranks the pictures with the nearest codes."
    functions_kind = Waves

    def fit(self, vectors: Vectors, tables: int, bits: int) -> Waves:
        rng = np.random.default_rng(self.seed)
        points = sampled_points(vectors, self.metric, _SAMPLE, 2 * bits, rng)
        centre = centre_of_points(points)
        basis = principal_directions(points - centre, min(bits, len(centre)))
        points, turns = (points - centre) @ basis.T, rotations(tables, len(basis), rng)
        return Waves(centre.astype(np.float32), basis.astype(np.float32), turns, *_fitted_waves(points, turns, bits))

    def sizes(self, dimensions: int) -> Sizes:
        return Sizes(tables=(1, 2, 4, 8, 12, 16), bits=(4, 8, 12, 16, 20))


def _fitted_waves(points: NDArray, turns: NDArray, bits: int) -> tuple[NDArray, NDArray, NDArray]:
    """(T, b) axes, frequencies and beginnings for (s, p) points turned by each of (T, p, p)."""
    axes, frequencies, lows = [], [], []
    for turn in turns:
        turned = points @ turn if len(points) else np.zeros((1, points.shape[1]))
        low, high = turned.min(axis=0), turned.max(axis=0)
        axis, frequency = longest_waves(low, high, bits)
        axes.append(axis)
        frequencies.append(frequency)
        lows.append(low[axis])
    return np.stack(axes), np.stack(frequencies), np.stack(lows)

"""What each place of a picture contributes to its vector.

A vector made by pooling is a sum over the places of the latent: every channel of the vector is shared out among the
places it came from. What follows the pooling either acts on each channel alone (square root, centring), and is shared
out likewise, or is linear (whitening), and keeps sums; a compression is the one after the other. The parts therefore
sum to the vector that was compared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import normalised
from engine.encoders.pooling import unfinished
from engine.encoders.vectors.centring import Centring, signed_roots
from engine.encoders.vectors.compression import Compression
from engine.encoders.vectors.store import Finish
from engine.encoders.vectors.whitening import Whitening

Rows: TypeAlias = NDArray[np.float64]  # (places, channels)
_GEM_POWER = 3  # as in `engine.encoders.pooling`


@dataclass(frozen=True)
class Places:
    """The contributions of the places of one picture to its vector.

    Attributes:
        grid: rows and columns of places.
        parts: (p, m) float64, row by row of the grid. They sum to the vector, unless `apart`.
        apart: each place has values of its own in the vector (flatten), which is the parts one after the other.
    """

    grid: tuple[int, int]
    parts: Rows
    apart: bool = False

    @property
    def width(self) -> int:
        """The number of values of the vector."""
        return self.parts.size if self.apart else self.parts.shape[1]

    def fitted_to(self, vector: NDArray[np.float64]) -> Places:
        """The same for the (m,) vector that was compared: this one scaled, and rounded as in another batch.

        What differs besides the scale is spread evenly over the places.
        """
        if self.apart:
            return replace(self, parts=vector.reshape(-1, len(self.parts)).T)
        total = self.parts.sum(0)
        length = float(np.linalg.norm(total))
        parts = self.parts * (float(np.linalg.norm(vector)) / length if length else 1.0)
        return replace(self, parts=parts + (vector - parts.sum(0)) / len(parts))

    def sharing_out(self, values: NDArray[np.float64]) -> Places:
        """The (m,) values that were made of this one's one by one, each shared out by what the places add to it."""
        if self.apart:
            return self.fitted_to(values)
        return replace(self, parts=_by_amount(np.abs(self.parts)) * values)

    def less(self, mean: NDArray[np.float64]) -> Places:
        """The same for the vector less a (m,) mean, which every place gives an equal part of.

        Of a vector whose places stand apart, `mean` is (p, m), as the parts are.
        """
        return replace(self, parts=self.parts - (mean if self.apart else mean / len(self.parts)))


def places_of(latent: NDArray[np.float32], embedding: str, finish: Finish | None = None) -> Places:
    """The places of a (C, h, w) latent under an embedding; `finish` is the post-processing of its vectors.

    Average, max and GeM pooling share each channel out by what the places add to it; a maximum belongs to the first
    place that reaches it, and a channel that is zero everywhere to all places alike. Where values of both signs were
    rooted after an average, a place's share is that of its magnitude.
    """
    channels, *grid = latent.shape
    rows = latent.reshape(channels, -1).T.astype(np.float64)
    plain = unfinished(embedding)
    if plain == "flatten":
        parts, apart = _of_flattened(rows, finish)
    else:
        pooled = _pooled(rows, plain)
        own = rows / len(rows) if plain == "avg" else None  # these sum to the average, whatever their signs
        parts, apart = _of_pooled(_shares(rows, plain), pooled, own, finish), False
    total = np.linalg.norm(parts if apart else parts.sum(0)) if finish is not None else 1.0
    return Places((grid[0], grid[1]), parts / (total or 1.0), apart)


def _of_pooled(shares: Rows, pooled: NDArray[np.float64], own: Rows | None, finish: Finish | None) -> Rows:
    value, linear, components = _finished(pooled, finish)
    if own is None or not linear:
        parts = shares * value
    else:
        scaled = own / (np.linalg.norm(pooled) or 1.0) if finish is not None else own
        parts = scaled + shares * (value - scaled.sum(0))
    return parts if components is None else parts @ components.T


def _of_flattened(rows: Rows, finish: Finish | None) -> tuple[Rows, bool]:
    """The parts of a flattened latent, which is stored channel by channel, and whether they are apart."""
    value, _, components = _finished(rows.T.ravel(), finish)
    blocks = value.reshape(rows.shape[1], -1)  # (channels, places)
    if components is None:
        return blocks.T, True
    return np.einsum("kcp,cp->pk", components.reshape(len(components), *blocks.shape), blocks), False


def _finished(
    vector: NDArray[np.float64], finish: Finish | None
) -> tuple[NDArray[np.float64], bool, NDArray[np.float64] | None]:
    """The (d,) vector after what acts on each value alone, whether that is linear, and the (k, d) map after it."""
    if finish is None:
        return vector, True, None
    row = vector[None].astype(np.float32)
    if isinstance(finish, Centring):
        return (signed_roots(row)[0] - finish.mean).astype(np.float64), False, None
    if isinstance(finish, Compression):
        rooted = (signed_roots(row)[0] - finish.mean).astype(np.float64)
        return rooted, False, finish.components.astype(np.float64)
    assert isinstance(finish, Whitening)  # averages with neighbours are explained without these
    return (normalised(row)[0] - finish.mean).astype(np.float64), True, finish.components.astype(np.float64)


def _pooled(rows: Rows, plain: str) -> NDArray[np.float64]:
    if plain == "max":
        return np.asarray(rows.max(0))
    if plain == "avg":
        return np.asarray(rows.mean(0))
    return np.asarray((rows.clip(0) ** _GEM_POWER).mean(0) ** (1 / _GEM_POWER))


def _shares(rows: Rows, plain: str) -> Rows:
    """(p, c) shares of the places in each channel of the pooled vector; they sum to 1."""
    if plain == "max":
        return np.eye(len(rows))[rows.argmax(0)].T
    return _by_amount(rows.clip(0) ** _GEM_POWER if plain == "gem" else np.abs(rows))


def _by_amount(amounts: Rows) -> Rows:
    """(p, c) shares of the places in what they add up to; equal ones of nothing."""
    total = amounts.sum(0)
    return np.where(total > 0, amounts / np.where(total > 0, total, 1), 1 / len(amounts))

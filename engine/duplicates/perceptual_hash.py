"""The perceptual hash of a picture in its eight orientations: the signs of the low frequencies of its brightness.

Turning or mirroring a picture exchanges or negates its DCT coefficients, so all orientations come from one transform.
Source: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010 (pHash).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 32  # pixels of the reduced picture
_NOISE = 64.0  # of a coefficient, from rounding and compression
_LOW = 8  # frequencies kept in each direction
BYTES = _LOW * _LOW // 8
ORIENTATIONS = ("", "mirrored", "upside down", "turned 180°", "transposed", "turned 90°", "turned 270°", "transversed")
INVERSE = (0, 1, 2, 3, 4, 6, 5, 7)  # of each orientation: a turn to the left undoes one to the right

Bits = NDArray[np.uint8]


def _cosines() -> NDArray[np.float64]:
    """(SIDE, _LOW) the lowest basis functions of the DCT-II."""
    place = np.arange(SIDE)[:, None] + 0.5
    return np.asarray(np.cos(np.pi / SIDE * place * np.arange(_LOW)[None, :]))


_COSINES = _cosines()
_ODD = np.where(np.arange(_LOW) % 2, -1.0, 1.0)


def hashes(brightness: NDArray[np.uint8]) -> Bits:
    """(SIDE, SIDE) brightness to (8, BYTES): the hash in each of ORIENTATIONS; that of `oriented(picture, i)` is row i.

    A change of brightness or contrast changes no sign; the mean, whose sign means nothing, is left out.
    """
    low = _COSINES.T @ (brightness.astype(np.float64)) @ _COSINES
    low[0, 0] = 0.0
    low[np.abs(low) < _NOISE] = 0.0  # what is not there has no sign
    upright = [low, low * _ODD, low * _ODD[:, None], low * _ODD * _ODD[:, None]]
    # a turn by 90° is a transposition after a flip
    aside = [low.T, (low * _ODD[:, None]).T, (low * _ODD).T, (low * _ODD * _ODD[:, None]).T]
    return np.stack([np.packbits((one > 0).ravel()) for one in (*upright, *aside)])


def oriented(picture: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The (h, w) or (h, w, c) picture in one of ORIENTATIONS, without copying it."""
    if orientation in (1, 3, 6, 7):
        picture = picture[:, ::-1]
    if orientation in (2, 3, 5, 7):
        picture = picture[::-1]
    return picture.swapaxes(0, 1) if orientation >= 4 else picture

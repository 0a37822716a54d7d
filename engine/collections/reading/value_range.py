"""Samples of any width to 8 bits: by the range that the file declares, else by the range in use.

A hot or dead pixel is not in use: where all samples but one in a thousand use less than 1/16 of the whole range, which
would show them in 16 shades, their range counts. What lies outside is shown black or white.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 1 << 22  # samples converted at a time: a conversion holds several copies
_NO_VALUE = 1e38  # floats beyond stand for "no value" in maps
_LEAST_USED = 16  # a picture that uses less than 1/16 of its range is stretched
_STRAY = 1000  # of so many samples one may be a hot or dead pixel
_BINS = 16 * _LEAST_USED  # of the range, to find 1/16 of it that holds nearly all samples
_BITS = (8, 10, 12, 14, 16)  # of converters; what they give often stands unscaled in 16 bits
_FLOATS = (1.0, 255.0, 65535.0)

Range = tuple[float, float]


def as_bytes(samples: NDArray[Any], no_data: float | None = None, declared: float | None = None) -> NDArray[np.uint8]:
    """Samples (height, width, bands) as uint8 of the same shape; all bands under one range, so colours keep their hue.

    Args:
        no_data: the number that stands for a missing value; such samples, and NaN, become black.
        declared: the number for white, if the file declares it.
    """
    low, high = (0.0, declared) if declared else shown_range(samples.dtype, *_used(samples, no_data))
    return _scaled(samples, low, high, no_data)


def opacity_as_bytes(samples: NDArray[Any]) -> NDArray[np.uint8]:
    """Opacity of any type as uint8: the largest whole number, or 1 among floats, is opaque."""
    high = 1.0 if samples.dtype.kind == "f" else float(np.iinfo(samples.dtype).max)
    return _scaled(samples, 0.0, high, None)


def _scaled(samples: NDArray[Any], low: float, high: float, no_data: float | None) -> NDArray[np.uint8]:
    out = np.empty(samples.shape, np.uint8)
    for part in _parts(samples):
        values = samples[part].astype(np.float64 if samples.dtype.itemsize > 2 else np.float32)
        values[~_is_value(samples[part], no_data)] = low
        np.subtract(values, low, out=values)
        np.multiply(values, 255.0 / ((high - low) or 1.0), out=values)
        out[part] = np.clip(np.rint(values, out=values), 0, 255, out=values)
    return out


def shown_range(dtype: np.dtype[Any], low: float, high: float) -> Range:
    """The numbers shown black and white for samples that use the range from `low` to `high`.

    Numbers that fill half of a usual range from 0 on (a quarter in 16 bits) keep that range, so that a dark picture
    stays dark; all others, and those that use little of it, are stretched to what they use.
    """
    if dtype == np.uint8:
        return 0.0, 255.0
    if dtype.kind == "u" and dtype.itemsize <= 2:
        tops: tuple[float, ...] = tuple(2.0**bits - 1 for bits in _BITS)
        filled = 0.25
    else:
        tops = _FLOATS if dtype.kind == "f" else (255.0, 65535.0, 2.0**31 - 1, 2.0**32 - 1, 2.0**63 - 1, 2.0**64 - 1)
        filled = 0.5
    top = next((top for top in tops if high <= top), 0.0)
    if low < 0 or high < top * filled or not top:
        return low, high
    return (0.0, top) if low == high or (high - low) * _LEAST_USED >= top else (low, high)


def _used(samples: NDArray[Any], no_data: float | None) -> Range:
    """The range of all samples; that of all but a few stray ones where these would leave the others little of it."""
    low, high, count = _bounds(_values(samples, no_data))
    if not count:
        return 0.0, 1.0
    may_lose = 0 if samples.dtype == np.uint8 else count // _STRAY
    while may_lose and low < high:
        found = _most_of(samples, no_data, (low, high), may_lose)
        if found is None or found[0] == found[1]:  # on an empty ground, the few are the picture
            break
        low, high, lost = found
        may_lose -= lost
    return low, high


def _most_of(
    samples: NDArray[Any], no_data: float | None, used: Range, may_lose: int
) -> tuple[float, float, int] | None:
    """The range of all samples within `used` but a few, and how many these are; None if it is no 1/16 of `used`."""
    counts, width = np.zeros(_BINS, np.int64), _BINS // _LEAST_USED
    held = counts
    for _, bins in _binned(samples, no_data, used):
        counts += np.bincount(bins, minlength=_BINS)
        held = np.convolve(counts, np.ones(width, np.int64), "valid")
        if counts.sum() - held.max() > may_lose:
            return None
    first, lost = int(held.argmax()), int(counts.sum() - held.max())
    kept = (values[(bins >= first) & (bins < first + width)] for values, bins in _binned(samples, no_data, used))
    return *_bounds(kept)[:2], lost


def _binned(
    samples: NDArray[Any], no_data: float | None, used: Range
) -> Iterator[tuple[NDArray[Any], NDArray[np.intp]]]:
    """The samples within a range, and in which of its equal parts each of them lies."""
    low, high = used
    for values in _values(samples, no_data):
        inside = values[(values >= low) & (values <= high)]
        places = (inside.astype(np.float64) - low) / (high - low) * _BINS
        yield inside, np.minimum(places.astype(np.intp), _BINS - 1)


def _bounds(parts: Iterable[NDArray[Any]]) -> tuple[float, float, int]:
    """The least and the largest number, and how many there are."""
    low, high, count = np.inf, -np.inf, 0
    for values in parts:
        if values.size:
            low, high, count = min(low, float(values.min())), max(high, float(values.max())), count + values.size
    return low, high, count


def _values(samples: NDArray[Any], no_data: float | None) -> Iterator[NDArray[Any]]:
    for part in _parts(samples):
        values = samples[part]
        yield values[_is_value(values, no_data)]


def _is_value(samples: NDArray[Any], no_data: float | None) -> NDArray[np.bool_]:
    there = np.ones(samples.shape, bool) if no_data is None else samples != no_data
    if samples.dtype.kind == "f":
        there &= np.isfinite(samples) & (np.abs(samples, dtype=np.float64) < _NO_VALUE)
    return there


def _parts(samples: NDArray[Any]) -> list[slice]:
    rows = max(1, _ROWS // max(1, samples[:1].size))
    return [slice(top, top + rows) for top in range(0, len(samples), rows)]

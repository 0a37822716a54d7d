"""The likeness of two pictures in plain NumPy and OpenCV, step by step: what the compiled loops must agree with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.duplicates.agreement import BLOCK, BLUR, BRIGHT, DARK, EXPOSED, FLAT, LEAST_BLOCKS, TEXTURED

Grey = NDArray[np.float32]


def likeness(
    one: NDArray[np.uint8], other: NDArray[np.uint8], seen: NDArray[np.bool_] | None = None, enlarged: float = 1.0
) -> float:
    """The likeness of two (h, w) pictures of the same size.

    Args:
        seen: marks the pixels that both pictures cover.
        enlarged: by which factor the coarser of the two was enlarged to this size: finer detail means nothing.
    """
    import cv2

    seen = np.ones(one.shape, dtype=bool) if seen is None else seen
    bright, its_bright = _equally_bright(one, other)
    its_bright = np.where(seen, its_bright, bright)  # nothing from outside is blurred into it
    blurred: Any = [cv2.GaussianBlur(picture, (0, 0), BLUR * enlarged) for picture in (bright, its_bright)]
    first, second = blurred
    whole = _blocks(seen.astype(np.float32)).min(axis=1) > 0
    if whole.sum() < LEAST_BLOCKS:
        return 0.0
    agreed = np.sort(_agreement(_blocks(first)[whole], _blocks(second)[whole]))
    return float(np.clip(agreed[: max(1, len(agreed) // 4)].mean(), 0.0, 1.0))


def _equally_bright(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[Grey, Grey]:
    """Both with the exposure of the brighter one, so that what is white there is white in both."""
    a, b = one.astype(np.float32), other.astype(np.float32)
    sure = (a > DARK) & (a < BRIGHT) & (b > DARK) & (b < BRIGHT)
    if sure.sum() < EXPOSED:
        return a, b
    gain = float(np.median(b[sure] / a[sure]))
    return (np.minimum(a * gain, 255), b) if gain > 1 else (a, np.minimum(b / gain, 255))


def _agreement(a: Grey, b: Grey) -> Grey:
    """(m, p) blocks of both to (t,): the agreement of the textured ones, of all where hardly any is."""
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    own, others, common = (a * a).mean(axis=1), (b * b).mean(axis=1), (a * b).mean(axis=1)
    gain = np.sqrt((own.sum() + FLAT) / (others.sum() + FLAT))  # of contrast
    others, common = others * gain**2, common * gain
    textured = np.maximum(own, others) > TEXTURED
    agreed = (2 * common + FLAT) / (own + others + FLAT)
    return np.asarray(agreed[textured] if textured.sum() >= LEAST_BLOCKS else agreed, dtype=np.float32)


def _blocks(picture: Grey) -> Grey:
    """(h, w) to (m, BLOCK · BLOCK), what does not fill a block left out."""
    height, width = (side // BLOCK for side in picture.shape)
    cut = picture[: height * BLOCK, : width * BLOCK].reshape(height, BLOCK, width, BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(height * width, BLOCK * BLOCK)

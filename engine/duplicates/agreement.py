"""The likeness of two aligned pictures, from 0 to 1.

Blocks of 16 pixels are compared by the structure term of SSIM (Wang, Bovik, Sheikh and Simoncelli, Image quality
assessment, 2004), after matching the exposure of the darker picture to the brighter one. The likeness is the mean of
the quarter of the textured blocks that agree least: a page with the same layout and other words is not a copy.
"""

from __future__ import annotations

from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
FLAT = 8.0  # variance of brightness that noise and compression leave in a block
TEXTURED = 30.0  # variance from which a block says something
LEAST_BLOCKS = 12  # in which both pictures must show something
BLUR = 1.0  # pixels, evens out how pictures were scaled and compressed
DARK, BRIGHT = 8, 250  # a value beyond these may have been cut off
EXPOSED = 200  # pixels between both from which an exposure can be told

_COARSE = 4  # pixels along a side of an enlarged picture that are one in an estimate
_MARGIN = 0.15  # by which an estimate must miss the likeness that is wanted
_ROUNDING = 1e-4  # of a bound
_EVERYWHERE = np.ones((0, 0), dtype=bool)

Grey = NDArray[np.float32]
Moments = NDArray[np.float32]


def likeness(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    seen: NDArray[np.bool_] | None = None,
    enlarged: float = 1.0,
    least: float = 0.0,
) -> float:
    """The likeness of two (h, w) pictures of the same size.

    Args:
        seen: marks the pixels that both pictures cover.
        enlarged: by which factor the coarser of the two was enlarged to this size: finer detail means nothing.
        least: where half of the blocks prove that the likeness is less than this, it is given as 0; and so it is where
            that of enlarged pictures, estimated at a quarter of their size, is less by far.
    """
    bright, its_bright = _equally_bright(one, other)
    if seen is not None:
        its_bright = np.where(seen, its_bright, bright)  # nothing from outside is blurred into it
    elif least > 0 and enlarged >= _COARSE and _estimate(bright, its_bright, enlarged) < least - _MARGIN:
        return 0.0
    blocks = _Blocks(bright, its_bright, _EVERYWHERE if seen is None else seen, _gaussian(BLUR * enlarged))
    rows = np.arange(0, one.shape[0] - BLOCK + 1, BLOCK)
    half = blocks.moments(rows[::2])
    if least > 0 and seen is None and _bound(half, len(rows) * (one.shape[1] // BLOCK)) < least:
        return 0.0
    return _least_agreeing(np.concatenate([half, blocks.moments(rows[1::2])]))


def _estimate(one: Grey, other: Grey, enlarged: float) -> float:
    """About the likeness of two enlarged pictures, at a quarter of their size; infinite where few blocks are textured.

    With few, one more or less may decide which blocks count at all.
    """
    import cv2

    height, width = (side // _COARSE for side in one.shape)
    small: list[Any] = [
        cv2.resize(picture[: height * _COARSE, : width * _COARSE], (width, height), interpolation=cv2.INTER_AREA)
        for picture in (one, other)
    ]
    # The mean of some pixels blurs them already.
    deviation = float(np.sqrt((BLUR * enlarged) ** 2 - (_COARSE**2 - 1) / 12) / _COARSE)
    side = BLOCK // _COARSE
    blocks = _Blocks(small[0], small[1], _EVERYWHERE, _gaussian(deviation), side)
    moments = blocks.moments(np.arange(0, height - side + 1, side))
    moments *= (BLOCK**2 - 1) / (BLOCK**2 - _COARSE**2)  # means of pixels vary less than pixels
    return _least_agreeing(moments) if (moments[:, 0] > TEXTURED).sum() >= 2 * LEAST_BLOCKS else float("inf")


def _least_agreeing(moments: Moments) -> float:
    """The mean of the quarter of some blocks that agree least."""
    if len(moments) < LEAST_BLOCKS:
        return 0.0
    agreed = np.sort(_agreement(*moments.T))
    return float(np.clip(agreed[: max(1, len(agreed) // 4)].mean(), 0.0, 1.0))


class _Blocks:
    """The blocks of two pictures, blurred row by row of them."""

    def __init__(self, one: Grey, other: Grey, seen: NDArray[np.bool_], weights: Grey, side: int = BLOCK) -> None:
        self.pictures, self.seen, self.weights, self.side = (one, other), seen, weights, side
        self.blurred = np.empty_like(one), np.empty_like(other)

    def moments(self, begins: NDArray[np.int64]) -> Moments:
        """(m, 3) the variances and covariances of the blocks whose first rows are these."""
        begins = np.ascontiguousarray(begins)
        for picture, blurred in zip(self.pictures, self.blurred, strict=True):
            loops().blur_rows(picture, self.weights, begins, self.side, blurred)
        found: Moments = loops().block_moments(*self.blurred, self.seen, begins, self.side)
        return found


def _bound(moments: Moments, count: int) -> float:
    """What the likeness cannot exceed, from the moments of some of all `count` blocks; infinite where they say nothing.

    The gain of contrast comes from all blocks: each is given the one with which it agrees best. Those that are textured
    in the first picture count whatever the gain; of the others any may be left out, which changes what a quarter is.
    """
    own, others, common = moments.astype(np.float64).T
    sure = own > TEXTURED
    if sure.sum() < LEAST_BLOCKS:
        return float("inf")
    common, others = np.maximum(common, 0), np.maximum(others, 1e-9)
    # The gain at which the derivative of the agreement is 0; without a common part it agrees best at 0.
    gain = (np.sqrt(FLAT**2 + 4 * common**2 * (own + FLAT) / others) - FLAT) / np.maximum(2 * common, 1e-9)
    agreed = (2 * common * gain + FLAT) / (own + others * gain**2 + FLAT)
    unknown = count - len(moments)
    return float(loops().highest_mean(np.sort(agreed[sure]), np.sort(agreed[~sure]), unknown)) + _ROUNDING


def loops() -> ModuleType:
    """The compiled loops."""
    from engine.duplicates import loops

    return loops


def _equally_bright(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[Grey, Grey]:
    """Both with the exposure of the brighter one, so that what is white there is white in both."""
    one, other = (np.require(picture, requirements=["C", "W"]) for picture in (one, other))  # one kind to compile for
    gain = loops().median_ratio(one, other, *_ratios(), EXPOSED)
    return loops().exposed(one, max(gain, 1.0), False), loops().exposed(other, min(gain, 1.0), True)


@cache
def _ratios() -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """(256, 256) the rank of b / a among all such ratios, the last where one may have been cut off; and the ratios."""
    sure = np.arange(DARK + 1, BRIGHT, dtype=np.float32)
    ratios, places = np.unique(sure[None, :] / sure[:, None], return_inverse=True)
    ranks = np.full((256, 256), 65535, np.uint16)
    ranks[DARK + 1 : BRIGHT, DARK + 1 : BRIGHT] = places.reshape(len(sure), len(sure))
    return ranks, ratios


@lru_cache(maxsize=64)
def _gaussian(deviation: float) -> NDArray[np.float32]:
    """Half of the kernel that OpenCV's GaussianBlur takes for this standard deviation, from the middle outwards."""
    import cv2

    size = round(8 * deviation + 1) | 1
    kernel = cv2.getGaussianKernel(size, deviation, cv2.CV_32F)
    return np.ascontiguousarray(kernel[size // 2 :, 0], dtype=np.float32)


def _agreement(own: Moments, others: Moments, common: Moments) -> Moments:
    """The agreement of the textured blocks, of all where hardly any is, from their variances and covariances."""
    gain = np.sqrt((own.sum() + FLAT) / (others.sum() + FLAT))  # of contrast
    others, common = others * gain**2, common * gain
    textured = np.maximum(own, others) > TEXTURED
    agreed: Moments = (2 * common + FLAT) / (own + others + FLAT)
    return agreed[textured] if textured.sum() >= LEAST_BLOCKS else agreed

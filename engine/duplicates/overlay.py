"""Aligning one picture with another: by one of eight orientations, or by a similarity from local features."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.duplicates.agreement import likeness
from engine.duplicates.perceptual_hash import oriented

_SHAPE = 0.06  # how far two proportions may differ before the pictures are no longer the same whole picture
_NEAR = 48  # bits of 256 within which two descriptors may be those of one point
_INLIERS = 6  # points that must agree on a similarity
_WITHIN = 4.0  # pixels by which a point may miss its place
_PROMISING, _FINE = 0.3, 0.95  # likeness between which the overlay is refined
_LEAST_SEEN = 0.2  # of the larger picture that the other must show

Points = NDArray[np.float32]
Bits = NDArray[np.uint8]


class Look(Protocol):
    """The (h, w) brightness of a picture, and by which factor it was enlarged to that size."""

    @property
    def brightness(self) -> Bits: ...
    @property
    def enlarged(self) -> float: ...


@dataclass(frozen=True)
class Overlay:
    """The alignment of two pictures: their likeness, the orientation of the whole, and the share that both show."""

    likeness: float
    orientation: int = 0
    share: float = 1.0


def whole(one: Look, other: Look, orientation: int, least: float = 0.0) -> Overlay:
    """The alignment of whole pictures: the other one oriented, and stretched to the size of the first.

    Args:
        least: a likeness that is surely less than this is given as 0, which takes half the time.
    """
    import cv2

    turned = oriented(other.brightness, orientation)
    height, width = one.brightness.shape
    proportion = (height / width) / (turned.shape[0] / turned.shape[1])
    if abs(np.log(proportion)) > _SHAPE:
        return Overlay(0.0, orientation)
    fitted: Any = cv2.resize(np.ascontiguousarray(turned), (width, height), interpolation=cv2.INTER_AREA)
    return Overlay(likeness(one.brightness, fitted, None, max(one.enlarged, other.enlarged), least), orientation)


def part(one: Look, other: Look, own: tuple[Points, Bits], its: tuple[Points, Bits]) -> Overlay:
    """The alignment by a similarity between their (points, descriptors); likeness 0 if there is none."""
    import cv2

    if min(len(own[1]), len(its[1])) < _INLIERS:  # OpenCV fails where one of them has none
        return Overlay(0.0)
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(its[1], own[1])
    close = [match for match in matches if match.distance <= _NEAR]
    if len(close) < _INLIERS:
        return Overlay(0.0)
    start = np.array([its[0][match.queryIdx] for match in close])
    end = np.array([own[0][match.trainIdx] for match in close])
    # cv2 draws its samples from a generator of its own; the same matches get the same answer
    cv2.setRNGSeed(0)
    similarity: Any
    similarity, inliers = cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=_WITHIN)
    if similarity is None or int(inliers.sum()) < _INLIERS:
        return Overlay(0.0)
    return _laid(one.brightness, other.brightness, similarity, max(one.enlarged, other.enlarged))


def _laid(one: Bits, other: Bits, similarity: NDArray[np.float64], enlarged: float) -> Overlay:
    import cv2

    size = one.shape[::-1]
    seen = cv2.warpAffine(np.ones_like(other), similarity, size, flags=cv2.INTER_NEAREST) > 0
    share = float(seen.mean())
    area = share * one.size / max(other.size * abs(np.linalg.det(similarity[:, :2])), 1e-9)  # of the other one
    if max(share, area) < 0.8 or min(share, area) < _LEAST_SEEN:
        return Overlay(0.0, share=share)
    laid: Any = cv2.warpAffine(other, similarity, size)
    rough = Overlay(likeness(one, laid, seen, enlarged), share=min(share, area))
    if not _PROMISING < rough.likeness < _FINE:
        return rough
    laid, seen = _refined(one, other, similarity)
    return Overlay(max(rough.likeness, likeness(one, laid, seen, enlarged)), share=rough.share)


def _refined(one: Bits, other: Bits, start: NDArray[np.float64]) -> tuple[Any, Any]:
    """The other picture laid on as all its pixels say, and where it shows something.

    Source: Evangelidis and Psarakis, Parametric image alignment using enhanced correlation coefficient, 2008.
    """
    import cv2

    affine: Any = cv2.invertAffineTransform(start).astype(np.float32)
    size = one.shape[::-1]
    with suppress(cv2.error):  # it does not converge where both differ
        stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-4)
        _, affine = cv2.findTransformECC(one, other, affine, cv2.MOTION_AFFINE, stop, np.full_like(other, 255), 5)
    laid = cv2.warpAffine(other, affine, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return laid, cv2.warpAffine(np.ones_like(other), affine, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP) > 0

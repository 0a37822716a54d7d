"""Local features: points that can be recognised in another picture, with descriptors of their surroundings.

SIFT describes a point by 128 gradient values; ORB and BRIEF by 256 bits, each the comparison of two pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import MissingPackage

if TYPE_CHECKING:
    from types import ModuleType

_MOST = 500  # points per picture
_FAST_THRESHOLD = 10  # grey levels; downscaled photographs have soft corners

Grey = NDArray[np.uint8]  # (s, s)


@dataclass(frozen=True)
class LocalFeature:
    """A kind of local feature.

    Attributes:
        name, title: e.g. "sift", "SIFT".
        width: values per point. binary: whether these are bits.
        extract: an (s, s) picture to (m, width) float32 values, m ≥ 0; bits as 0 and 1.
    """

    name: str
    title: str
    width: int
    binary: bool
    extract: Callable[[Grey], NDArray[np.float32]]


def _sift(picture: Grey) -> NDArray[np.float32]:
    """RootSIFT: the Euclidean distance of the square roots of shares equals Hellinger's distance.

    Sources: Lowe, "Distinctive image features from scale-invariant keypoints", 2004; Arandjelović and Zisserman,
    "Three things everyone should know to improve object retrieval", 2012.
    """
    _, found = _cv2().SIFT_create(nfeatures=_MOST).detectAndCompute(picture, None)
    if found is None:
        return np.zeros((0, 128), np.float32)
    shares: NDArray[np.float32] = found / np.maximum(found.sum(1, keepdims=True), 1e-12)
    return np.sqrt(shares)


def _orb(picture: Grey) -> NDArray[np.float32]:
    """Source: Rublee et al., "ORB: an efficient alternative to SIFT or SURF", 2011."""
    detector = _cv2().ORB_create(nfeatures=_MOST, fastThreshold=_FAST_THRESHOLD, edgeThreshold=16, patchSize=31)
    return _bits(detector.detectAndCompute(picture, None)[1])


def _brief(picture: Grey) -> NDArray[np.float32]:
    """BRIEF of 256 bits at the strongest FAST corners: unlike ORB, it is not rotation-invariant.

    Sources: Calonder et al., "BRIEF: binary robust independent elementary features", 2010; Rosten and Drummond, 2006.
    """
    cv2 = _cv2()
    corners = cv2.FastFeatureDetector_create(threshold=_FAST_THRESHOLD).detect(picture, None)
    strongest = sorted(corners, key=lambda corner: (-corner.response, corner.pt))[:_MOST]
    extractor = cv2.xfeatures2d.BriefDescriptorExtractor_create(bytes=32)
    return _bits(extractor.compute(picture, strongest)[1])


def _bits(packed: Any) -> NDArray[np.float32]:
    if packed is None:
        return np.zeros((0, 256), np.float32)
    return np.unpackbits(packed, axis=1).astype(np.float32)


def _cv2() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise MissingPackage("Local features (SIFT, ORB, BRIEF)", "opencv-contrib-python-headless") from error
    return cv2  # type: ignore[no-any-return,unused-ignore]


LOCAL_FEATURES = {
    feature.name: feature
    for feature in (
        LocalFeature("sift", "SIFT", 128, False, _sift),
        LocalFeature("orb", "ORB", 256, True, _orb),
        LocalFeature("brief", "BRIEF", 256, True, _brief),
    )
}

"""Blank pictures: of one colour, be it black, white or transparent. No encoder finds anything in them to compare."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from engine.collections.collection import Collection

LEVELS = 8  # of 255, between the darkest and the brightest pixel of a channel: what compression makes of one colour
_MOST_BYTES = 1024  # twice what one colour takes at a thumbnail's size; longer ones are not decoded


def is_blank(thumbnail: bytes) -> bool:
    """Whether a picture, of any format that Pillow opens, is of one colour but for `LEVELS`."""
    with Image.open(io.BytesIO(thumbnail)) as picture:
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    return bool((np.ptp(pixels, axis=0) <= LEVELS).all())


def blank_contents(collection: Collection) -> frozenset[str]:
    """The hashes of the contents whose thumbnails are blank; Corrupt if one of these thumbnails is damaged."""
    with collection.catalogue.reading() as reading:
        return frozenset(hash for hash, webp in reading.short_thumbnails(_MOST_BYTES) if is_blank(webp))

"""How far altered copies of pictures are from their originals: how differently an encoder may see one picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.pixels import Decoded
from engine.core.distances import metric as known_metric
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import unfinished
from engine.encoders.vectors.batches import Chunk, encoded
from engine.encoders.vectors.derived import Derived
from engine.encoders.vectors.store import Vectors
from engine.evidence.alterations import brightened, compressed, cropped, smaller

_PICTURES = 64  # each altered in one way: seconds of encoding

Alter = Callable[[Image.Image], Image.Image]
WAYS: tuple[Alter, ...] = (  # half as large, as a JPEG of quality 50, brighter, and without the margins
    partial(smaller, times=2),
    partial(compressed, quality=50),
    partial(brightened, times=1.2),
    partial(cropped, percent=90),
)


def altered_distances(
    collection: Collection, encoder: Encoder, embedding: str, vectors: Vectors, metric: str
) -> NDArray[np.float32]:
    """(m,) ascending distances of altered copies of some pictures to their originals; none for derived vectors.

    The copies are half as large, compressed, brighter, or cropped to 90 % of each side.
    """
    if isinstance(encoder, Derived) or not len(vectors.ids):
        return np.zeros(0, np.float32)
    rows = np.unique(np.linspace(0, len(vectors.ids) - 1, min(_PICTURES, len(vectors.ids))).astype(np.int64))
    chunks = map(_altered, Decoded(collection, vectors.ids[rows], encoder.info.input_size))
    plain = unfinished(embedding)
    between, found = known_metric(metric).between, []
    for ids, made in encoded(encoder, chunks, [plain]):
        copies = made[plain] if vectors.finish is None else vectors.finish(made[plain])
        originals = np.asarray(vectors.matrix[np.searchsorted(vectors.ids, ids)])
        found += [between(copy[None], own[None])[0, 0] for copy, own in zip(copies, originals, strict=True)]
    finite = np.array(found, dtype=np.float32)
    return np.sort(finite[np.isfinite(finite)])


def _altered(chunk: Chunk) -> Chunk:
    ids, pixels = chunk
    return ids, np.stack([_by_turns(number, picture) for number, picture in zip(ids.tolist(), pixels, strict=True)])


def _by_turns(number: int, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture altered in the way chosen by its number, at its original size."""
    picture = Image.fromarray(pixels)
    altered = WAYS[number % len(WAYS)](picture).convert("RGB")
    return np.asarray(altered.resize(picture.size, Image.Resampling.BILINEAR), dtype=np.uint8)

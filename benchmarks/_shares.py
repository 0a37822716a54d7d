"""How much each of several encoders could count: every division in tenths, and one chosen without labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.collections.pixels import Decoded
from engine.encoders.encoder import Encoder
from engine.encoders.side_by_side import pooling_of
from engine.encoders.vectors.batches import Pixels, encoded
from engine.training.augment import cut, mirrored, recoloured

_STEPS = 10  # shares are tenths
_PICTURES = 400  # whose altered copies are looked for
_LEAST_CUT = 0.6  # of the side, in a copy

Matrix = NDArray[np.float32]
Shares = tuple[float, ...]


def grid(parts: int) -> Iterator[Shares]:
    """Every way to divide 1 among the parts in tenths, each with at least one."""
    for cuts in combinations(range(1, _STEPS), parts - 1):
        yield tuple((high - low) / _STEPS for low, high in pairwise((0, *cuts, _STEPS)))


def by_copies(likenesses: Sequence[Matrix]) -> Shares:
    """The shares under which most copies find their originals; of those that cannot be told from these, the most even.

    Args:
        likenesses: for each part the (q, q) cosine similarities of copies to originals, in the same order.
    """
    tried = list(grid(len(likenesses)))
    found = np.stack([_found_first(likenesses, shares) for shares in tried])  # (t, q)
    behind = found[found.mean(1).argmax()] - found
    level = behind.mean(1) <= behind.std(1) / np.sqrt(found.shape[1])
    return min((shares for shares, is_level in zip(tried, level, strict=True) if is_level), key=_unevenness)


def _found_first(likenesses: Sequence[Matrix], shares: Shares) -> NDArray[np.float64]:
    total = np.sum([share * likeness for share, likeness in zip(shares, likenesses, strict=True)], axis=0)
    return (total.argmax(1) == np.arange(len(total))).astype(np.float64)


def _unevenness(shares: Shares) -> float:
    return sum(share**2 for share in shares)


def sample_of(collection: Collection) -> NDArray[np.int64]:
    """The rows of at most 400 pictures, spread evenly."""
    count = len(collection)
    return np.unique(np.linspace(0, count - 1, min(_PICTURES, count)).astype(np.int64))


def copies_of(collection: Collection, encoder: Encoder, rows: NDArray[np.int64]) -> Matrix:
    """The vectors of altered copies of these pictures; the same alterations for every encoder."""
    name, ids = pooling_of(encoder), collection.images().ids[rows]
    source = Decoded(collection, ids, encoder.info.input_size)
    chunks = ((some, _altered(pixels, int(some[0]))) for some, pixels in source)
    return np.concatenate([vectors[name] for _, vectors in encoded(encoder, chunks, [name])])


def _altered(pixels: Pixels, seed: int) -> Pixels:
    random = torch.Generator().manual_seed(seed)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    images = recoloured(cut(mirrored(images, random), random, _LEAST_CUT), random)
    copies: Pixels = (255 * images).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return copies

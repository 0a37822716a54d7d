"""The places of a picture in each block of its vector, also where a post-processing was of all blocks together.

Square root and centring act on each value alone, so that the values of a block stay its own. Whitening is linear: a
value of it is a sum over all values of all blocks, and so over all their places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.encoders.vectors.batches import encode_latent
from engine.encoders.vectors.store import Finish
from engine.encoders.vectors.whitening import Whitening
from engine.evidence.blocks import Block
from engine.evidence.places import Places, places_of

Pixels: TypeAlias = Callable[[int], NDArray[np.uint8]]  # stretched to a size
Vector: TypeAlias = NDArray[np.float64]


def block_places(
    blocks: Sequence[Block], pixels: Pixels, target: Vector, together: Finish | None, before: Vector | None
) -> list[Places]:
    """The places of one picture for each block; those of all blocks sum to the vector `target` that was compared.

    Args:
        together: the post-processing of all blocks together, None without. before: the vector of length 1 that was
            whitened, None where none was.
    """
    if before is None or not isinstance(together, Whitening):
        return _fitted_places(blocks, pixels, target, together is not None)
    return _whitened(blocks, _fitted_places(blocks, pixels, before, False), together, target)


def _fitted_places(blocks: Sequence[Block], pixels: Pixels, target: Vector, rooted: bool) -> list[Places]:
    """The places of one picture for each block, fitted to its values of the vector, roots of those values if so."""
    pooled = [_pooled(block, pixels) for block in blocks]
    widths = [_width(block, one, pixels, len(blocks)) for block, one in zip(blocks, pooled, strict=True)]
    rest = len(target) - sum(width or 0 for width in widths)  # of the one block whose width only this tells
    ends = np.cumsum([rest if width is None else width for width in widths])
    pieces = np.split(target, ends[:-1])
    return [_fitted(block, one, piece, rooted) for block, one, piece in zip(blocks, pooled, pieces, strict=True)]


def _pooled(block: Block, pixels: Pixels) -> Places | None:
    """The places of a block that is pooled from a latent, None of another."""
    if block.whole or block.encoder.grid is not None:
        return None
    return places_of(encode_latent(block.encoder, pixels), block.embedding, block.finish)


def _width(block: Block, pooled: Places | None, pixels: Pixels, blocks: int) -> int | None:
    if pooled is not None:
        return pooled.width
    if block.whole or blocks == 1:
        return block.width
    return encode_latent(block.encoder, pixels).size


def _fitted(block: Block, pooled: Places | None, values: Vector, rooted: bool) -> Places:
    if pooled is not None:
        return pooled.sharing_out(values) if rooted else pooled.fitted_to(values)
    if block.whole:
        return Places((1, 1), values[None])
    assert block.encoder.grid is not None
    return Places(block.encoder.grid, block.encoder.placed(values), apart=True)


def _whitened(blocks: Sequence[Block], places: Sequence[Places], whitening: Whitening, target: Vector) -> list[Places]:
    """The places of all blocks after the whitening: together they sum to the (k,) vector `target` that was compared.

    Args:
        places: of each block before it, in a vector of length 1.
    """
    ends = np.cumsum([one.width for one in places])[:-1]
    means = np.split(whitening.mean.astype(np.float64), ends)
    directions = np.split(whitening.components.astype(np.float64), ends, axis=1)
    parts = [_mixed(*one) for one in zip(blocks, places, means, directions, strict=True)]
    return _summing_to(target, [Places(one.grid, part) for one, part in zip(places, parts, strict=True)])


def _mixed(block: Block, places: Places, mean: Vector, directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """(p, k) what the places give to each of k directions, (k, m) of which belong to their block."""
    parts = less_mean(block, places, mean).parts
    if not places.apart:
        return np.asarray(parts @ directions.T)
    return np.stack([(parts * _placed(block, places, one)).sum(1) for one in directions], axis=1)


def less_mean(block: Block, places: Places, mean: Vector) -> Places:
    """The places of the block of a vector less the (m,) mean of that block."""
    return places.less(_placed(block, places, mean) if places.apart else mean)


def _placed(block: Block, places: Places, values: Vector) -> NDArray[np.float64]:
    """(m,) values of a block whose places stand apart, as (p, m / p): those of each place."""
    return places.fitted_to(values).parts if block.encoder.grid is None else block.encoder.placed(values)


def _summing_to(target: Vector, places: Sequence[Places]) -> list[Places]:
    """The same, scaled to the length of the target; what else differs by rounding is spread evenly over all places."""
    total = np.sum([one.parts.sum(0) for one in places], axis=0)
    length = float(np.linalg.norm(total))
    scale = float(np.linalg.norm(target)) / length if length else 1.0
    rest = (target - scale * total) / sum(len(one.parts) for one in places)
    return [Places(one.grid, scale * one.parts + rest) for one in places]

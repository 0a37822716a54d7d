"""What an encoder of several parts learns from a collection: a compression of each.

side_by_side/<parts>/000001/
    mean-0.npy, components-0.npy, mean-1.npy …    the compressions, in the order of the parts
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import Corrupt
from engine.core.storage import load_array
from engine.core.store import Snapshot, Store
from engine.encoders.vectors.compression import Compression, fit_compression
from engine.encoders.vectors.joined import Rows, side_by_side

_CHANGED = 1.25  # a collection larger or smaller by this factor is fitted again

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class CompressedParts:
    """The compressions of all parts, the number of pictures they were fitted to, and the digest of the stored files."""

    compressions: tuple[Compression, ...]
    pictures: int
    digest: str

    def suits(self, pictures: int) -> bool:
        """Whether a collection of that many pictures is about as large as the one they were fitted to."""
        return self.pictures / _CHANGED <= pictures <= self.pictures * _CHANGED

    def __call__(self, parts: Sequence[Matrix], rows: Sequence[Rows] | None = None) -> Matrix:
        """The (n, dᵢ) vectors of all parts, compressed and side by side with equal shares: (n, d) of length 1.

        Args:
            rows: of each part that are taken, all by default; once they are short, as long ones would fill the memory.
        """
        short = [compression(part) for compression, part in zip(self.compressions, parts, strict=True)]
        if rows is not None:
            short = [part[own] for part, own in zip(short, rows, strict=True)]
        return side_by_side(short, (1 / len(short),) * len(short))


def parts_store(collection: Collection, name: str) -> Store:
    """The store of the compressions of the parts of that name, fitted to a collection."""
    return Store(collection.folder / "side_by_side" / name, format="compressed parts", version=1)


def stored_parts(place: Store) -> CompressedParts | None:
    """The stored compressions, None if none were fitted yet.

    Raises:
        Corrupt: they differ from what was stored.
    """
    try:
        snapshot = place.open()
        return None if snapshot is None else _read(snapshot)
    except Corrupt as error:
        raise Corrupt(error.message, way_out="Prepare the collection again: that fits the parts again.") from error


def fit_parts(place: Store, parts: Sequence[Matrix], pictures: int) -> CompressedParts:
    """Fit a compression to the vectors of each part, and store them all."""
    compressions = [fit_compression(part) for part in parts]

    def fill(folder: Path) -> None:
        for number, compression in enumerate(compressions):
            np.save(folder / f"mean-{number}.npy", compression.mean, allow_pickle=False)
            np.save(folder / f"components-{number}.npy", compression.components, allow_pickle=False)

    return _read(place.publish(fill, {"parts": len(parts), "pictures": pictures}))


def _read(snapshot: Snapshot) -> CompressedParts:
    def array(kind: str, number: int) -> Matrix:
        return load_array(snapshot.folder / f"{kind}-{number}.npy")

    numbers = range(int(snapshot.facts["parts"]))
    compressions = tuple(Compression(array("mean", number), array("components", number)) for number in numbers)
    return CompressedParts(compressions, int(snapshot.facts["pictures"]), snapshot.digest)

"""Encoders whose vectors of a collection derive from existing vectors, not from pixels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.collections.collection import Collection
from engine.collections.reading.safely import READING
from engine.core.errors import BenzerError, Corrupt
from engine.core.progress import Reporter
from engine.encoders.encoder import Encoder, EncoderInfo
from engine.encoders.vectors import store
from engine.encoders.vectors.store import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True)
class Derivation:
    """Derived vectors of a collection: for each id, the vectors that contain its own, and the row there.

    Attributes:
        rows: id to (vectors, row). width: d. without: why the other images have none, in one sentence.
    """

    rows: dict[int, tuple[Vectors, int]]
    width: int
    without: str


class Derived(Encoder):
    """An encoder without pixel input: `derive` gives a collection's vectors, `embed` those of other pictures."""

    @abstractmethod
    def derive(self, collection: Collection, name: str, reporter: Reporter) -> Derivation:
        """The collection's vectors under one embedding; their source vectors are computed first if missing."""

    @abstractmethod
    def embed(self, pictures: Sequence[Any], name: str) -> NDArray[np.float32]:
        """The (q, d) vectors of pictures, as `engine.encoders.vectors.batches.embed_pictures` takes them."""

    def encode(self, images: Tensor) -> Tensor:
        raise BenzerError(f"{self.info.title} has no latents: its vectors come from other vectors.")


def embed_derived(collection: Collection, encoder: Derived, names: Sequence[str], reporter: Reporter) -> dict[str, Any]:
    """Update the collection's vectors, one store per embedding; returns the same report as the pipeline."""
    images = collection.images()
    wanted = list(zip(images.ids.tolist(), images.hashes, strict=True))
    names_of = dict(zip(images.ids.tolist(), images.names, strict=True))
    fresh, left_out = 0, []
    for name in names:
        found = encoder.derive(collection, name, reporter)
        rows = [(id, hash, *found.rows[id]) for id, hash in wanted if id in found.rows]
        left_out = [(id, hash, found.without) for id, hash in wanted if id not in found.rows]
        if not _is_current(collection, encoder.info, name, [(id, hash) for id, hash, *_ in rows], left_out):
            store.publish(store.store(collection, encoder.info, name), rows, found.width, left_out)
            fresh = len(rows)
    reporter.update("Embedding", len(wanted), len(wanted), "pictures")
    reasons = [{"name": names_of[id], "reason": reason} for id, _, reason in left_out]
    return {"encoded": fresh, "kept": len(wanted) - fresh - len(reasons), "left_out": reasons}


def _is_current(
    collection: Collection,
    info: EncoderInfo,
    name: str,
    rows: list[tuple[int, str]],
    left_out: list[tuple[int, str, str]],
) -> bool:
    """Whether the stored vectors are intact and cover these images; their content follows from the fingerprint."""
    try:
        held = store.stored(collection, info, name)
        known = store.state(collection, info, name)
    except Corrupt:
        return False
    if held is None or held.reading < READING:
        return False
    if list(zip(held.ids.tolist(), held.hashes, strict=True)) != rows:
        return False
    return known.ready and len(known.left_out) == len(left_out)

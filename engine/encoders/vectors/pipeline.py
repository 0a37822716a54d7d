"""From pictures to stored vectors: decoding runs ahead in separate processes while batches are encoded.

Only images whose content has no vector yet are encoded, and every cheap embedding is computed from the same latents.
Finished vectors are published every few seconds, so that interrupted work resumes from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cluster.blocks import WorkerPool, worker_pool
from engine.collections.collection import Collection
from engine.collections.pixels import Decoded, decoded_differently
from engine.collections.reading.safely import READING
from engine.core.device import device
from engine.core.errors import Corrupt, NoVectors
from engine.core.progress import Reporter
from engine.encoders.encoder import Encoder, EncoderInfo
from engine.encoders.pooling import POOLINGS, embedding, unfinished
from engine.encoders.vectors import store
from engine.encoders.vectors.batches import Encoded, encoded
from engine.encoders.vectors.derived import Derived, embed_derived
from engine.encoders.vectors.on_cluster import encoded_on
from engine.encoders.vectors.store import Vectors

FLATTEN_UP_TO = 256 * 2**20  # bytes of flattened vectors that are stored unrequested
_PUBLISH_EVERY = 10.0  # seconds, or longer if publishing itself is slow
_PUBLISH_SHARE = 20  # publish at most this fraction of the time: 1/20
_HELD_AT_MOST = 512 * 2**20  # bytes of finished vectors buffered in memory: flattened ones are large


def embed_collection(
    collection: Collection, encoder: Encoder, embeddings: Sequence[str], reporter: Reporter
) -> dict[str, Any]:
    """Update the collection's vectors; returns how many images were encoded, kept and left out, and the rate.

    An encoder that learns from the collection is fitted first; reopen it afterwards to access its vectors.

    Raises:
        BadParameter: no such embedding. Stopped: on request; finished vectors are kept. StorageFull: likewise.
    """
    for name in embeddings:
        embedding(name)
    encoder = encoder.prepared(collection, reporter)
    plain = list(dict.fromkeys(map(unfinished, embeddings)))
    if isinstance(encoder, Derived):
        done = embed_derived(collection, encoder, plain, reporter)
    else:
        done = _embed_pixels(collection, encoder, plain, reporter)
    for name in set(embeddings) - set(plain):
        store.finish(collection, encoder.info, name)
    return done


def vectors_of(collection: Collection, encoder: Encoder, name: str, reporter: Reporter) -> Vectors:
    """The (n, d) vectors of a collection under one embedding; missing or stale ones are computed first.

    Raises:
        NoVectors: there are no images, or none could be encoded. Otherwise as `embed_collection`.
    """
    encoder = encoder.prepared(collection, reporter)
    if not store.state(collection, encoder.info, name).ready:
        embed_collection(collection, encoder, [name], reporter)
    vectors = store.stored(collection, encoder.info, name)
    if vectors is None:
        raise NoVectors(f"No picture of {collection.title} could be prepared with {encoder.info.title}.")
    return vectors


def _embed_pixels(
    collection: Collection, encoder: Encoder, embeddings: Sequence[str], reporter: Reporter
) -> dict[str, Any]:
    work = EmbeddingRun.begin(collection, encoder, embeddings)
    spread_over = worker_pool() if work.todo else None
    began = time.monotonic()

    def tell() -> None:
        reporter.update("Embedding", work.done, len(work.hashes), "pictures")

    try:
        with closing(work.encoded_on(spread_over, tell) if spread_over else work.encoded_here(encoder)) as made:
            for ids, vectors in made:
                work.take(ids, vectors)
                tell()
                work.publish_sometimes()
    finally:
        work.publish()
    work.close()
    reporter.update("Embedding", len(work.hashes), len(work.hashes), "pictures")
    seconds = time.monotonic() - began
    return {
        "encoded": work.encoded,
        "kept": work.kept,
        "left_out": [{"name": work.image_names[id], "reason": reason} for id, reason in work.left_out.items()],
        "images_per_second": round(work.encoded / seconds, 1),
        "device": spread_over.title if spread_over else device().title,
    }


@dataclass
class EmbeddingRun:
    """A run of the pipeline: requested, stored, and new vectors since the last publish."""

    collection: Collection
    info: EncoderInfo
    hashes: dict[int, str]  # the collection's images: id to content hash
    image_names: dict[int, str]
    names: list[str]  # the computed embeddings
    known: dict[str, dict[str, tuple[Vectors, int]]]  # embedding → content hash → location of its vector
    todo: list[int]
    fresh: dict[str, list[NDArray[np.float32]]]
    changed: bool  # whether the stored vectors differ from the target
    fresh_ids: list[int] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)
    encoded: int = 0
    last: float = field(default_factory=time.monotonic)
    cost: float = 0.0
    reasons: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(cls, collection: Collection, encoder: Encoder, asked: Sequence[str]) -> EmbeddingRun:
        images = collection.images()
        hashes = dict(zip(images.ids.tolist(), images.hashes, strict=True))
        names = embeddings_for(encoder, len(hashes), asked)
        held = {name: _readable(collection, encoder.info, name) for name in names}
        stale = _stale(collection, held)
        known = {name: _known(found, stale) for name, found in held.items()}
        covered = set.intersection(*(set(found) for found in known.values()))
        first: dict[str, int] = {}  # equal contents are encoded once
        for id, hash in hashes.items():
            first.setdefault(hash, id)
        todo = [id for hash, id in first.items() if hash not in covered]
        image_names = dict(zip(images.ids.tolist(), images.names, strict=True))
        fresh: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
        wanted = sorted(hashes.items())
        changed = any(found is None or _rows(found) != wanted or found.reading < READING for found in held.values())
        return cls(collection, encoder.info, hashes, image_names, names, known, todo, fresh, changed)

    @property
    def kept(self) -> int:
        return len(self.hashes) - len(self.todo)

    @property
    def done(self) -> int:
        return self.kept + self.encoded + len(self.left_out)

    def encoded_here(self, encoder: Encoder) -> Generator[Encoded]:
        """Decode and encode missing images on this computer; pictures that can no longer be decoded are recorded."""
        if not self.todo:
            return
        source = Decoded(self.collection, self.todo, self.info.input_size)
        yield from encoded(encoder, source, self.names)
        self._note(source.failures)

    def encoded_on(self, worker_pool: WorkerPool, tick: Callable[[], None]) -> Generator[Encoded]:
        """The same, block by block on a worker pool."""
        source = Decoded(self.collection, self.todo, self.info.input_size)
        for ids, vectors, failures in encoded_on(
            worker_pool, self.collection.folder, self.info, source, self.names, tick
        ):
            self._note(failures)
            if len(ids):
                yield ids, vectors

    def _note(self, failures: Iterable[Any]) -> None:
        for reject in failures:
            self.reasons[reject.path] = reject.message

    def take(self, ids: NDArray[np.int64], vectors: dict[str, NDArray[np.float32]]) -> None:
        """Collect the vectors of a batch; images with non-finite vectors are left out."""
        finite = np.logical_and.reduce([np.isfinite(found).all(1) for found in vectors.values()])
        for id in ids[~finite].tolist():
            self.left_out[id] = "The encoder gave values that are not numbers."
        for name in self.names:
            self.fresh[name].append(vectors[name][finite])
        self.fresh_ids += ids[finite].tolist()
        self.encoded += int(finite.sum())
        self.changed = True

    def publish_sometimes(self) -> None:
        waited = time.monotonic() - self.last > max(_PUBLISH_EVERY, _PUBLISH_SHARE * self.cost)
        held = sum(part.nbytes for parts in self.fresh.values() for part in parts)
        if waited or held > _HELD_AT_MOST:
            self.publish()

    def publish(self) -> None:
        """Store all finished vectors, for every embedding."""
        if not self.changed:
            return
        began = time.monotonic()
        for name in self.names:
            self._publish_one(name)
        self.fresh_ids, self.changed = [], False
        self.last = time.monotonic()
        self.cost = self.last - began

    def _publish_one(self, name: str) -> None:
        found = dict(self.known[name])
        if self.fresh_ids:
            matrix = np.concatenate(self.fresh[name])
            new = Vectors(np.array(self.fresh_ids), [], matrix, "")
            found |= {self.hashes[id]: (new, row) for row, id in enumerate(self.fresh_ids)}
        rows = [(id, hash, *found[hash]) for id, hash in sorted(self.hashes.items()) if hash in found]
        width = rows[0][2].matrix.shape[1] if rows else 0
        left_out = [(id, self.hashes[id], reason) for id, reason in self.left_out.items()]
        place = store.store(self.collection, self.info, name)
        self.known[name] = _known(store.publish(place, rows, width, left_out))
        self.fresh[name] = []

    def close(self) -> None:
        """Record requested images that never arrived, and every duplicate of the images left out."""
        have = set(self.known[self.names[0]])
        for id, hash in self.hashes.items():
            if hash not in have and id not in self.left_out:
                self.left_out[id] = self.reasons.get(self.image_names[id], "Its file can no longer be read.")
                self.changed = True
        self.publish()


def embeddings_for(encoder: Encoder, count: int, asked: Sequence[str]) -> list[str]:
    """The embeddings of one pass: the requested ones, all pooled ones, and flatten if small enough."""
    if not encoder.info.spatial:
        return ["flatten"]
    names = {name for name, kind in POOLINGS.items() if kind.pooled} | set(asked)
    import torch

    side = encoder.info.input_size
    if "flatten" not in names:
        latents = encoder.encode(torch.zeros(1, 3, side, side))
        if count * latents[0].numel() * 4 <= FLATTEN_UP_TO:
            names.add("flatten")
    return [name for name in POOLINGS if name in names]


def _readable(collection: Collection, info: EncoderInfo, name: str) -> Vectors | None:
    """The stored vectors; damaged ones count as absent, so that embedding repairs them."""
    try:
        return store.stored(collection, info, name)
    except Corrupt:
        return None


def _rows(vectors: Vectors) -> list[tuple[int, str]]:
    return list(zip(vectors.ids.tolist(), vectors.hashes, strict=True))


def _known(known: Vectors | None, stale: Set[str] = frozenset()) -> dict[str, tuple[Vectors, int]]:
    if known is None:
        return {}
    return {hash: (known, row) for row, hash in enumerate(known.hashes) if hash not in stale}


def _stale(collection: Collection, held: dict[str, Vectors | None]) -> set[str]:
    """The content hashes of pictures that an earlier version of the reader decoded differently."""
    is_former = any(found is not None and found.reading < READING for found in held.values())
    return decoded_differently(collection) if is_former else set()

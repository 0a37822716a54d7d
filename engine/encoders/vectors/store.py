"""The vectors of a collection on disk: one store for each encoder, weights, precision and embedding.

    vectors/<encoder>-<embedding>-<hash>/000007/
        ids.npy      (n,) int64, ascending
        hashes.npy   (n,) the content hash of each image, as ASCII
        matrix.npy   (n, d) float32
        mean.npy, components.npy   only where the vectors are whitened: what does it to a query's vector

A generation may hold only a part of the collection: work that was cut off goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import Corrupt
from engine.core.storage import Snapshot, Store, digest_of, load_array
from engine.encoders.encoder import EncoderInfo
from engine.encoders.pooling import POOLINGS, WHITE, embedding, unwhitened
from engine.encoders.vectors.whitening import Whitening, fit_whitening

VERSION = 1
_SMALL = ("ids.npy", "hashes.npy")
_COPIED_AT_ONCE = 2**24  # values: 64 MB, however long the vectors are


@dataclass(frozen=True)
class Vectors:
    """Vectors of one generation: ids (n,), content hashes, a memory-mapped (n, d) float32 matrix, and their digest.

    `whitening` is what was done to them and must be done to a query's vector, None where nothing was.
    """

    ids: NDArray[np.int64]
    hashes: list[str]
    matrix: NDArray[np.float32]
    digest: str
    whitening: Whitening | None = None


@dataclass(frozen=True)
class VectorState:
    """How vectors and collection agree.

    Attributes:
        missing: images without a vector. stale: vectors of images that changed or are gone. total: images.
        left_out: images that could not be embedded when it was last tried: name and reason of each.
    """

    missing: int
    stale: int
    total: int
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def ready(self) -> bool:
        return not self.missing and not self.stale


def store(collection: Collection, info: EncoderInfo, name: str) -> Store:
    """Where the vectors of this encoder and embedding are kept."""
    embedding(name)
    plain = unwhitened(name)  # without positions, all embeddings are the same vector
    kind = name if info.spatial else "vector" + name.removeprefix(plain)
    key = digest_of(info.name, info.fingerprint, info.input_size, kind)
    return Store(collection.folder / "vectors" / f"{info.name}-{kind}-{key}", format="vectors", version=VERSION)


def discard(collection: Collection, encoder: str) -> None:
    """Delete all vectors of the encoder of that name, whatever its weights."""
    kinds = "|".join(["vector", *POOLINGS])
    made = re.compile(rf"{re.escape(encoder)}-({kinds})({WHITE})?-[0-9a-f]+")
    for folder in (collection.folder / "vectors").glob(f"{encoder}-*"):
        if made.fullmatch(folder.name):
            Store(folder, format="vectors", version=VERSION).discard()


def stored(collection: Collection, info: EncoderInfo, name: str) -> Vectors | None:
    """The vectors that are there, every checksum verified, or None. They may be partial or stale: see `state`.

    Raises:
        BadParameter: no such embedding. Corrupt: a file differs from what was stored; the message names it.
    """
    with _repair_named():
        snapshot = store(collection, info, name).open()
    return None if snapshot is None else opened(snapshot)


def state(collection: Collection, info: EncoderInfo, name: str) -> VectorState:
    """How far the stored vectors agree with the collection as it is now; reads ids and hashes, not the vectors."""
    images = collection.images()
    total = len(images.ids)
    with _repair_named():
        snapshot = store(collection, info, name).open(only=_SMALL)
    if snapshot is None:
        return VectorState(total, 0, total)
    now = set(zip(images.ids.tolist(), images.hashes, strict=True))
    held = set(_held(snapshot.folder))
    left_out = {(int(id), hash): reason for id, hash, reason in snapshot.facts["left_out"]}
    names = dict(zip(images.ids.tolist(), images.names, strict=True))
    reasons = tuple((names[id], reason) for (id, hash), reason in left_out.items() if (id, hash) in now)
    return VectorState(len(now - held - set(left_out)), len(held - now), total, reasons)


@contextmanager
def _repair_named() -> Iterator[None]:
    """Add the way out to what is said of damaged vectors: embedding again makes the damaged ones anew."""
    try:
        yield
    except Corrupt as error:
        raise Corrupt(error.message, way_out="Embed the collection again: python -m engine embed does it.") from error


def opened(snapshot: Snapshot) -> Vectors:
    """The vectors of a snapshot."""
    ids, hashes = _small(snapshot.folder)
    path = snapshot.folder / "matrix.npy"
    matrix = load_array(path, mmap_mode="r" if len(ids) else None)  # nothing cannot be mapped
    return Vectors(ids, hashes, matrix, snapshot.digest, _whitening(snapshot.folder))


def publish(
    place: Store,
    rows: Sequence[tuple[int, str, Vectors, int]],
    dimensions: int,
    left_out: Sequence[tuple[int, str, str]],
    whitening: Whitening | None = None,
    source: str = "",
) -> Vectors:
    """Store a new generation: each row is (id, hash, the vectors it stands in, its row there), by ascending id.

    Whitened vectors come with what was done to them, and with the digest of those they come from, `source`.

    Raises:
        StorageFull: the disk refused; the former generation is still there.
    """

    def fill(folder: Path) -> None:
        np.save(folder / "ids.npy", np.array([id for id, *_ in rows], dtype=np.int64), allow_pickle=False)
        hashes = np.array([hash.encode() for _, hash, *_ in rows], dtype="S64")
        np.save(folder / "hashes.npy", hashes, allow_pickle=False)
        _write_matrix(folder / "matrix.npy", rows, dimensions)
        if whitening is not None:
            np.save(folder / "mean.npy", whitening.mean, allow_pickle=False)
            np.save(folder / "components.npy", whitening.components, allow_pickle=False)

    facts = {"left_out": [list(line) for line in left_out]} | ({"source": source} if source else {})
    return opened(place.publish(fill, facts))


def whiten(collection: Collection, info: EncoderInfo, name: str) -> Vectors | None:
    """Bring the whitened vectors of `name` up to date with those they come from; None while there are none of these.

    Raises:
        BadParameter: too few vectors, or all alike. StorageFull: the former ones are still there.
    """
    plain, place = store(collection, info, unwhitened(name)), store(collection, info, name)
    snapshot = plain.open()
    if snapshot is None:
        return None
    base, former = opened(snapshot), _readable(place)
    if former is not None and former.facts.get("source") == base.digest:
        return opened(former)
    whitening = fit_whitening(base.matrix)
    white = Vectors(base.ids, base.hashes, whitening(base.matrix), "")
    rows = [(id, hash, white, row) for row, (id, hash) in enumerate(zip(base.ids.tolist(), base.hashes, strict=True))]
    width = len(whitening.components)
    return publish(place, rows, width, snapshot.facts["left_out"], whitening, base.digest)


def _readable(place: Store) -> Snapshot | None:
    try:
        return place.open()
    except Corrupt:
        return None


def _whitening(folder: Path) -> Whitening | None:
    if not (folder / "components.npy").exists():
        return None
    return Whitening(load_array(folder / "mean.npy"), load_array(folder / "components.npy"))


def _write_matrix(path: Path, rows: Sequence[tuple[int, str, Vectors, int]], dimensions: int) -> None:
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(rows), dimensions)}
        np.lib.format.write_array_header_1_0(file, header)
        most = max(1, _COPIED_AT_ONCE // max(1, dimensions))
        for start in range(0, len(rows), most):
            block = [source.matrix[row] for _, _, source, row in rows[start : start + most]]
            file.write(np.stack(block).astype("<f4", copy=False).data)


def _small(folder: Path) -> tuple[NDArray[np.int64], list[str]]:
    ids = load_array(folder / "ids.npy")
    hashes = load_array(folder / "hashes.npy")
    return ids, [hash.decode() for hash in hashes.tolist()]


def _held(folder: Path) -> list[tuple[int, str]]:
    ids, hashes = _small(folder)
    return list(zip(ids.tolist(), hashes, strict=True))

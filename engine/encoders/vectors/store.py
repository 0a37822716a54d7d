"""The vectors of a collection on disk: one store for each encoder, weights, precision and embedding.

    vectors/<encoder>-<embedding>-<hash>/000007/
        ids.npy      (n,) int64, ascending
        hashes.npy   (n,) the content hash of each image, as ASCII
        matrix.npy   (n, d) float32
        mean.npy, components.npy   of whitened vectors, mean.npy of centred ones: to apply the same to a query's
        vector; augmented ones need their source vectors

A generation may cover only a part of the collection: interrupted work resumes from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection, Images
from engine.collections.pixels import decoded_differently
from engine.collections.reading.safely import READING
from engine.core.cache import Cache, catalogue_stamp
from engine.core.errors import Corrupt
from engine.core.storage import digest_of, load_array
from engine.core.store import Snapshot, Store
from engine.encoders.encoder import EncoderInfo
from engine.encoders.pooling import AUGMENTED, POOLINGS, ROOT, WHITE, embedding, made_from, unfinished
from engine.encoders.vectors.augmentation import Augmentation
from engine.encoders.vectors.centring import Centring, fit_centring
from engine.encoders.vectors.whitening import Whitening, fit_whitening

VERSION = 1
_SMALL = ("ids.npy", "hashes.npy")
Finish = Callable[[NDArray[np.float32]], NDArray[np.float32]]  # (n, d) vectors of an encoder to (n, k)
_READ_FOR_STATE = 1000  # pictures that `state` may read again, in a second or two
_differently: Cache[set[str]] = Cache(8)  # content hashes, by the state of a collection
_COPIED_AT_ONCE = 2**24  # values: 64 MB for any vector width


@dataclass(frozen=True)
class Vectors:
    """Vectors of one generation: ids (n,), content hashes, a memory-mapped (n, d) float32 matrix, and their digest.

    `finish` is their post-processing, to be applied to a query's vector as well, None without any; `reading` is the
    version of the picture reader that they were computed with.
    """

    ids: NDArray[np.int64]
    hashes: list[str]
    matrix: NDArray[np.float32]
    digest: str
    finish: Finish | None = None
    reading: int = READING

    @cached_property
    def contents(self) -> NDArray[np.bytes_]:
        """(n,) the content hashes as an array of 64 bytes each."""
        return np.array([hash.encode() for hash in self.hashes], dtype="S64")


@dataclass(frozen=True)
class VectorState:
    """How far vectors match their collection.

    Attributes:
        missing: images without a vector. stale: vectors of changed or removed images. total: images.
        left_out: images that could not be embedded in the last attempt, each with name and reason.
        outdated: whether an earlier version of the reader may have decoded some pictures differently; in a large
            collection, which ones is only known after reading them again.
    """

    missing: int
    stale: int
    total: int
    left_out: tuple[tuple[str, str], ...] = ()
    outdated: bool = False

    @property
    def ready(self) -> bool:
        """Whether every usable image has its vector."""
        return not (self.missing or self.stale or self.outdated)


def store(collection: Collection, info: EncoderInfo, name: str) -> Store:
    """The store of the vectors of this encoder and embedding."""
    embedding(name)
    plain = unfinished(name)  # without positions, all embeddings are the same vector
    kind = name if info.spatial else "vector" + name.removeprefix(plain)
    key = digest_of(info.name, info.fingerprint, info.input_size, kind)
    return Store(collection.folder / "vectors" / f"{info.name}-{kind}-{key}", format="vectors", version=VERSION)


def discard(collection: Collection, encoder: str) -> None:
    """Delete all vectors of the encoder of that name, for all of its weights."""
    kinds = "|".join(["vector", *POOLINGS])
    made = re.compile(rf"{re.escape(encoder)}-({kinds})({WHITE}|{ROOT})?({AUGMENTED})?-[0-9a-f]+")
    for folder in (collection.folder / "vectors").glob(f"{encoder}-*"):
        if made.fullmatch(folder.name):
            Store(folder, format="vectors", version=VERSION).discard()


def stored(collection: Collection, info: EncoderInfo, name: str) -> Vectors | None:
    """The stored vectors with every checksum verified, or None. They may be partial or stale: see `state`.

    Raises:
        BadParameter: no such embedding. Corrupt: a file differs from what was stored; the message names it.
    """
    with _repair_named():
        snapshot = store(collection, info, name).open()
        if snapshot is None:
            return None
        return replace(opened(snapshot), finish=_finish(collection, info, name, snapshot))


def state(collection: Collection, info: EncoderInfo, name: str) -> VectorState:
    """How far the stored vectors match the collection's current content; reads ids and hashes, not the vectors."""
    images = collection.images()
    total = len(images.ids)
    with _repair_named():
        snapshot = store(collection, info, name).open(only=_SMALL)
    if snapshot is None:
        return VectorState(total, 0, total)
    ids, contents = (load_array(snapshot.folder / file) for file in _SMALL)
    fresh = images.holds(ids, contents)
    read_by_earlier_version = snapshot.facts.get("reading", 1) < READING
    outdated = read_by_earlier_version and total > _READ_FOR_STATE
    if read_by_earlier_version and not outdated:
        changed = sorted(hash.encode() for hash in _decoded_differently(collection))
        kept = ~np.isin(contents, np.array(changed, dtype=contents.dtype))
        ids, fresh = ids[kept], fresh[kept]
    left_out = _still_left_out(images, snapshot.facts["left_out"])
    impossible = len(left_out) - int(np.isin(list(left_out), ids[fresh]).sum())
    missing, stale = total - int(fresh.sum()) - impossible, int((~fresh).sum())
    return VectorState(missing, stale, total, tuple(left_out.values()), outdated)


def _still_left_out(images: Images, entries: Sequence[tuple[int, str, str]]) -> dict[int, tuple[str, str]]:
    """Name and reason of the pictures that could not be embedded and have not changed since, by id."""
    rows = [(images.row(int(id)), hash, reason) for id, hash, reason in entries]
    return {
        int(images.ids[row]): (images.names[row], reason)
        for row, hash, reason in rows
        if row is not None and images.hashes[row] == hash
    }


def _decoded_differently(collection: Collection) -> set[str]:
    key = (collection.folder, catalogue_stamp(collection.folder))
    return _differently.get(key, lambda: decoded_differently(collection))


@contextmanager
def _repair_named() -> Iterator[None]:
    """Add the remedy to errors about damaged vectors: embedding again recomputes them."""
    try:
        yield
    except Corrupt as error:
        raise Corrupt(error.message, way_out="Prepare the collection again: python -m engine embed does it.") from error


def opened(snapshot: Snapshot) -> Vectors:
    """The vectors of a snapshot."""
    ids, hashes = _small(snapshot.folder)
    path = snapshot.folder / "matrix.npy"
    matrix = load_array(path, mmap_mode="r" if len(ids) else None)  # an empty file cannot be mapped
    return Vectors(ids, hashes, matrix, snapshot.digest, reading=int(snapshot.facts.get("reading", 1)))


def publish(
    place: Store,
    rows: Sequence[tuple[int, str, Vectors, int]],
    dimensions: int,
    left_out: Sequence[tuple[int, str, str]],
    learned: Mapping[str, NDArray[np.float32]] | None = None,
    source: str = "",
) -> Vectors:
    """Store a new generation: each row is (id, hash, source vectors, row there), by ascending id.

    Post-processed vectors come with their `learned` arrays, by file, and the digest of their `source` vectors.

    Raises:
        StorageFull: the disk refused; the previous generation is kept.
    """

    def fill(folder: Path) -> None:
        np.save(folder / "ids.npy", np.array([id for id, *_ in rows], dtype=np.int64), allow_pickle=False)
        hashes = np.array([hash.encode() for _, hash, *_ in rows], dtype="S64")
        np.save(folder / "hashes.npy", hashes, allow_pickle=False)
        _write_matrix(folder / "matrix.npy", rows, dimensions)
        for file, array in (learned or {}).items():
            np.save(folder / file, array, allow_pickle=False)

    facts: dict[str, Any] = {"left_out": [list(line) for line in left_out], "reading": READING}
    facts |= {"source": source} if source else {}
    return opened(place.publish(fill, facts))


def finish(collection: Collection, info: EncoderInfo, name: str) -> Vectors | None:
    """Update the post-processed vectors of `name` from their source vectors; None without source vectors.

    Raises:
        BadParameter: too few vectors to whiten, or all equal. StorageFull: the previous vectors are kept.
    """
    if made_from(made_from(name)) != made_from(name):
        finish(collection, info, made_from(name))
    before, place = store(collection, info, made_from(name)), store(collection, info, name)
    snapshot = before.open()
    if snapshot is None:
        return None
    base = opened(snapshot)
    if (former := place.intact(source=base.digest)) is not None:
        return opened(former)
    matrix, learned = _finished(base.matrix, name)
    made = Vectors(base.ids, base.hashes, matrix, "")
    rows = [(id, hash, made, row) for row, (id, hash) in enumerate(zip(base.ids.tolist(), base.hashes, strict=True))]
    return publish(place, rows, matrix.shape[1], snapshot.facts["left_out"], learned, base.digest)


def _finished(vectors: NDArray[np.float32], name: str) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """The vectors after the last post-processing step in the name, and the arrays learned for it."""
    if name.endswith(AUGMENTED):
        return Augmentation(vectors).collection(), {}
    if name.endswith(ROOT):
        centring = fit_centring(vectors)
        return centring(vectors), {"mean.npy": centring.mean}
    whitening = fit_whitening(vectors)
    return whitening(vectors), {"mean.npy": whitening.mean, "components.npy": whitening.components}


def _finish(collection: Collection, info: EncoderInfo, name: str, snapshot: Snapshot) -> Finish | None:
    """The function that applies the stored vectors' post-processing to a query's vector."""
    if name.endswith(AUGMENTED):
        return _augmented(collection, info, made_from(name), snapshot.facts.get("source"))
    if name.endswith(ROOT):
        return Centring(load_array(snapshot.folder / "mean.npy"))
    if name.endswith(WHITE):
        return Whitening(load_array(snapshot.folder / "mean.npy"), load_array(snapshot.folder / "components.npy"))
    return None


def _augmented(collection: Collection, info: EncoderInfo, base: str, source: str | None) -> Finish:
    found = stored(collection, info, base)
    if found is None or found.digest != source:
        raise Corrupt(f"The vectors averaged with neighbours no longer fit those they were made from ({base}).")
    first, then = found.finish, Augmentation(found.matrix)
    return then if first is None else lambda vectors: then(first(vectors))


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

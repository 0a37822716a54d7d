"""Decoded images: as a stream for embedding, and as a memory-mapped store for training."""

from __future__ import annotations

import copy
import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.reading import workers
from engine.collections.reading.safely import READING
from engine.collections.reading.worker_tasks import Failure, FileRef, decode, differs, whole_files
from engine.collections.report import Reject
from engine.core.errors import NotFound, StorageFull
from engine.core.humanize import file_size
from engine.core.progress import Reporter
from engine.core.settings import check_whole, is_whole
from engine.core.storage import load_array
from engine.core.store import Snapshot, Store

MAX_SIDE = 1024
CHUNK = 32
SIZES_KEPT = 3  # of decoded pictures: 1,500 of them at 224 pixels are 226 MB


class Decoded:
    """Iterates over (ids (b,), pixels (b, size, size, 3) uint8) in the given order, decoded in worker processes.

    Attributes:
        failures: files that can no longer be decoded, although they could at the import; they are left out.
    """

    def __init__(self, collection: Collection, ids: Sequence[int] | NDArray[np.int64], size: int) -> None:
        self.size = checked_side(size)
        self.failures: list[Reject] = []
        self._collection = collection
        self._ids = [int(id) for id in ids]
        rows = {row.id: row for row in collection.rows("image")}
        unknown = [id for id in self._ids if id not in rows]
        if unknown:
            raise NotFound(f"There is no picture {unknown[0]} in the collection {collection.title!r}.")
        self._rows = [rows[id] for id in self._ids]
        self._at_once: int | None = None  # processes that decode; None: one for each core

    @property
    def folders(self) -> list[Path]:
        """The folders that a process must be able to read to decode the pictures."""
        return sorted({self._collection.root_of(row) for row in self._rows})

    def parts(self, count: int) -> Iterator[Decoded]:
        """The same pictures in parts of at most `count`, each decoded by one process, possibly on another machine."""
        for start in range(0, len(self._rows), count):
            part = copy.copy(self)
            part.failures, part._at_once = [], 1
            part._ids, part._rows = self._ids[start : start + count], self._rows[start : start + count]
            yield part

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        self.failures.clear()
        self._collection.check_unmoved()
        files = [_file(self._collection, row) for row in self._rows]
        decoding = workers.run(decode, files, self.size, chunk=CHUNK, workers=self._at_once)
        results = zip(self._rows, decoding, strict=True)
        while chunk := list(itertools.islice(results, CHUNK)):
            good = [(row.id, result) for row, (_, result) in chunk if not isinstance(result, Failure)]
            self.failures += [
                Reject(row.name, result.stage, result.code, result.message)
                for row, (_, result) in chunk
                if isinstance(result, Failure)
            ]
            if good:
                yield np.array([id for id, _ in good], dtype=np.int64), np.stack([pixels for _, pixels in good])


def _file(collection: Collection, row: ImageRow) -> FileRef:
    return FileRef(str(collection.path_of(row)), str(collection.root_of(row)), row.hash)


def whole_pictures(
    collection: Collection, ids: Sequence[int] | NDArray[np.int64], side: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(id, (h, w, 3) uint8) of pictures in their own shape, of at most `side` pixels a side, in the given order.

    Decoded in worker processes; those that can no longer be decoded are left out.
    """
    rows = {row.id: row for row in collection.rows("image")}
    wanted = [rows[id] for id in map(int, ids) if id in rows]
    files = [_file(collection, row) for row in wanted]
    for row, (_, result) in zip(wanted, workers.run(whole_files, files, side, chunk=CHUNK), strict=True):
        if not isinstance(result, Failure):
            yield row.id, result


def decoded_differently(collection: Collection) -> set[str]:
    """The content hashes of pictures that the first version of the reader may have decoded differently.

    What was derived from these pictures then is outdated.
    """
    rows = collection.rows("image")
    files = [FileRef(str(collection.path_of(row)), str(collection.root_of(row))) for row in rows]
    found = workers.run(differs, files, chunk=CHUNK)
    return {row.hash for row, (_, result) in zip(rows, found, strict=True) if result is True}


def checked_side(size: int) -> int:
    """The side in pixels, a whole number from 1 to MAX_SIDE, else BadParameter."""
    return check_whole("size", "decoded pictures", int(size) if is_whole(size) else size, 1, MAX_SIDE)


def decoded_pixels(
    collection: Collection, size: int, reporter: Reporter
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Every readable image of the collection at (size, size, 3): ids (n,) and memory-mapped (n, size, size, 3) uint8.

    Decoded once; later calls decode only new and changed images, or everything if a stored file is damaged. The three
    most recent sizes are kept.

    Raises:
        StorageFull: not enough space on the disk.
    """
    store = Store(collection.folder / "pixels" / str(checked_side(size)), format="pixels", version=1)
    snapshot = store.intact()
    images = collection.images()
    wanted = dict(zip(images.ids.tolist(), images.hashes, strict=True))
    is_former = snapshot is not None and snapshot.facts.get("reading", 1) < READING
    stale = decoded_differently(collection) if is_former else set()
    if snapshot is None or stale or _holds(snapshot) != wanted:
        _check_space(store.folder, len(wanted) * size * size * 3)
        snapshot = _made(store, snapshot, collection, wanted, stale, size, reporter)
        _forget_oldest(store.folder.parent)
    return _mapped(snapshot, size)


def _forget_oldest(folder: Path) -> None:
    """Keep the sizes that were made last; a training that still reads an older one keeps its open file."""
    stores = [path for path in folder.iterdir() if (path / "current.json").exists()]
    stores.sort(key=lambda path: (path / "current.json").stat().st_mtime, reverse=True)
    for path in stores[SIZES_KEPT:]:
        shutil.rmtree(path, ignore_errors=True)


def _holds(snapshot: Snapshot) -> dict[int, str]:
    """What the store was made from, files that could not be decoded included: id to hash."""
    return {int(id): hash for id, hash in snapshot.facts["images"]}


def _mapped(snapshot: Snapshot, size: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    ids = load_array(snapshot.folder / "ids.npy")
    if not len(ids):
        return ids, np.empty((0, size, size, 3), np.uint8)
    return ids, np.memmap(snapshot.folder / "pixels.u8", np.uint8, mode="r", shape=(len(ids), size, size, 3))


def _made(
    store: Store,
    former: Snapshot | None,
    collection: Collection,
    wanted: dict[int, str],
    stale: set[str],
    size: int,
    reporter: Reporter,
) -> Snapshot:
    kept = {id: place for id, place in _kept(former, wanted).items() if wanted[id] not in stale}
    missing = [id for id in wanted if id not in kept]

    def fill(folder: Path) -> None:
        ids = list(kept)
        with open(folder / "pixels.u8", "wb") as file:
            if former is not None and kept:
                _, old = _mapped(former, size)
                for place in kept.values():
                    file.write(old[place].tobytes())
            for done, block in Decoded(collection, missing, size):
                file.write(block.tobytes())
                ids += done.tolist()
                reporter.update("Decoding pictures", len(ids), len(wanted), "pictures")
        np.save(folder / "ids.npy", np.array(ids, dtype=np.int64), allow_pickle=False)

    facts = {"size": size, "reading": READING, "images": [[id, hash] for id, hash in wanted.items()]}
    return store.publish(fill, facts)


def _kept(former: Snapshot | None, wanted: dict[int, str]) -> dict[int, int]:
    """Ids whose pixels are in the former store with the same content, and their place there."""
    if former is None:
        return {}
    known = _holds(former)
    ids = load_array(former.folder / "ids.npy").tolist()
    return {id: place for place, id in enumerate(ids) if id in wanted and known.get(id) == wanted[id]}


def _check_space(folder: Path, needed: int) -> None:
    there = next(parent for parent in folder.parents if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise StorageFull(
            f"The decoded pictures need {file_size(needed)}, and the disk has {file_size(free)} left.",
            way_out="Free some space and try again.",
        )

"""Files of vectors: .npy, .fvecs and .bvecs of the TEXMEX sets, .hdf5 of ann-benchmarks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter, MissingPackage, NotFound, Unreadable
from engine.core.memory import check_memory

Matrix = NDArray[np.float32]

_METRICS = {"euclidean": "euclidean", "angular": "cosine"}  # by their names in ann-benchmarks
_LARGE = 1 << 30  # bytes from which a file is looked at for holes
_MOST_HOLES = 16  # how many times its bytes on the disk a file may be long; disks that compress save less
_BLOCK = 2**24  # values checked or converted to single precision at a time


@dataclass(frozen=True)
class VectorFile:
    """Vectors (n, d), memory-mapped if the file allows it, and queries (q, d) and a metric if it has its own."""

    title: str
    vectors: Matrix
    queries: Matrix | None = None
    metric: str | None = None

    def asked_with(self, other: VectorFile) -> VectorFile:
        """With the vectors of another file as queries; BadParameter if the dimensions differ."""
        return replace(self, queries=_fitting(other.vectors, self.vectors, other.title))


def read_vectors(path: Path) -> VectorFile:
    """The vectors of a file, checked to be finite; bytes and integers are converted to single precision.

    Raises:
        NotFound: no such file. BadParameter: wrong kind of file, wrong shape, or NaN.
        Unreadable: truncated, or mostly holes.
        OutOfMemory: numbers that must be converted or unpacked do not fit into memory.
    """
    path = Path(path).expanduser()
    ending = path.suffix.lower()
    if ending not in READERS:
        raise BadParameter("file", "a benchmark", "one of " + ", ".join(READERS), path.name)
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    _check_stored(path)
    found = READERS[ending](path)
    vectors = _checked(found.vectors, path.name)
    return replace(found, vectors=vectors, queries=_fitting(found.queries, vectors, path.name))


def _check_stored(path: Path) -> None:
    """Unreadable for a large file that is mostly holes: reading terabytes of zeros would not end."""
    facts = path.stat()
    stored = 512 * getattr(facts, "st_blocks", facts.st_size)
    if facts.st_size > _LARGE and stored * _MOST_HOLES < facts.st_size:
        sizes = f"claims {facts.st_size / 2**30:,.0f} GB, and {stored / 2**30:,.1f} GB of them are on the disk"
        raise Unreadable(f"The file {path.name} {sizes}: the rest are holes.")


def _npy(path: Path) -> VectorFile:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError) as error:  # a header may name any size, or objects
        raise _cut_off(path, "a whole .npy file of numbers") from error
    if not isinstance(found, np.ndarray):
        raise BadParameter("file", "a benchmark", "a single array, not several", path.name)
    return VectorFile(path.stem, found)


def _fvecs(path: Path) -> VectorFile:
    return VectorFile(path.stem, _records(path, np.dtype("<f4")))


def _bvecs(path: Path) -> VectorFile:
    return VectorFile(path.stem, _records(path, np.dtype(np.uint8)))


def _records(path: Path, kind: np.dtype) -> NDArray[Any]:
    """(n, d) values of a file of records: a four-byte length, then that many values."""
    head = np.fromfile(path, "<i4", count=1)
    dimensions = int(head[0]) if len(head) else 0
    stride = 4 + dimensions * kind.itemsize
    if not 0 < dimensions <= 1_000_000 or path.stat().st_size % stride:
        raise _cut_off(path, f"a whole {path.suffix} file")
    record = np.dtype([("length", "<i4"), ("values", kind, (dimensions,))])
    found = np.memmap(path, record, mode="r")
    if (found["length"] != dimensions).any():
        raise BadParameter("vectors", path.name, "of equal length", f"{dimensions} and others")
    values: NDArray[Any] = found["values"]
    return values


def _hdf5(path: Path) -> VectorFile:
    try:
        import h5py
    except ImportError as error:
        raise MissingPackage("A file of ann-benchmarks", "h5py") from error
    try:
        with h5py.File(path, "r") as file:
            own = [_dataset(file, name, path) for name in ("train", "test")]
            distance = file.attrs.get("distance")
    except OSError as error:
        raise _cut_off(path, "a whole .hdf5 file") from error
    if own[0] is None:
        raise BadParameter("data sets", path.name, "train and, where it has queries, test", "others")
    text = distance.decode(errors="replace") if isinstance(distance, bytes) else distance
    if text is not None and not (isinstance(text, str) and text in _METRICS):
        raise BadParameter("distance", path.name, "one of " + ", ".join(_METRICS), text)
    return VectorFile(path.stem, own[0], own[1], _METRICS.get(text or ""))


def _dataset(file: Any, name: str, path: Path) -> NDArray[Any] | None:
    """An array of the file, memory-mapped if contiguous; links out of the file count as missing."""
    import h5py

    if not isinstance(file.get(name, getlink=True), h5py.HardLink) or not isinstance(file[name], h5py.Dataset):
        return None
    found = file[name]
    if found.dtype.kind not in "fiu" or found.external or found.is_virtual:
        raise BadParameter(name, path.name, "numbers stored in the file itself", found.dtype)
    _check_whole(found, name, path)
    begin = found.id.get_offset() if found.chunks is None else None
    if begin is not None and found.dtype == np.dtype("<f4") and found.ndim == 2 and found.size:
        return np.memmap(path, "<f4", mode="r", offset=begin, shape=found.shape)
    check_memory(found.dtype.itemsize * max(math.prod(found.shape), math.prod(found.chunks or ())), path.name)
    return np.asarray(found[()])


def _check_whole(found: Any, name: str, path: Path) -> None:
    """Unreadable if the file holds fewer values than it claims; HDF5 would fill up the rest with zeros."""
    if found.id.get_create_plist().get_nfilters():
        chunks = math.prod(-(-side // chunk) for side, chunk in zip(found.shape, found.chunks, strict=True))
        stored = found.id.get_num_chunks() >= chunks
    else:
        stored = found.id.get_storage_size() >= math.prod(found.shape) * found.dtype.itemsize
    if not stored:
        shape = " × ".join(f"{side:,}" for side in found.shape)
        raise Unreadable(f"The data set {name} of {path.name} claims {shape} values, which are not all in the file.")


READERS: dict[str, Callable[[Path], VectorFile]] = {
    ".npy": _npy,
    ".fvecs": _fvecs,
    ".bvecs": _bvecs,
    ".hdf5": _hdf5,
    ".h5": _hdf5,
}


def _fitting(queries: NDArray[Any] | None, vectors: Matrix, name: str) -> Matrix | None:
    if queries is None:
        return None
    checked = _checked(queries, f"the queries of {name}")
    if checked.shape[1] != vectors.shape[1]:
        raise BadParameter("length", "the queries", f"{vectors.shape[1]}, as of the vectors", checked.shape[1])
    return checked


def _checked(found: NDArray[Any], name: str) -> Matrix:
    """The array as C-contiguous (n, d) float32, without a copy if it is already; else BadParameter."""
    if found.dtype.kind not in "fiu":
        raise BadParameter("values", name, "numbers", found.dtype)
    if found.ndim != 2 or not found.size:
        raise BadParameter("shape", name, "(n, d) with at least one vector", found.shape)
    plain = found.dtype == np.float32 and found.flags.c_contiguous
    if not plain:
        check_memory(4 * found.size, name)
    values: Matrix = found if plain else np.empty(found.shape, np.float32)
    step = max(1, _BLOCK // found.shape[1])
    for start in range(0, len(found), step):
        rows = slice(start, start + step)
        if not plain:
            with np.errstate(over="ignore"):
                values[rows] = found[rows]
        good = np.isfinite(values[rows]).all(axis=1)
        if not good.all():
            raise BadParameter("values", name, "finite numbers", f"NaN or Inf in row {start + int(np.argmin(good))}")
    return values


def _cut_off(path: Path, wanted: str) -> Unreadable:
    return Unreadable(f"The file {path.name} is cut off or not {wanted}.")

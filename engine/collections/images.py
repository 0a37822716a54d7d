"""The usable images of a collection as columns, for whatever needs all of them at once."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.catalogue import Reading
from engine.core.spelling import folded

_COLUMNS = ("id", "hash", "label", "name", "text", "width", "height", "size")


@dataclass(frozen=True)
class Images:
    """The usable images in the order of their ids, as columns of equal length; read-only, as they are shared.

    Attributes:
        ids: (n,) int64.
        hashes: sha256 of each file's bytes, as hex.
        labels: "" for an image without a label.
        names, texts: for display.
        shapes: (n, 2) int32, upright width and height in pixels; 0 if unknown. sizes: (n,) int64, bytes of the files.
    """

    ids: NDArray[np.int64]
    hashes: list[str]
    labels: list[str]
    names: list[str]
    texts: list[str]
    shapes: NDArray[np.int32] = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, id: int | None) -> int | None:
        """The row of an image, None if it is not there."""
        return row_among(self.ids, id)

    def holds(self, ids: NDArray[np.int64], contents: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        """(m,) whether each of these (id, content hash) is that of an image."""
        if not len(self.ids):
            return np.zeros(len(ids), dtype=bool)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        found: NDArray[np.bool_] = (self.ids[rows] == ids) & (self.contents[rows] == contents)
        return found

    @cached_property
    def contents(self) -> NDArray[np.bytes_]:
        """(n,) the hashes as an array of 64 bytes each."""
        return np.array([hash.encode() for hash in self.hashes], dtype="S64")

    @cached_property
    def kinds(self) -> tuple[list[str], NDArray[np.int32]]:
        """The different labels, and (n,) the place of each image's among them."""
        places = {label: place for place, label in enumerate(dict.fromkeys(self.labels))}
        return list(places), np.array([places[label] for label in self.labels], dtype=np.int32)

    @cached_property
    def written(self) -> list[str]:
        """What is written of each image, folded for comparisons: its name, label and text."""
        return [folded(" ".join(parts)) for parts in zip(self.names, self.labels, self.texts, strict=True)]

    def labelled(self, label: str) -> NDArray[np.bool_]:
        """(n,) which images have that label."""
        names, codes = self.kinds
        found: NDArray[np.bool_] = codes == (names.index(label) if label in names else -1)
        return found

    def content_digest(self) -> str:
        """A digest over the content hashes: equal for every import of the same files, independent of their ids."""
        return self._content_digest

    @cached_property
    def _content_digest(self) -> str:
        return hashlib.sha256("\n".join(sorted(self.hashes)).encode()).hexdigest()


def images_of(reading: Reading) -> Images:
    """The usable images of a catalogue; equal labels and texts are one object, as there are few of them."""
    ids, hashes, labels, names, texts, widths, heights, sizes = reading.columns("image", _COLUMNS)
    return Images(
        np.array(ids, dtype=np.int64),
        hashes,
        _shared(labels),
        names,
        _shared(texts),
        np.array([widths, heights], dtype=np.int32).T.reshape(-1, 2),
        np.array(sizes, dtype=np.int64),
    )


def labels_of(images: Images) -> dict[str, int]:
    """The number of images by label, sorted by label; images without a label are left out."""
    return dict(sorted((label, count) for label, count in Counter(images.labels).items() if label))


def _shared(values: list[Any]) -> list[Any]:
    known: dict[Any, Any] = {}
    return [known.setdefault(value, value) for value in values]


def row_among(ids: NDArray[np.integer[Any]], id: int | None) -> int | None:
    """The place of an id among (n,) ascending ids, None if it is not among them.

    >>> row_among(np.array([3, 5, 9]), 5), row_among(np.array([3, 5, 9]), 6)
    (1, None)
    """
    if id is None:
        return None
    row = int(np.searchsorted(ids, id))
    return row if row < len(ids) and ids[row] == id else None

"""Prints, by which duplicates are found: each picture's perceptual hash and local features, from its thumbnail.

datasets/<collection>/indexes/prints/ holds them, one row for each content; only new pictures are read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.collection import Collection
from engine.core.progress import Reporter
from engine.core.storage import load_array, read_json, write_json
from engine.core.store import Snapshot, Store
from engine.core.threads import in_threads
from engine.duplicates.perceptual_hash import BYTES, ORIENTATIONS, SIDE, hashes

LONG_SIDE = 256  # pixels of the longer side of a picture when it is looked at and compared
FEATURES = 96  # strongest local features kept of each picture
_DESCRIPTOR = 32  # bytes
_AT_ONCE = 16  # pictures read over one connection
_FILES = ("hashes", "counts", "tones", "points", "descriptors")


@dataclass(frozen=True)
class Prints:
    """The prints of n different contents.

    Attributes:
        contents: n sha256 of files, ascending.
        hashes: (n, 8, BYTES) uint8, the perceptual hash in each orientation.
        counts: (n,) int32, the number of features, at most FEATURES.
        tones: (n, 2) float32, mean brightness and mean colourfulness, both from 0 to 255.
        points: (n, FEATURES, 2) float32, their positions, in pixels of the picture whose longer side is LONG_SIDE.
        descriptors: (n, FEATURES, 32) uint8, binary (ORB).
    """

    contents: list[str]
    hashes: NDArray[np.uint8]
    counts: NDArray[np.int32]
    tones: NDArray[np.float32]
    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.contents)

    def features(self, row: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """The positions of one picture's features, and their descriptors."""
        count = int(self.counts[row])
        return self.points[row, :count], self.descriptors[row, :count]


@dataclass(frozen=True)
class Look:
    """(h, w) brightness of a picture whose longer side is LONG_SIDE pixels, and the factor it was enlarged by."""

    brightness: NDArray[np.uint8]
    enlarged: float


def look_at(webp: bytes) -> Look:
    """A thumbnail in the form that is compared; thumbnails are never larger than their pictures."""
    return _look(Image.open(io.BytesIO(webp)))


def _look(picture: Image.Image) -> Look:
    grey = picture.convert("L")
    scale = LONG_SIDE / max(grey.size)
    size = (max(8, round(grey.width * scale)), max(8, round(grey.height * scale)))
    return Look(np.array(grey.resize(size, Image.Resampling.BICUBIC), dtype=np.uint8), max(1.0, scale))


def tone_of(picture: Image.Image) -> tuple[float, float]:
    """The mean brightness of an RGB picture, and the mean difference between its channels."""
    pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX))
    red, green, blue = np.ascontiguousarray(pixels.reshape(-1, 3).T)
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return float(pixels.mean()), float(spread.mean())


def prints_of(collection: Collection, reporter: Reporter) -> Prints:
    """The prints of every picture of the collection; missing ones are computed and stored.

    Raises:
        Stopped. StorageFull: the disk refused to store them.
    """
    wanted = contents_of(collection)
    store = Store(collection.folder / "indexes" / "prints", format="prints", version=1)
    former = _stored(store)
    if former is not None and set(wanted) <= set(former.contents):
        return former
    made = _made(collection, wanted, former, reporter)
    store.publish(lambda folder: _save(made, folder), {"pictures": len(made)})
    return made


def contents_of(collection: Collection) -> list[str]:
    """Each content of the collection, ascending."""
    return sorted(set(collection.images().hashes))


def _stored(store: Store) -> Prints | None:
    """The stored prints; damaged ones count as missing."""
    snapshot = store.intact()
    return None if snapshot is None else _loaded(snapshot)


def _loaded(snapshot: Snapshot) -> Prints:
    folder = snapshot.folder
    return Prints(read_json(folder / "contents.json"), *(load_array(folder / f"{name}.npy", "r") for name in _FILES))


def _save(prints: Prints, folder: Path) -> None:
    write_json(folder / "contents.json", prints.contents)
    for name in _FILES:
        np.save(folder / f"{name}.npy", getattr(prints, name), allow_pickle=False)


def _made(collection: Collection, contents: list[str], former: Prints | None, reporter: Reporter) -> Prints:
    count = len(contents)
    made = Prints(
        contents,
        np.zeros((count, len(ORIENTATIONS), BYTES), np.uint8),
        np.zeros(count, np.int32),
        np.zeros((count, 2), np.float32),
        np.zeros((count, FEATURES, 2), np.float32),
        np.zeros((count, FEATURES, _DESCRIPTOR), np.uint8),
    )
    missing: Sequence[int] = list(_taken_over(made, former)) if former is not None else range(count)
    known = count - len(missing)
    parts = [missing[start : start + _AT_ONCE] for start in range(0, len(missing), _AT_ONCE)]

    def looked_at(done: int) -> None:
        reporter.update("Looking at pictures", min(known + done * _AT_ONCE, count), count, "pictures")

    for _ in in_threads(lambda rows: _print_all(made, rows, collection), parts, looked_at):
        pass
    return made


def _print_all(made: Prints, rows: Sequence[int], collection: Collection) -> None:
    with collection.thumbnails() as thumbnail:
        for row in rows:
            _print(made, row, thumbnail(made.contents[row]))


def _taken_over(made: Prints, former: Prints) -> Iterator[int]:
    """Copy the prints that were made before; yields the rows that are still missing."""
    known = {content: row for row, content in enumerate(former.contents)}
    for row, content in enumerate(made.contents):
        if (old := known.get(content)) is None:
            yield row
            continue
        for name in _FILES:
            getattr(made, name)[row] = getattr(former, name)[old]


def _print(made: Prints, row: int, webp: bytes) -> None:
    picture = Image.open(io.BytesIO(webp)).convert("RGB")
    brightness = _look(picture).brightness
    made.tones[row] = tone_of(picture)
    reduced = Image.fromarray(brightness).resize((SIDE, SIDE), Image.Resampling.BOX)
    made.hashes[row] = hashes(np.asarray(reduced))
    points, descriptors = features(brightness)
    made.counts[row] = len(points)
    made.points[row, : len(points)], made.descriptors[row, : len(points)] = points, descriptors


def features(brightness: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The strongest local features: positions (f, 2) float32 and descriptors (f, 32) uint8, f at most FEATURES.

    Source: Rublee, Rabaud, Konolige and Bradski, ORB: an efficient alternative to SIFT or SURF, 2011.
    """
    import cv2

    orb: Any = cv2.ORB
    finder = orb.create(nfeatures=FEATURES, scaleFactor=1.2, nlevels=6, edgeThreshold=16, patchSize=24)
    keypoints, descriptors = finder.detectAndCompute(brightness, None)
    if descriptors is None:
        return np.empty((0, 2), np.float32), np.empty((0, _DESCRIPTOR), np.uint8)
    order: Sequence[int] = sorted(range(len(keypoints)), key=lambda i: -keypoints[i].response)[:FEATURES]
    points = np.array([keypoints[i].pt for i in order], np.float32).reshape(-1, 2)
    return points, np.asarray(descriptors[list(order)], np.uint8)

"""Snapshots to follow a training: after every epoch six reconstructions and the probe's nearest neighbours.

weights/<run>/watch/
    probe.json      (sealed) the query pictures, how results are judged, and the six originals
    0007.json       (sealed) after epoch 7: the neighbours of every probe picture, the six reconstructions
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import Corrupt
from engine.core.storage import read_object, shape_checked, write_json

if TYPE_CHECKING:
    from torch import Tensor

_SIDE = 128  # maximum side of a picture in a strip, in pixels
_QUALITY = 80


@dataclass(frozen=True)
class Watch:
    """The folder of snapshots. Damaged or missing files read as None: nothing depends on them."""

    folder: Path

    def begin(self, ids: NDArray[np.int64], measure: str, chance: float, pictures: list[int], strip: bytes) -> None:
        """Store the query pictures (ids of the collection) and the six originals to reconstruct."""
        facts = {"ids": ids.tolist(), "measure": measure, "chance": chance, "pictures": pictures}
        write_json(self.folder / "probe.json", facts | {"originals": _text(strip)})

    def note(self, epoch: int, neighbours: NDArray[np.int64] | None, strip: bytes) -> None:
        """Store an epoch's snapshot; `neighbours` (p, 8) are ids of the collection, padded with −1."""
        found = None if neighbours is None else neighbours.tolist()
        write_json(self.folder / f"{epoch:04d}.json", {"neighbours": found, "reconstructions": _text(strip)})

    def probe(self) -> Probed | None:
        """The probe stored by `begin`."""
        facts = _read(self.folder / "probe.json")
        if facts is None:
            return None
        with suppress(Corrupt), shape_checked(self.folder):
            ids, originals = np.asarray(facts["ids"], np.int64), base64.b64decode(facts["originals"])
            return Probed(ids, facts["measure"], facts["chance"], facts["pictures"], originals)
        return None

    def epoch(self, number: int) -> Watched | None:
        """The snapshot of an epoch stored by `note`."""
        facts = _read(self.folder / f"{number:04d}.json")
        if facts is None:
            return None
        with suppress(Corrupt), shape_checked(self.folder):
            found = facts["neighbours"]
            neighbours = None if found is None else np.asarray(found, np.int64)
            return Watched(neighbours, base64.b64decode(facts["reconstructions"]))
        return None

    def epochs(self) -> list[int]:
        """The stored epoch numbers, ascending."""
        return sorted(int(path.stem) for path in self.folder.glob("[0-9]*.json") if path.stem.isdecimal())


@dataclass(frozen=True)
class Probed:
    """The pictures a training is judged by: (p,) ids of the collection, and the six to reconstruct."""

    ids: NDArray[np.int64]
    measure: str
    chance: float
    pictures: list[int]
    originals: bytes


@dataclass(frozen=True)
class Watched:
    """One epoch: (p, 8) ids of each probe picture's neighbours (None without a probe), and the six as a WebP strip."""

    neighbours: NDArray[np.int64] | None
    reconstructions: bytes


def kept_event(events: Sequence[dict[str, Any]], best_epoch: int | None) -> dict[str, Any] | None:
    """The event of the epoch whose weights are kept: the last one marked as the best, else the one the card names.

    Where the weights that a training began with stay the best, no event is marked: theirs is that of epoch 0.
    """
    marked = [event for event in events if event["epoch"] and event.get("best")]
    named = [event for event in events if event["epoch"] == best_epoch]
    return next(reversed(marked or named), None)


def strip(images: Tensor) -> bytes:
    """(n, 3, s, s) pictures in [0, 1] side by side as one WebP, each at most 128 pixels squared."""
    from PIL import Image

    values = (images.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    side = min(_SIDE, values.shape[1])
    small = [np.asarray(Image.fromarray(one).resize((side, side), Image.Resampling.BILINEAR)) for one in values]
    out = io.BytesIO()
    Image.fromarray(np.concatenate(small, axis=1)).save(out, "WEBP", quality=_QUALITY)
    return out.getvalue()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_object(path)
    except (FileNotFoundError, Corrupt):
        return None

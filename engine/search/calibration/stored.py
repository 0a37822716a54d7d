"""Calibrations on disk, beside the vectors: calibrations/<encoder>-<hash>/, one store for each embedding and metric.

knots.npy, shares.npy                     the distances of random pairs
present.npy, absent.npy, altered.npy      scores, and distances of altered copies
far.npy, near.npy, offered.npy            the limits of the verdicts, and which of these are said
distances.npy, alike.npy                  the probability of the query's label
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from engine.collections.collection import Collection, Images
from engine.core.errors import Corrupt, NotFound, StorageFull
from engine.core.storage import digest_of, load_array
from engine.core.store import Snapshot, Store
from engine.encoders.encoder import EncoderInfo
from engine.encoders.vectors.store import Vectors
from engine.evaluation.statistics.lower_tail import LowerTail
from engine.search.calibration.calibration import Calibration
from engine.search.calibration.measuring import LEAST, calibrate

_ARRAYS = ("present", "absent", "far", "near", "offered", "altered", "distances", "alike")
_RULES = 4  # by which limits are set; those of other rules are set again, and altered copies stay


def calibration_store(collection: Collection, info: EncoderInfo, embedding: str, metric: str) -> Store:
    """Where the calibration of an encoder, embedding and metric is stored."""
    key = digest_of(info.name, info.fingerprint, embedding, metric)
    return Store(collection.folder / "calibrations" / f"{info.name}-{key}", format="calibration", version=1)


def stored_calibration(place: Store, vectors: Vectors, labels: Sequence[str]) -> Calibration | None:
    """The stored calibration if it is intact and of these vectors and labels; a damaged one counts as missing."""
    snapshot = place.intact(made_of=_made_of(vectors, labels))
    return None if snapshot is None else _loaded(snapshot)


def make_calibration(
    place: Store, vectors: Vectors, images: Images, metric: str, altered: ArrayLike | None = None
) -> Calibration | None:
    """A new calibration, stored where the disk allows; None for too few pictures.

    Args:
        altered: distances of altered copies to their originals; None keeps those that are stored for these vectors.
    """
    if len(vectors.ids) < LEAST:
        return None
    labels = labels_of(vectors, images)
    given = _former_altered(place, vectors) if altered is None else altered
    made = calibrate(np.asarray(vectors.matrix), metric, labels, given)
    if made is not None:
        facts: dict[str, Any] = {"made_of": _made_of(vectors, labels), "vectors": vectors.digest}
        facts |= {"pictures": made.pictures, "labelled": made.labelled, "shape": min(made.pairs.shape, 1e9)}
        facts |= {"same_within": made.same_within}
        with suppress(StorageFull, NotFound, OSError):  # it still answers, and is made again next time
            place.publish(lambda folder: _save(made, folder), facts)
    return made


def labels_of(vectors: Vectors, images: Images) -> list[str]:
    """The labels of the pictures that have vectors, in their order."""
    known = dict(zip(images.ids.tolist(), images.labels, strict=True))
    return [known.get(id, "") for id in vectors.ids.tolist()]


def _made_of(vectors: Vectors, labels: Sequence[str]) -> str:
    return digest_of(_RULES, vectors.digest, *labels)


def _former_altered(place: Store, vectors: Vectors) -> ArrayLike:
    with suppress(Corrupt):
        snapshot = place.open()
        if snapshot is not None and snapshot.facts.get("vectors") == vectors.digest:
            return load_array(snapshot.folder / "altered.npy")
    return ()


def _save(made: Calibration, folder: Path) -> None:
    for name in _ARRAYS:
        np.save(folder / f"{name}.npy", getattr(made, name), allow_pickle=False)
    np.save(folder / "knots.npy", made.pairs.knots, allow_pickle=False)
    np.save(folder / "shares.npy", made.pairs.shares, allow_pickle=False)


def _loaded(snapshot: Snapshot) -> Calibration:
    facts, folder = snapshot.facts, snapshot.folder
    pairs = LowerTail(load_array(folder / "knots.npy"), load_array(folder / "shares.npy"), float(facts["shape"]))
    arrays = {name: load_array(folder / f"{name}.npy") for name in _ARRAYS}
    same = float(facts["same_within"])
    return Calibration(int(facts["pictures"]), bool(facts["labelled"]), same, pairs, **arrays)

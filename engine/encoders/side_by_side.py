"""Colours, textures and, where there is one, a network trained here, as one encoder fitted to a collection.

Each part is compressed by itself (see `vectors.compression`), and all have the same share of the similarity: shares
chosen without labels, by which altered copies find their originals, searched worse (`benchmarks/without_labels.py`).
`weights` in a recipe is the run of the network, "" for computed parts only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

import engine.runs.listing as runs
from engine.collections.collection import Collection
from engine.core.errors import BadParameter, Corrupt, NotFound, NoVectors
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import digest_of
from engine.core.store import Store
from engine.encoders import open_encoder
from engine.encoders.colour_pyramid import ColourPyramid
from engine.encoders.encoder import COMPUTED, OWN, Encoder, EncoderChoice, EncoderInfo
from engine.encoders.local_binary_patterns import LocalBinaryPatterns
from engine.encoders.opponent_patterns import OpponentPatterns
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.compressed_parts import CompressedParts, fit_parts, parts_store, stored_parts
from engine.encoders.vectors.derived import Derivation, Derived
from engine.encoders.vectors.joined import common_rows
from engine.encoders.vectors.pipeline import vectors_of
from engine.encoders.vectors.store import Vectors
from engine.runs.run import Run

NAME = "side-by-side"
_VERSION = "1"  # changes whenever the vectors would
_COMPUTED = (ColourPyramid, OpponentPatterns, LocalBinaryPatterns)
_EMBEDDING = "avg-dba"


class SideBySide(Derived):
    """The vectors of several encoders, each compressed to at most 256 values, side by side."""

    name = NAME
    rank = 14

    def __init__(self, weights: str, parts: Sequence[Encoder], fitted: CompressedParts | None = None) -> None:
        self.parts, self.fitted = tuple(parts), fitted
        infos = [part.info for part in parts]
        made_of = [(info.name, info.weights, info.fingerprint, info.input_size) for info in infos]
        self.info = EncoderInfo(
            name=NAME,
            weights=weights,
            title=_title([info.title for info in infos[: len(infos) - len(_COMPUTED)]]),
            input_size=max(info.input_size for info in infos),
            spatial=False,
            fingerprint=digest_of(_VERSION, *made_of, fitted.digest if fitted else "not fitted"),
            source=" and ".join(dict.fromkeys(info.source for info in infos)),
            licence=" and ".join(dict.fromkeys(info.licence for info in infos)),
            sha256=" + ".join(info.sha256 for info in infos if info.sha256),
            precision=next((info.precision for info in infos if info.precision), ""),
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """The computed parts alone, then with each network trained here, newest first."""
        return [_choice(), *(_choice(run) for run in runs.runs(home) if _learned(run))]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        if name != NAME:
            raise NotFound(f"There is no encoder {name!r}.")
        computed: list[Encoder] = [part.open(part.name, "", home) for part in _COMPUTED]
        if not weights:
            return cls("", computed)
        run = runs.run(home, weights)
        if not _learned(run):
            wanted = "a run that has learned to recognise pictures, not only to reconstruct them"
            raise BadParameter("weights", f"the encoder {name}", wanted, weights)
        return cls(weights, [open_encoder(run.encoder, run.name, home), *computed])

    def at(self, collection: Collection) -> SideBySide:
        return self._with([part.at(collection) for part in self.parts], stored_parts(self._store(collection)))

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        further = (path for part in self.parts for path in part.made_from(collection))
        return (self._store(collection).pointer, *further)

    def prepared(self, collection: Collection, reporter: Reporter) -> SideBySide:
        parts, place = [part.prepared(collection, reporter) for part in self.parts], self._store(collection)
        try:
            found = stored_parts(place)
        except Corrupt:  # vectors made with it have to be recomputed
            found = None
        if found is None or not found.suits(len(collection.images().ids)):
            matrices = [vectors_of(collection, part, pooling_of(part), reporter).matrix for part in parts]
            found = fit_parts(place, matrices, len(collection.images().ids))
        return self._with(parts, found)

    def derive(self, collection: Collection, name: str, reporter: Reporter) -> Derivation:
        fitted = self._fitted()
        found = [vectors_of(collection, part, pooling_of(part), reporter) for part in self.parts]
        ids, rows = common_rows(found)
        matrix = fitted([part.matrix for part in found], rows)
        source = Vectors(ids, [], matrix, "")
        without = "One of the encoders has no vector for it."
        return Derivation({id: (source, row) for row, id in enumerate(ids.tolist())}, matrix.shape[1], without)

    def embed(self, pictures: Sequence[Any], name: str) -> NDArray[np.float32]:
        return self._fitted()([embed_pictures(part, pictures, pooling_of(part)) for part in self.parts])

    def _with(self, parts: Sequence[Encoder], fitted: CompressedParts | None) -> SideBySide:
        return SideBySide(self.info.weights, parts, fitted)

    def _store(self, collection: Collection) -> Store:
        """Its name changes with the weights of a network, which other compressions belong to."""
        return parts_store(collection, digest_of(*(part.info.fingerprint for part in self.parts))[:16])

    def _fitted(self) -> CompressedParts:
        if self.fitted is None:
            raise NoVectors(f"{self.info.title} is not fitted to a collection yet; preparing one does it.")
        return self.fitted


def pooling_of(part: Encoder) -> str:
    """The pooling of a part: the average, where there is something to pool."""
    return "avg" if part.info.spatial else "flatten"


def _learned(run: Run) -> bool:
    """Whether a run has learned to recognise pictures, from nothing: a ready-made network is better without colours."""
    config = run.config
    recognises = bool(config.get("contrast")) or config.get("objective", "autoencoding") != "autoencoding"
    return run.ready and recognises and config.get("start", "random") == "random" and not run.shipped


def _choice(run: Run | None = None) -> EncoderChoice:
    parts = "Colours in the whole and its parts, and textures in colour and in grey"
    if run is None:
        help = f"{parts}, compressed and put side by side. Needs no training and no download."
        good_for = "Pictures of any kind where no network is at hand."
        return EncoderChoice(
            NAME, "", _title(()), help, ready=True, embedding=_EMBEDDING, shelf=COMPUTED, good_for=good_for
        )
    help = f"The network of {run.title}. {parts}. All compressed and put side by side."
    good_for = "Pictures like those it was trained on, by their colours and textures as well."
    return EncoderChoice(
        NAME, run.name, _title([run.title]), help, ready=True, embedding=_EMBEDDING, trained_on=run.trained_on,
            learned_labels=run.learned_labels,
        shelf=OWN, good_for=good_for,
    )  # fmt: skip


def _title(networks: Sequence[str]) -> str:
    return " + ".join([*networks, "colours + textures"]) if networks else "Colours + textures"

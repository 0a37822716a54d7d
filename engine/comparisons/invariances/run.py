"""Measuring a table of invariances: each drawn picture is altered and looked for among all pictures as they are."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.pixels import whole_pictures
from engine.comparisons.encoder_texts import whole_text
from engine.comparisons.invariances.invariance import (
    InvarianceRow,
    Invariances,
    invariance_table,
    pictures_digest,
    ranks_within,
)
from engine.comparisons.invariances.plan import SHOWN, InvarianceCell, InvariancePlan
from engine.comparisons.runner import ComparisonRun, run_comparison
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.progress import NestedReporter, Reporter
from engine.core.storage import digest_of
from engine.encoders import open_encoder
from engine.encoders.encoder import Encoder
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.pipeline import vectors_of
from engine.encoders.vectors.store import Finish, Vectors
from engine.evidence.alterations import SIDE, Alteration, alteration
from engine.evidence.breaking import ranks_of
from engine.indexes import Index, make_index

InvarianceRun = ComparisonRun[InvariancePlan, InvarianceCell, InvarianceRow]
Pictures = list[tuple[int, Image.Image]]
Ids = NDArray[np.int64]

_THING = "a table of invariances"
_AT_ONCE = 32  # pictures in memory
_TIES = 32  # further results that are looked at: equal pictures must not push each other out


def plan_invariances(home: Home, plan: InvariancePlan) -> Invariances:
    """Store a plan as a new table, once everything it names has been checked; missing poolings are filled in.

    Raises:
        NotFound: no such collection. BadParameter: no such encoder or pooling, or a collection without pictures.
    """
    collection = Collection.open(home, plan.collection)
    if not len(collection.images().ids):
        raise BadParameter("collection", _THING, "one with pictures", plan.collection)
    whole = replace(plan, encoders=tuple(whole_text(home, text, _THING) for text in plan.encoders))
    name = Invariances.fresh_name(home.invariances, whole.title)
    return Invariances.store(home.invariances, name, whole)


def plan_for(home: Home, title: str, collection: str, encoders: tuple[str, ...], **further: Any) -> InvariancePlan:
    """The plan with the default pooling of each encoder that names none; raises as `plan_invariances`."""
    return InvariancePlan(title, collection, tuple(whole_text(home, text, _THING) for text in encoders), **further)


def run_invariances(home: Home, name: str, reporter: Reporter) -> dict[str, Any]:
    """Measure every cell that has not been measured yet, or was measured with other pictures or weights.

    Returns:
        What `run_comparison` returns.

    Raises:
        NotFound: no such table or collection. BadParameter: another process is measuring it. Stopped: on request;
        StorageFull: the disk is full. Finished cells are kept.
    """

    def measure(run: InvarianceRun) -> None:
        collection = Collection.open(home, run.plan.collection)
        for cells in run.groups(lambda cell: cell.encoder):
            _measure_encoder(home, collection, run, cells)

    return run_comparison(invariance_table(home, name), measure, _failed, reporter)


def _measure_encoder(home: Home, collection: Collection, run: InvarianceRun, cells: list[InvarianceCell]) -> None:
    """All alterations under one encoder: its vectors first, then cell by cell."""
    recipe = cells[0].recipe
    within = NestedReporter(run.reporter, f"{run.progress} · {cells[0].encoder}")
    with run.failures_kept(run.missing(cells)):
        encoder = open_encoder(recipe.encoder, recipe.weights, home, collection).prepared(collection, within)
        made_of = f"{pictures_digest(collection.images())}-{digest_of(encoder.info.fingerprint)}"
        if missing := run.missing(cells, made_of):
            vectors = vectors_of(collection, encoder, recipe.embedding, within)
            index = make_index("exact", recipe.metric).build(vectors.ids, vectors.matrix)
            looking = Looking(collection, encoder, recipe.embedding, vectors.finish, index)
            drawn = _drawn(collection, run.plan, vectors)
            run.each(missing, lambda cell: run.keep(_row(looking, run.plan, cell, drawn, made_of, within)))


def _drawn(collection: Collection, plan: InvariancePlan, vectors: Vectors) -> Ids:
    """The ids of the queries, ascending: the same for every encoder, but for pictures that one has no vector of."""
    ids = collection.images().ids
    drawn = np.random.default_rng(plan.seed).choice(ids, min(plan.queries, len(ids)), replace=False)
    return np.sort(drawn[np.isin(drawn, vectors.ids)])


def _row(
    looking: Looking, plan: InvariancePlan, cell: InvarianceCell, drawn: Ids, made_of: str, within: Reporter
) -> InvarianceRow:
    """The ranks of all queries under one alteration.

    Raises:
        BenzerError: the encoder reads no pictures, or none of the queries can be read any more. Stopped.
    """
    way, strengths, ids = alteration(cell.alteration), plan.strengths, list[int]()
    ranks = []
    for pictures in _chunks(looking.collection, drawn):
        for strength in strengths:
            within.update("Altering pictures", len(ids), len(drawn), "pictures", way.title)
            ranks.append(looking.ranks(pictures, way, strength))
        ids += [id for id, _ in pictures]
    if not ids:
        raise BenzerError(f"No picture of {looking.collection.title} can be read any more.")
    lines = (np.concatenate(ranks[place :: len(strengths)]) for place in range(len(strengths)))
    kept = tuple(tuple(line.tolist()) for line in lines)
    return InvarianceRow(cell.key, cell.encoder, way.name, tuple(strengths), tuple(ids), kept, made_of)


def _chunks(collection: Collection, ids: Ids) -> Iterator[Pictures]:
    decoded = ((id, Image.fromarray(pixels)) for id, pixels in whole_pictures(collection, ids, SIDE))
    while chunk := list(itertools.islice(decoded, _AT_ONCE)):
        yield chunk


@dataclass(frozen=True)
class Looking:
    """How altered pictures are looked for: an encoder with its pooling, and exact search over its vectors.

    `unaltered` keeps the ranks at strength 0, which all alterations share, by the ids of the pictures.
    """

    collection: Collection
    encoder: Encoder
    embedding: str
    finish: Finish | None
    index: Index
    unaltered: dict[tuple[int, ...], Ids] = field(default_factory=dict)

    def ranks(self, pictures: Pictures, way: Alteration, strength: float) -> Ids:
        """(p,) ranks of the pictures as they are, when each is altered; 0 beyond the first eight."""
        ids = tuple(id for id, _ in pictures)
        if strength:
            return self._found(ids, [way(picture, strength) for _, picture in pictures])
        if ids not in self.unaltered:
            self.unaltered[ids] = self._found(ids, [picture for _, picture in pictures])
        return self.unaltered[ids]

    def _found(self, ids: Sequence[int], altered: Sequence[Image.Image]) -> Ids:
        vectors = embed_pictures(self.encoder, altered, self.embedding, self.finish)
        found = self.index.search(vectors, min(self.index.size, SHOWN + _TIES))
        ranks = ranks_of(found, np.array(ids, dtype=np.int64))
        return ranks_within(ranks)


def _failed(cell: InvarianceCell, sentence: str) -> InvarianceRow:
    return InvarianceRow(cell.key, cell.encoder, cell.alteration, error=sentence)

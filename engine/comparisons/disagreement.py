"""Where two encoders disagree: the pictures with the most different neighbours, and which the labels agree with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.collections.label_sources import own_labels
from engine.comparisons.encoder_texts import recipe_of_text, whole_text
from engine.comparisons.recipes.experiment import pictures_digest
from engine.core.distances import normalised
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.humanize import count_of, percent
from engine.core.progress import Reporter
from engine.core.tables import csv_text
from engine.encoders import open_encoder
from engine.encoders.vectors.pipeline import vectors_of
from engine.encoders.vectors.store import Vectors
from engine.evaluation.cka import linear_cka
from engine.evaluation.measuring import without_itself
from engine.evaluation.statistics.decision import Decision, holm
from engine.evaluation.statistics.paired import paired_difference
from engine.evaluation.statistics.proportion import mean_share_interval
from engine.indexes import make_index

K = 8  # neighbours
FEW = 4  # of them shared: with fewer the encoders disagree about a picture
_WIDER = 32  # neighbours by which pictures with the same overlap are ordered
_QUERIES = 1000  # pictures that are compared, at most
_THING = "a comparison of two encoders"

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Neighbourhoods:
    """One picture with its eight neighbours by each encoder.

    Attributes:
        overlap: how many of the eight are shared. wider: the same of the first 32.
        precisions: the share of each eight with the picture's label; None where no other picture has it.
    """

    id: int
    overlap: int
    wider: int
    first: tuple[int, ...]
    second: tuple[int, ...]
    precisions: tuple[float, float] | None


@dataclass(frozen=True)
class Disagreement:
    """Two encoders over one collection.

    Attributes:
        first, second: as `encoder_texts` writes them. metric: of the neighbours.
        pictures: that have a vector of both. queries: of these, drawn at random if there are many.
        overlap: the mean share of the eight that is shared, with its 95 % bootstrap interval; chance: for random ones.
        counts: (9,) how many pictures share 0, 1 … 8. cka: the debiased linear CKA, None where it is not defined.
        rows: the pictures with the most different neighbours first.
        made_of: the digest of the pictures and labels then.
        there, everywhere: the first encoder's lead in precision@8 over the labelled pictures that share fewer than
            four, and over all labelled ones; p is corrected for both. None without any.
    """

    collection: str
    first: str
    second: str
    metric: str
    pictures: int
    overlap: float
    interval: tuple[float, float]
    counts: tuple[int, ...]
    cka: float | None
    rows: tuple[Neighbourhoods, ...]
    there: Decision | None = None
    everywhere: Decision | None = None
    made_of: str = ""

    @property
    def queries(self) -> int:
        """How many pictures were compared."""
        return len(self.rows)

    @property
    def chance(self) -> float:
        """The overlap of random neighbours."""
        return K / (self.pictures - 1)

    def sentence(self, first: str, second: str) -> str:
        """How far two encoders of these names agree about neighbours."""
        low, high = self.interval
        cka = "" if self.cka is None else f" Linear CKA: {self.cka:.2f}."
        return (
            f"{first} and {second} share {K * self.overlap:.1f} of the {K} nearest on average "
            f"({percent(self.overlap)} [{percent(low)}, {percent(high)}]; by chance {percent(self.chance, 1)}).{cka}"
        )

    def on_labels(self, first: str, second: str) -> list[str]:
        """Which of two encoders of these names the labels agree with, where they disagree and everywhere."""
        if self.everywhere is None:
            return ["There are no labels that pictures share, so nothing says which of the two is right."]
        return [
            self._verdict(self.there, f"Where fewer than {FEW} of the {K} are shared", first, second),
            self._verdict(self.everywhere, "Over all labelled pictures", first, second),
        ]

    def _verdict(self, lead: Decision | None, where: str, first: str, second: str) -> str:
        if lead is None:
            return f"{where}: there is no such labelled picture."
        counted = f"{where} ({count_of(lead.cases, 'picture')}), "
        if not lead.decided:
            return f"{counted}it is not decided whose neighbours have the picture's label more often: {lead.text()}."
        better, lead, other = (first, lead, second) if lead.effect > 0 else (second, lead.opposite, first)
        than = f"have the picture's label more often than those by {other}"
        return f"{counted}the neighbours by {better} {than}: {lead.text()}."

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with what the labels say."""
        derived = {"queries": self.queries, "chance": self.chance, "on_labels": self.on_labels(self.first, self.second)}
        return asdict(self) | derived

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Disagreement:
        """The comparison of `as_dict`; KeyError or TypeError for anything else."""
        values = {"made_of": "", **values}
        plain: dict[str, Any] = {name: values[name] for name in cls.__dataclass_fields__}
        plain |= {name: tuple(plain[name]) for name in ("counts", "interval")}
        plain |= {name: _decision_of(plain[name]) for name in ("there", "everywhere")}
        return cls(**{**plain, "rows": tuple(_row_of(row) for row in plain["rows"])})

    def to_csv(self, collection: Collection) -> str:
        """One row per picture, the most different neighbours first; spreadsheet formulas are neutralised."""
        images = collection.images()
        about = {
            id: (name, label) for id, name, label in zip(images.ids.tolist(), images.names, images.labels, strict=True)
        }
        head = [
            "id",
            "name",
            "label",
            "shared of 8",
            "shared of 32",
            "precision of the first",
            "precision of the second",
        ]
        head += [f"neighbours by {self.first}", f"neighbours by {self.second}"]
        return csv_text(head, (_csv_line(row, about.get(row.id, ("", ""))) for row in self.rows))


def _row_of(values: Mapping[str, Any]) -> Neighbourhoods:
    lists = {name: tuple(values[name]) for name in ("first", "second")}
    precisions = values["precisions"]
    return Neighbourhoods(**{**values, **lists, "precisions": tuple(precisions) if precisions is not None else None})


def _decision_of(values: Mapping[str, Any] | None) -> Decision | None:
    return None if values is None else Decision(**{**values, "interval": tuple(values["interval"])})


def _csv_line(row: Neighbourhoods, about: tuple[str, str]) -> list[object]:
    neighbours = [" ".join(map(str, ids)) for ids in (row.first, row.second)]
    return [row.id, *about, row.overlap, row.wider, *(row.precisions or ("", "")), *neighbours]


# ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def disagree(
    home: Home, collection: Collection, first: str, second: str, reporter: Reporter, metric: str = "cosine"
) -> Disagreement:
    """Compare the neighbours of two encoders, at most 1,000 pictures; missing vectors are computed first.

    Labels that a classifier wrote do not count: they would favour the encoder that it sees with.

    Raises:
        BadParameter: no such encoder, the same one twice, or too few pictures. Stopped: on request.
    """
    one, other = (whole_text(home, text, _THING) for text in (first, second))
    if one == other:
        raise BadParameter("encoders", _THING, "two different ones, or one with two poolings", one)
    made_of = pictures_digest(collection.images())
    ids, vectors = _common([_vectors(home, collection, text, metric, reporter) for text in (one, other)])
    rows = np.sort(np.random.default_rng(0).choice(len(ids), min(_QUERIES, len(ids)), replace=False))
    reporter.update("Comparing neighbours", 0, 2, "encoders")
    near = [_nearest(matrix, ids, rows, metric) for matrix in vectors]
    lines = _lines(ids[rows], near[0], near[1], _labels(collection))
    shared = np.array([line.overlap for line in lines])
    there, everywhere = _by_labels(lines)
    return Disagreement(
        collection=collection.name,
        first=one,
        second=other,
        metric=metric,
        pictures=len(ids),
        overlap=float(shared.mean() / K),
        interval=mean_share_interval(shared / K),
        counts=tuple(np.bincount(shared, minlength=K + 1).tolist()),
        cka=_cka(vectors, rows, metric),
        rows=lines,
        there=there,
        everywhere=everywhere,
        made_of=made_of,
    )


def _common(found: Sequence[Vectors]) -> tuple[Ids, list[NDArray[np.float32]]]:
    """The pictures that have a vector of both encoders, and the (n, d) vectors of each."""
    ids = np.intersect1d(found[0].ids, found[1].ids)
    if len(ids) <= K + 1:
        raise BadParameter("number of pictures", _THING, f"more than {K + 1} that have a vector of both", len(ids))
    return ids, [one.matrix[np.searchsorted(one.ids, ids)] for one in found]


def _nearest(matrix: NDArray[np.float32], ids: Ids, rows: Ids, metric: str) -> Ids:
    """(q, 32) ids of the nearest of (q,) rows, each without itself; fewer of a small collection."""
    index = make_index("exact", metric).build(ids, matrix)
    return without_itself(index, matrix, ids, rows, min(_WIDER, len(ids) - 1)).ids


def _vectors(home: Home, collection: Collection, text: str, metric: str, reporter: Reporter) -> Vectors:
    recipe = recipe_of_text(text, collection.name, metric)
    encoder = open_encoder(recipe.encoder, recipe.weights, home, collection)
    return vectors_of(collection, encoder, recipe.embedding, reporter)


def _labels(collection: Collection) -> dict[int, str]:
    return dict(zip(collection.images().ids.tolist(), own_labels(collection), strict=True))


def _lines(ids: Ids, first: Ids, second: Ids, labels: Mapping[int, str]) -> tuple[Neighbourhoods, ...]:
    """The pictures with the most different neighbours first, ties by the first 32."""
    shared = {label for label, count in Counter(labels.values()).items() if label and count > 1}
    lines = []
    for id, one, other in zip(ids.tolist(), first.tolist(), second.tolist(), strict=True):
        near = tuple(one[:K]), tuple(other[:K])
        overlaps = len(set(near[0]) & set(near[1])), len(set(one) & set(other))
        own = labels.get(id, "")
        precisions = (_precision(near[0], own, labels), _precision(near[1], own, labels)) if own in shared else None
        lines.append(Neighbourhoods(id, *overlaps, *near, precisions))
    return tuple(sorted(lines, key=lambda line: (line.overlap, line.wider, line.id)))


def _precision(near: Sequence[int], own: str, labels: Mapping[int, str]) -> float:
    return sum(labels.get(id) == own for id in near) / K


def _by_labels(lines: Sequence[Neighbourhoods]) -> tuple[Decision | None, Decision | None]:
    """The first encoder's lead where the two disagree and everywhere, corrected together."""
    labelled = [line for line in lines if line.precisions is not None]
    parts = [[line for line in labelled if line.overlap < FEW], labelled]
    leads = [_lead([line.precisions for line in part if line.precisions]) for part in parts]
    tested = iter(holm([one for one in leads if one is not None]))
    there, everywhere = (None if one is None else next(tested) for one in leads)
    return there, everywhere


def _lead(precisions: Sequence[tuple[float, float]]) -> Decision | None:
    if not precisions:
        return None
    first, second = zip(*precisions, strict=True)
    return paired_difference(first, second)


def _cka(vectors: Sequence[NDArray[np.float32]], rows: Ids, metric: str) -> float | None:
    """The alignment of the vectors as they are compared: under cosine, of length 1."""
    compared = [np.asarray(matrix[rows], dtype=np.float32) for matrix in vectors]
    return linear_cka(*(normalised(one) if metric == "cosine" else one for one in compared))

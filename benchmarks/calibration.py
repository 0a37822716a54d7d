"""Whether the verdicts on results hold, of pictures whose label was taken out of the collection and of others.

    python -m benchmarks.calibration [--home FOLDER] [--collections animals,products] [--encoders …]

Every label with six and more pictures is taken out once, the rest is calibrated, and its pictures are asked for. For
pictures that have five and more of their label left, a fifth of the collection at a time is asked for and the rest is
calibrated, so that no query is part of its own calibration; and again without a label in the calibration, in a
collection that holds it. All with the labels of the rest and without them. The products are measured by coarser labels
as well. Writes docs/confidence.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import _machine
from benchmarks._confidence_texts import ABSENT, BETWEEN, HEAD, HUBS, UNKNOWN_LABELS
from benchmarks._page import markdown, said
from benchmarks.finishing import collections
from engine.collections.collection import Collection
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.choosing import default_embedding, with_weights
from engine.encoders.vectors.pipeline import vectors_of
from engine.encoders.vectors.store import Vectors
from engine.evaluation.local_scaling import NEIGHBOURS, scaling_effect
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.statistics.proportion import clopper_pearson
from engine.grouping.neighbourhoods.hubs import occurrences
from engine.grouping.neighbourhoods.nearest_lists import measure
from engine.indexes import make_index
from engine.search.calibration.calibration import NEAREST, Calibration
from engine.search.calibration.measuring import calibrate
from engine.search.calibration.stored import labels_of
from engine.workbench.workbench import Workbench

ENCODERS = "efficientnet-lite0,mobilenet-v2,model-4,colour-histogram"
RESULT = PROJECT / "benchmarks" / "results" / "absent-labels.md"
LIMITS = PROJECT / "benchmarks" / "results" / "similar-limits.md"
METRIC, RESULTS, FOLDS, BINS = "cosine", 8, 5, 10
_OF_A_LABEL = 100  # queries, at most
_SEARCHES = 1000  # with and without a verdict
# what the source of the products calls their master category and subcategory; the table has the article type alone
COARSER = {
    "master categories": {
        "Accessories": "Backpacks,Belts,Caps,Handbags,Socks,Sunglasses,Wallets,Watches",
        "Footwear": "Casual Shoes,Flats,Flip Flops,Formal Shoes,Heels,Sandals,Sports Shoes",
        "Apparel": "Briefs,Jackets,Jeans,Kurtas,Shirts,Sweaters,Sweatshirts,Tops,Trousers,Tshirts",
    },
    "subcategories": {
        "Bags": "Backpacks,Handbags",
        "Shoes": "Casual Shoes,Flats,Formal Shoes,Heels,Sports Shoes",
        "Topwear": "Jackets,Kurtas,Shirts,Sweaters,Sweatshirts,Tops,Tshirts",
        "Bottomwear": "Jeans,Trousers",
    },
}
NOTHING, SIMILAR, UNKNOWN = "nothing similar here", "similar", "cannot tell"
_HEAD = [
    "collection, encoder", "labels", "taken out: nothing", "similar", "cannot tell",
    "there: nothing", "similar", "cannot tell", "new: nothing", "largest gap",
]  # fmt: skip
_SAME = "surely the same"
_BY_LABEL = ("efficientnet-lite0", "subcategories")  # what is shown label by label
_LABELS = ["collection, encoder", "taken out", "queries", "nothing", "similar", "cannot tell"]
_HUBS = ["collection, encoder", "skew", "most often found", "in no results", "precision@8 → with local scaling"]
_TABLES = (_HEAD, _LABELS, _HUBS)  # told apart by the number of their columns

Matrix = NDArray[np.float32]
Measured = Callable[[], list[list[str]]]  # lines of the tables


@dataclass
class Told:
    """The verdicts on some queries with their labels, and for their results the probability of the label and whether it
    was right.
    """

    labels: list[str] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    expected: list[float] = field(default_factory=list)
    alike: list[bool] = field(default_factory=list)

    def share(self, verdict: str) -> float:
        return sum(one == verdict for one in self.verdicts) / max(1, len(self.verdicts))

    def of(self, label: str) -> Told:
        """The verdicts on the queries of a label."""
        found = [told for told, own in zip(self.verdicts, self.labels, strict=True) if own == label]
        return Told([label] * len(found), found)

    def shown(self, verdict: str) -> str:
        count = sum(one == verdict for one in self.verdicts)
        low, high = clopper_pearson(count, max(1, len(self.verdicts)))
        return f"{100 * self.share(verdict):.1f} % [{100 * low:.0f}–{100 * high:.0f}]"

    def gap(self) -> str:
        """The largest difference of expected and observed over ten groups of equally many results."""
        if not self.expected:
            return "–"
        order = np.argsort(self.expected, kind="stable")
        expected, alike = np.array(self.expected)[order], np.array(self.alike, dtype=float)[order]
        parts = np.array_split(np.arange(len(order)), BINS)
        return f"{max(abs(expected[part].mean() - alike[part].mean()) for part in parts):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "calibration")
    parser.add_argument("--collections", default="animals,products", help="with commas")
    parser.add_argument("--encoders", default=ENCODERS, help="with commas")
    wanted = parser.parse_args()
    home = Home(wanted.home.resolve())
    kept = home.root / "measured.json"
    lines: dict[str, list[list[str]]] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    for collection in collections(home, wanted.collections.split(",")):
        for encoder in wanted.encoders.split(","):
            for title, measured in measurements(home, collection, encoder):
                if title not in lines:
                    lines[title] = measured()
                    print("\n".join(" | ".join(line) for line in lines[title]), flush=True)
                    kept.write_text(json.dumps(lines), encoding="utf-8")
                    write(lines)
    write(lines, timing() + searching(home))


def measurements(home: Home, collection: Collection, encoder: str) -> Iterator[tuple[str, Measured]]:
    """The titles of what is measured of an encoder, and what measures it: the labels, and coarser ones of products."""
    name, _, weights = with_weights(home, encoder, "a benchmark").partition("@")
    embedding = default_embedding(home, name, weights)
    title = f"{collection.name}, {name} {embedding}"

    def vectors() -> Vectors:
        opened = open_encoder(name, weights, home, collection)
        return vectors_of(collection, opened, embedding, Reporter(listen=said))

    def by_labels() -> list[list[str]]:
        found = vectors()
        labels = np.array(labels_of(found, collection.images()))
        return [*rows(title, np.asarray(found.matrix), labels), hubs(title, found, labels)]

    def by_coarser(level: str) -> list[list[str]]:
        found = vectors()
        labels = coarser(labels_of(found, collection.images()), level)
        out = taken_out(np.asarray(found.matrix), labels, True)
        lines = [row(f"{title}, {level}", np.asarray(found.matrix), labels, True, out)]
        return lines + (by_label(f"{title}, {level}", out) if (name, level) == _BY_LABEL else [])

    yield title, by_labels
    if collection.name == "products" and name != "colour-histogram":
        yield from ((f"{title}, {level}", partial(by_coarser, level)) for level in reversed(COARSER))


def coarser(labels: Sequence[str], level: str) -> NDArray[np.str_]:
    """The labels of products at a level of COARSER; what has no other name there keeps its own."""
    named = {label: name for name, labels in COARSER[level].items() for label in labels.split(",")}
    return np.array([named.get(label, label) for label in labels])


def write(lines: dict[str, list[list[str]]], took: str = "") -> None:
    """The page of what has been measured so far; `took` says how long a calibration takes."""
    every = [line for part in lines.values() for line in part]
    table, labels, skewed = ([head, *(line for line in every if len(line) == len(head))] for head in _TABLES)
    measured = f"\nMeasured {time.strftime('%Y-%m-%d')} on {_machine.facts()}.\n"
    others = ABSENT + RESULT.read_text(encoding="utf-8").rstrip() + "\n\n" if RESULT.exists() else ""
    limits = BETWEEN + LIMITS.read_text(encoding="utf-8").rstrip() + "\n\n" if LIMITS.exists() else ""
    page = (
        HEAD
        + markdown(table)
        + "\n\n"
        + UNKNOWN_LABELS
        + markdown(labels)
        + "\n\n"
        + limits
        + others
        + took
        + HUBS
        + markdown(skewed)
        + "\n"
        + measured
    )
    (PROJECT / "docs" / "confidence.md").write_text(page, encoding="utf-8")


def rows(title: str, vectors: Matrix, labels: NDArray[np.str_]) -> Iterator[list[str]]:
    """A line with labels and one without."""
    for with_labels in (True, False):
        yield row(title, vectors, labels, with_labels)


def row(title: str, vectors: Matrix, labels: NDArray[np.str_], with_labels: bool, out: Told | None = None) -> list[str]:
    """The verdicts on pictures whose label was taken out, `out` if known, and on those with five and more alike."""
    out, there = out or taken_out(vectors, labels, with_labels), with_alike(vectors, labels, with_labels)
    shares = [told.shown(verdict) for told in (out, there) for verdict in (NOTHING, SIMILAR, UNKNOWN)]
    shares.append(new(vectors, labels, with_labels).shown(NOTHING))
    return [title, "yes" if with_labels else "no", *shares, there.gap()]


def by_label(title: str, out: Told) -> list[list[str]]:
    """A line for each label that was taken out."""
    parts = [out.of(label) for label in dict.fromkeys(out.labels)]
    verdicts = (NOTHING, SIMILAR, UNKNOWN)
    return [[title, part.labels[0], str(len(part.labels)), *map(part.shown, verdicts)] for part in parts]


def hubs(title: str, vectors: Vectors, labels: NDArray[np.str_]) -> list[str]:
    """How uneven results are, and what local scaling changes of precision@8."""
    index = make_index("exact", METRIC).build(vectors.ids, vectors.matrix)
    lists = measure(vectors.ids, vectors.matrix, METRIC, index.search, Reporter())
    found, reach = occurrences(lists), lists.distances[:, :NEIGHBOURS].mean(1)
    effect = scaling_effect(np.asarray(vectors.matrix), labels.tolist(), METRIC, reach)
    told = effect.sentence().removeprefix("precision@8 ").removesuffix(".") if effect else "–"
    return [title, f"{found.skew:.2f}", str(int(found.counts.max())), str(len(found.orphans)), told]


def taken_out(vectors: Matrix, labels: NDArray[np.str_], with_labels: bool) -> Told:
    """Each label is taken out once, and its pictures are asked for."""
    told, rng = Told(), np.random.default_rng(0)
    for label in shared(labels):
        own = np.flatnonzero(labels == label)
        asked = rng.choice(own, min(_OF_A_LABEL, len(own)), replace=False)
        rest = np.flatnonzero(labels != label)
        _ask(told, vectors, labels, asked, rest, with_labels)
    return told


def with_alike(vectors: Matrix, labels: NDArray[np.str_], with_labels: bool) -> Told:
    """A fifth of the pictures at a time is asked for, those with five and more alike among the others."""
    told, order = Told(), np.random.default_rng(1).permutation(len(labels))
    for fold in np.array_split(order, FOLDS):
        rest = np.setdiff1d(order, fold)
        counts = dict(zip(*np.unique(labels[rest], return_counts=True), strict=True))
        asked = np.array([row for row in fold if labels[row] and counts.get(labels[row], 0) >= NEAREST])
        _ask(told, vectors, labels, asked, rest, with_labels)
    return told


def new(vectors: Matrix, labels: NDArray[np.str_], with_labels: bool) -> Told:
    """Each label is left out of the calibration once, and its pictures are asked for among all others."""
    told = Told()
    for label in shared(labels):
        asked, rest = np.flatnonzero(labels == label), np.flatnonzero(labels != label)
        _ask(told, vectors, labels, asked, rest, with_labels, np.arange(len(labels)))
    return told


def shared(labels: NDArray[np.str_]) -> Sequence[str]:
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    return [str(name) for name, count in zip(names, counts, strict=True) if count > NEAREST]


def _ask(
    told: Told,
    vectors: Matrix,
    labels: NDArray[np.str_],
    asked: NDArray[np.int64],
    rest: NDArray[np.int64],
    by: bool,
    among: NDArray[np.int64] | None = None,
) -> None:
    """The verdicts of a calibration of the rest on results `among` these rows, the rest unless given."""
    found = calibrate(vectors[rest], METRIC, labels[rest].tolist() if by else [""] * len(rest))
    assert found is not None
    searched = rest if among is None else among
    apart = distances_to_all(vectors[asked], vectors[searched], METRIC)
    for row, distances in zip(asked, apart, strict=True):
        distances[searched == row] = np.inf
        order = np.argsort(distances, kind="stable")[:RESULTS]
        told.labels.append(str(labels[row]))
        _note(told, found, distances[order], labels[searched][order] == labels[row])


def _note(told: Told, found: Calibration, distances: Matrix, alike: NDArray[np.bool_]) -> None:
    confidence = found.judge(distances.tolist())
    told.verdicts.append(SIMILAR if confidence.verdict == _SAME else confidence.verdict)
    if confidence.alike:
        told.expected += confidence.alike
        told.alike += alike.tolist()


def timing() -> str:
    """How much processor time a calibration of 100,000 vectors takes, the median of three."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((100_000, 1280), dtype=np.float32)
    labels = [str(number % 50) for number in range(len(vectors))]
    took = []
    for given in (labels, [""] * len(labels)):
        times = []
        for _ in range(3):
            began = time.process_time()
            calibrate(vectors, METRIC, given)
            times.append(time.process_time() - began)
        took.append(f"{statistics.median(times):.1f} s")
    return (
        f"A calibration of 100,000 vectors of 1,280 values takes {took[0]} of processor time with labels and\n"
        f"{took[1]} without (medians of three). "
    )


def searching(home: Home) -> str:
    """The processor time of searches with their verdict and without, by turns over the same queries."""
    bench = Workbench(home)
    recipe = Recipe("animals", "efficientnet-lite0", embedding="avg-sqrt", metric=METRIC)
    searcher = bench._open(recipe).searcher
    late = searcher.calibration
    assert late is not None
    late.wait()
    drawn = np.random.default_rng(0).choice(searcher.vectors.ids, _SEARCHES).tolist()
    ways: dict[bool, list[float]] = {True: [], False: []}
    for place, id in enumerate(drawn):
        for judged in (True, False) if place % 2 else (False, True):
            searcher.calibration = late if judged else None
            began = time.thread_time()
            found = bench.search(recipe, id).calibration
            ways[judged].append(time.thread_time() - began)
            assert (found is not None) == judged
    plain, pairs = statistics.median(ways[False]), zip(ways[True], ways[False], strict=True)
    more = statistics.median(judged - alone for judged, alone in pairs)
    return (
        f"A search among {len(searcher.vectors.ids):,} animals takes {1e6 * plain:.0f} µs of\n"
        f"processor time, and {1e6 * more:.0f} µs ({100 * more / plain:.0f} %) more with its verdict, which takes as "
        f"long in a larger collection\n(medians of {_SEARCHES:,} searches and of the differences, by turns).\n"
    )


if __name__ == "__main__":
    main()

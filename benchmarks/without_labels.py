"""What a collection gives without labels: computed parts, networks that learned from it, and all side by side.

    python -m benchmarks.without_labels [--home FOLDER] [--runs NAME …] [--write]

Measures on the collections of $BENZER_TEST_DATA: each part by itself, the parts side by side with equal shares, shares
chosen without labels and shares chosen with them, and each of them averaged with neighbours. `--runs` names trainings
of the home folder, measured on the collection they learned from: a network that learned from nothing is also put beside
the computed parts, a ready-made one beside itself before. `--write` makes it docs/without-labels.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import _machine
from benchmarks._page import markdown
from benchmarks._shares import Shares, by_copies, copies_of, grid, sample_of
from benchmarks.finishing import collections
from engine.collections.collection import Collection
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.encoder import Encoder
from engine.encoders.side_by_side import NAME, SideBySide, pooling_of
from engine.encoders.vectors.augmentation import Augmentation
from engine.encoders.vectors.centring import fit_centring
from engine.encoders.vectors.compression import fit_compression
from engine.encoders.vectors.joined import side_by_side
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.retrieval import Scores, evaluate
from engine.runs import listing as runs
from engine.runs.run import Run

ALONE = ("colour-histogram", "colour-pyramid", "local-binary-patterns", "opponent-patterns")
K = 8
PAGE = PROJECT / "docs" / "without-labels.md"

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """A collection in a home: what is measured, and its labels, by which it is judged only."""

    home: Home
    collection: Collection
    labels: Sequence[str]

    def scores(self, vectors: Matrix) -> Scores:
        """precision@8 of every picture, itself left out, by cosine."""
        return evaluate(vectors, self.labels, "cosine")

    def precision(self, vectors: Matrix) -> float:
        """The mean of these alone, of unit vectors: quick enough to try many shares."""
        likeness = vectors @ vectors.T
        np.fill_diagonal(likeness, -np.inf)
        nearest = np.argpartition(-likeness, K, axis=1)[:, :K]
        _, codes, sizes = np.unique(self.labels, return_inverse=True, return_counts=True)
        found = (codes[nearest] == codes[:, None]).mean(1)
        return float(found[sizes[codes] > 1].mean())

    def vectors(self, encoder: Encoder) -> Matrix:
        """Its vectors, averaged over their places, computed where they are missing."""
        return vectors_of(self.collection, encoder, pooling_of(encoder), Reporter()).matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "without-labels")
    parser.add_argument("--collections", default="animals,paintings,products", help="with commas")
    parser.add_argument("--runs", nargs="*", default=[], help="finished trainings of the home folder")
    parser.add_argument("--write", action="store_true", help="write docs/without-labels.md")
    wanted = parser.parse_args()
    home = Home(wanted.home.resolve())
    parts, every = [HEAD], [runs.run(home, name) for name in wanted.runs]
    for collection in collections(home, wanted.collections.split(",")):
        subject = Subject(home, collection, collection.images().labels)
        parts += sections(subject, [run for run in every if run.trained_on == collection.name])
    parts += [AFTERWORD, *undecided(every), f"Measured {time.strftime('%Y-%m-%d')} on {_machine.facts()}."]
    text = "\n\n".join(parts) + "\n"
    print(text)
    if wanted.write:
        PAGE.write_text(text, encoding="utf-8")


def sections(subject: Subject, trained: Sequence[Run]) -> Iterator[str]:
    """The tables, each under its heading."""
    fresh = [run for run in trained if run.config.get("start", "random") == "random"]
    ready_made = [run for run in trained if run not in fresh]
    kinds = subject.collection.labels()
    yield f"## {subject.collection.title}"
    yield f"{len(subject.collection):,} pictures of {len(kinds)} labels; chance {_chance(kinds):.2f}."
    alone: list[str | Run] = [*ALONE, *fresh]
    yield markdown([_HEAD_ALONE, *(_alone(subject, one) for one in alone)])
    yield markdown([_HEAD_JOINED, *(line for run in [None, *fresh] for line in _joined(subject, run))])
    if ready_made:
        yield markdown([_HEAD_TUNED, *(line for run in ready_made for line in _tuned(subject, run))])


def undecided(trained: Sequence[Run]) -> Iterator[str]:
    """What the tables do not show."""
    starts = {run.config.get("start", "random") for run in trained}
    if "random" not in starts:
        yield """Not decided here: what a network that learned from the collection itself adds to colours and textures,
and whether the parts should count the same beside it."""
    if "pretrained" not in starts:
        yield """Not decided here: what training a ready-made network further brings on these collections, and whether
finding altered copies more often, by which its weights are kept, goes with better results."""


def _chance(kinds: Mapping[str, int]) -> float:
    count = sum(kinds.values())
    return sum(size * (size - 1) for size in kinds.values()) / (count * (count - 1))


_HEAD_ALONE = ["encoder", "minutes of training", "plain", "square root, centred", "compressed", "and neighbours"]
_HEAD_JOINED = ["parts", "shares", "chosen", "precision@8", "lead over equal shares, 95 %", "neighbours"]
_HEAD_TUNED = [
    "encoder",
    "minutes of training",
    "plain",
    "square root, centred",
    "lead of that, 95 %",
    "and neighbours",
]


def _alone(subject: Subject, subject_of: str | Run) -> list[str]:
    named = (subject_of, "") if isinstance(subject_of, str) else (subject_of.encoder, subject_of.name)
    encoder = open_encoder(*named, subject.home, subject.collection)
    plain = subject.vectors(encoder)
    short = fit_compression(plain)(plain)
    made = [plain, fit_centring(plain)(plain), short, Augmentation(short).collection()]
    minutes = "" if isinstance(subject_of, str) else f"{_minutes(subject_of):.1f}"
    return [encoder.info.title, minutes, *(_figure(subject.scores(vectors)) for vectors in made)]


def _joined(subject: Subject, run: Run | None) -> Iterator[list[str]]:
    """A line for each way to choose the shares."""
    encoder = SideBySide.open(NAME, run.name if run else "", subject.home).prepared(subject.collection, Reporter())
    assert encoder.fitted is not None
    fitted = list(zip(encoder.fitted.compressions, encoder.parts, strict=True))
    short = [compression(subject.vectors(part)) for compression, part in fitted]
    rows = sample_of(subject.collection)
    copies = [compression(copies_of(subject.collection, part, rows)) for compression, part in fitted]
    likenesses = [copy @ own[rows].T for copy, own in zip(copies, short, strict=True)]

    def precision(shares: Shares) -> float:
        return subject.precision(side_by_side(short, shares))

    equal = (1 / len(short),) * len(short)
    usual = subject.scores(side_by_side(short, equal)).precisions
    ways = {
        "equal": equal,
        "by altered copies": by_copies(likenesses),
        "with labels": max(grid(len(short)), key=precision),
    }
    for way, shares in ways.items():
        vectors = side_by_side(short, shares)
        scores, near = subject.scores(vectors), subject.scores(Augmentation(vectors).collection())
        lead = "" if way == "equal" else "{:+.3f} to {:+.3f}".format(*bootstrap_interval(scores.precisions - usual))
        divided = " : ".join(f"{100 * share:.0f}" for share in shares)
        yield [encoder.info.title, divided, way, _figure(scores), lead, _figure(near)]


def _tuned(subject: Subject, run: Run) -> Iterator[list[str]]:
    """The network before and after."""
    before = open_encoder(run.encoder, "", subject.home, subject.collection)
    usual: Scores | None = None
    for encoder in (before, open_encoder(run.encoder, run.name, subject.home, subject.collection)):
        plain = subject.vectors(encoder)
        root = fit_centring(plain)(plain)
        scores = subject.scores(root)
        lead = "{:+.3f} to {:+.3f}".format(*bootstrap_interval(scores.precisions - usual.precisions)) if usual else ""
        near = subject.scores(Augmentation(root).collection())
        minutes = f"{_minutes(run):.1f}" if usual else ""
        yield [encoder.info.title, minutes, _figure(subject.scores(plain)), _figure(scores), lead, _figure(near)]
        usual = scores


def _figure(scores: Scores) -> str:
    low, high = scores.interval
    return f"{scores.precision:.3f} ±{(high - low) / 2:.3f}"


def _minutes(run: Run) -> float:
    """Of the training alone, without what is measured after each epoch."""
    return sum(float(event.get("seconds", 0.0)) for event in run.events()) / 60


HEAD = """# What can be had without labels

From a collection alone: what colours and textures give without any training, and what all side by side are worth;
networks that learned from the pictures have a line where one was measured. precision@8: every picture is the query
once and left out of its own results; cosine; ± is half the 95 % bootstrap interval. Labels only judge, except in the
lines *with labels*: an upper bound that nobody without labels reaches. *Compressed*: square root, centring, at most
256 principal components with their deviations to the power of .75. *Neighbours*: each vector averaged with its eight
nearest (DBA). Leads are paired over the same queries. Made by `python -m benchmarks.without_labels`."""
AFTERWORD = """Shares *by altered copies* are those under which mirrored, cut and recoloured copies of 400 pictures most
often find their originals; of all within one standard error of the best, the most even. That favours the colour
histogram, which such copies change least, over the textures, and searches worse than equal shares wherever the interval
says so.
So the app takes equal ones. All together have a higher figure than each part on the photographs and the paintings, but
not on products, whose labels follow shapes: there the grey texture alone is ahead, and so is the best of the shares
chosen with labels, which gives it 70 %."""

if __name__ == "__main__":
    main()

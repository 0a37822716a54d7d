"""Doing a classification: embed pictures and texts, and train and ask fold by fold.

Here the families meet: `classification` knows what is asked and what answers are worth, `encoders` and `texts` make
vectors, `training` makes a network of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.classification import measures
from engine.classification.conditioned import Conditioned
from engine.classification.conditions import CLEAN
from engine.classification.fine_tuning import Learned, check_fine_tuning, check_something_learns, learned, tunable
from engine.classification.folds import drawn, folds
from engine.classification.plan import Cell, Plan
from engine.classification.results import Answer, Classification, Row, classification, create, opinion
from engine.core.errors import BadParameter, Stopped, StorageFull
from engine.core.home import Home
from engine.core.storage import digest_of
from engine.jobs.job import Reporter, Within, sentence_of

if TYPE_CHECKING:
    from engine.classification.training.objective import ClassifierConfig
    from engine.collections.collection import Collection
    from engine.encoders.encoder import Encoder
    from engine.encoders.examples.examples import Things
    from engine.encoders.fused import Verdict
    from engine.texts import TextEncoder
    from models.fusion import Fusion

Rows = NDArray[np.int64]


def plan_classification(home: Home, plan: Plan) -> Classification:
    """Store a plan as a new classification, once everything that it names has been looked at.

    Raises:
        NotFound: no such collection. NoWeights, MissingPackage: an encoder needs something first.
        BadParameter: no such encoder or column, one class only, fewer things of a class than folds, no texts.
    """
    from engine.collections.collection import Collection

    collection = Collection.open(home, plan.collection)
    Subject.of(home, collection, plan)
    check_something_learns(plan)
    return create(home, plan)


def run_classification(home: Home, name: str, reporter: Reporter) -> dict[str, Any]:
    """Measure every cell that has not been measured yet, or was of other pictures, texts, labels or weights.

    Figures of other things are dropped first: their folds and classes are others, and cannot be added up with new ones.
    A cell that cannot be measured keeps its sentence, and the others go on. A training that was cut off goes on.

    Returns:
        How many cells were measured now, and how many have failed.

    Raises:
        What `plan_classification` raises. BadParameter: another process measures it.
        Stopped: a person asked; StorageFull: the disk refused. What was finished is kept.
    """
    from engine.collections.collection import Collection

    found = classification(home, name)
    with found.measuring():
        collection = Collection.open(home, found.plan.collection)
        work = _Work(home, found, Subject.of(home, collection, found.plan), reporter)
        work.all()
        failed = sum(bool(row.error) for row in found.rows())
        return {"classification": name, "measured": work.measured, "failed": failed}


def config_of(plan: Plan, fusion: str) -> ClassifierConfig:
    """The training of one of a plan's fusions; BadParameter for a setting that a training does not have."""
    from engine.classification.training.objective import ClassifierConfig

    return ClassifierConfig.from_dict({**plan.settings, "fusion": fusion, "seed": plan.seed})


@dataclass(frozen=True)
class Subject:
    """What a plan is about: the encoders over the collection, and which images carry which class.

    Attributes:
        labels: by the id of an image; of those that take part. classes: all labels by name.
    """

    collection: Collection
    plan: Plan
    picture: Encoder | None
    text: TextEncoder | None
    labels: dict[int, str]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, home: Home, collection: Collection, plan: Plan) -> Subject:
        """The subject, once it is sure that it can be classified; raises as `plan_classification` does."""
        from engine.texts.vectors import fitted_to

        labels = checked_labels(collection, plan)
        picture = _picture_encoder(home, collection, plan) if plan.fusions != ("text",) else None
        text = None
        if plan.needs_text:
            text = fitted_to(_text_encoder(home, plan.text), collection)
        check_fine_tuning(plan, picture, text)
        return cls(collection, plan, picture, text, labels, tuple(sorted(set(labels.values()))))

    @property
    def made_of(self) -> str:
        """Changes when pictures, labels, texts or weights do."""
        encoders = [one.info.fingerprint for one in (self.picture, self.text) if one is not None]
        return f"{things_digest(self.collection, self.labels)}-{digest_of(*encoders)}"

    def things(self, reporter: Reporter, every: bool = False) -> Things:
        """The labelled things with their classes: those drawn by the plan, or all of them."""
        from engine.encoders.examples.of_collection import things_of

        found = things_of(self.collection, self.picture, self.plan.embedding, self.text, reporter)
        place = {label: code for code, label in enumerate(self.classes)}
        codes = np.array([place.get(self.labels.get(id, ""), -1) for id in found.ids.tolist()], dtype=np.int64)
        known = np.flatnonzero((codes >= 0) & (found.has_picture | found.has_text))
        rows = known if every else known[drawn(codes[known], self.plan.each, self.plan.seed)]
        return replace(found, codes=codes, classes=self.classes).of(rows)

    def texts(self, ids: Rows) -> list[str]:
        """The plain texts of images."""
        from engine.texts.plain import plain

        images = self.collection.images()
        texts = dict(zip(images.ids.tolist(), images.texts, strict=True))
        return [plain(texts[id]) for id in ids.tolist()]


def checked_labels(collection: Collection, plan: Plan) -> dict[int, str]:
    """The class of every image that takes part, once it is sure that the plan can be asked of them.

    Raises:
        BadParameter: as `labels_of`, one class only, fewer things of a class than folds, no texts where some are read.
    """
    labels = labels_of(collection, plan)
    _check_labels(labels, plan)
    if plan.needs_text:
        _check_texts(collection, labels)
    return labels


def things_of_a_plan(collection: Collection, plan: Plan) -> int:
    """How many things take part; raises as `checked_labels` does."""
    sizes = Counter(checked_labels(collection, plan).values())
    return sum(min(size, plan.each or size) for size in sizes.values())


def things_digest(collection: Collection, labels: Mapping[int, str]) -> str:
    """Changes when pictures, texts or labels do; the first part of a row's `made_of`."""
    images = collection.images()
    return digest_of(*images.ids.tolist(), *images.hashes, *images.texts, *sorted(labels.items()))


def labels_of(collection: Collection, plan: Plan) -> dict[int, str]:
    """The class of every image that takes part, by its id.

    Raises:
        BadParameter: the collection has no table, the table no such column, or a wanted label is not there.
    """
    if plan.column:
        labels = _column(collection, plan.column)
    else:
        images = collection.images()
        labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    unknown = sorted(set(plan.labels) - set(labels.values()))
    if unknown:
        known = ", ".join(sorted(set(filter(None, labels.values())))) or "none"
        raise BadParameter("label", "a classification", f"one of {known}", unknown[0])
    return {id: label for id, label in labels.items() if label and (not plan.labels or label in plan.labels)}


def _column(collection: Collection, name: str) -> dict[int, str]:
    from engine.collections.sources.tables import checked_table, column

    table = collection.source.get("table")
    if not table:
        wanted = "left out: the collection was not imported from a table"
        raise BadParameter("label column", collection.title, wanted, name)
    found = column(checked_table(table), name)
    return {row.id: found.get(row.key, "") for row in collection.rows("image")}


def _check_labels(labels: dict[int, str], plan: Plan) -> None:
    sizes = Counter(labels.values())
    if len(sizes) < 2:
        found = f"only {next(iter(sizes))!r}" if sizes else "none"
        way_out = "Give the collection labels, or name a --label-column of its table."
        raise BadParameter("labels", "a classification", "two or more different ones", found, way_out=way_out)
    rare, least = min(sizes.items(), key=lambda pair: (pair[1], pair[0]))
    least = min(least, plan.each or least)
    if least < plan.folds:
        wanted = f"at most {least}, as many as there are things with the label {rare!r}"
        way_out = "Ask for fewer folds, or name the labels that take part."
        raise BadParameter("number of folds", "a classification", wanted, plan.folds, way_out=way_out)


def _check_texts(collection: Collection, labels: dict[int, str]) -> None:
    images = collection.images()
    if not any(text.strip() for id, text in zip(images.ids.tolist(), images.texts, strict=True) if id in labels):
        way_out = "Import a table with a column text, or ask for the picture alone (--fusion picture)."
        raise BadParameter("texts", "a classification", "there for some of the things", "none", way_out=way_out)


def _picture_encoder(home: Home, collection: Collection, plan: Plan) -> Encoder:
    from engine.encoders import choices, open_encoder

    _check_embedding(plan.embedding)
    name, _, weights = plan.picture.partition("@")
    lines = [choice for choice in choices(home, collection.name, also=name) if choice.name == name]
    if not lines:
        names = ", ".join(sorted({choice.name for choice in choices(home, collection.name) if choice.ready}))
        raise BadParameter("encoder", "a classification", f"one of {names}", name)
    weights = weights or next((choice.weights for choice in lines if choice.ready), "")
    _check_untaught(home, collection, name, weights)
    return open_encoder(name, weights, home, collection)


def _check_embedding(name: str) -> None:
    from engine.encoders.pooling import EMBEDDINGS, WHITE, embedding, unwhitened

    if embedding(name).name != unwhitened(name):
        wanted = f"one of {', '.join(EMBEDDINGS)}, without {WHITE}: whitening belongs to a collection's own pictures"
        raise BadParameter("embedding", "a classification", wanted, name)


def _check_untaught(home: Home, collection: Collection, name: str, weights: str) -> None:
    """Refuse an encoder that has learned the labels that are asked about, or reads texts; two combined as well."""
    from engine.encoders import choices
    from engine.encoders.combination import parts_of

    parts = parts_of(name, weights)
    for line in choices(home):
        if (line.name, line.weights) in parts and line.learned_from == collection.name:
            wanted = f"one that has not learned from {collection.title} already: it knows the answers"
            raise BadParameter("encoder", "a classification", wanted, line.title)
        if (line.name, line.weights) in parts and line.words:
            wanted = "one that sees pictures only: this one reads their texts as well"
            raise BadParameter("encoder", "a classification", wanted, line.title)


def _text_encoder(home: Home, name: str) -> TextEncoder:
    from engine.texts import open_text_encoder

    return open_text_encoder(name, home)


@dataclass
class _Work:
    """One run through a classification."""

    home: Home
    found: Classification
    subject: Subject
    reporter: Reporter
    measured: int = 0

    def all(self) -> None:
        made_of = self.subject.made_of
        left = [cell for cell in self.found.plan.cells() if not self._has_figures(cell, made_of)]
        if not left:
            return
        things = self.subject.things(self.reporter)
        asked = Conditioned(self.subject, things, self.reporter)
        asked.tunable = tunable(self.home, self.subject, things, self.reporter)
        parts = folds(things.codes, self.found.plan.folds, self.found.plan.seed)
        for cell in left:
            self.found.forget(cell)
        for cell in left:
            self.reporter.stop_if_asked()
            with self._failures_kept(cell):
                self._measure(cell, made_of, parts, asked)

    def _measure(self, cell: Cell, made_of: str, parts: Rows, asked: Conditioned) -> None:
        from engine.encoders.examples.examples import held_out
        from engine.runs.run import Run

        things, config = asked.things, config_of(self.found.plan, cell.fusion)
        others, own = np.flatnonzero(parts != cell.fold), np.flatnonzero(parts == cell.fold)
        learning, kept_apart = held_out(things.codes, others, config.validation, config.seed)
        network, run = self._trained(cell, made_of, asked, learning, kept_apart)
        seen_by = learned(self.subject, run, config.tuned)
        row = Row(cell.key, cell.title, cell.fusion, cell.fold, made_of, len(learning), len(own), things.classes)
        self._keep(replace(row, **_trained_figures(run, network), **self._asked(network, asked, own, seen_by)))
        Run(run.folder).remove()

    def _trained(
        self, cell: Cell, made_of: str, asked: Conditioned, learning: Rows, kept_apart: Rows
    ) -> tuple[Fusion, Any]:
        """The cell's network; a training that was cut off goes on, one of other things is begun anew."""
        from engine.classification.training.objective import train_classifier
        from engine.core.device import device
        from engine.runs import run as runs

        config, root = config_of(self.found.plan, cell.fusion), self.found.folder / "runs"
        run = runs.Run(root / cell.key)
        if (run.folder / "run.json").exists() and run.card.get("made_of") != made_of:
            run.remove()
        if not (run.folder / "run.json").exists():
            run = runs.create(self.home, cell.key, config.as_dict(), {"made_of": made_of}, root)
        lead = f"{self._done()} of {len(self.found.plan.cells())} trainings · {cell.title}, fold {cell.fold + 1}"
        within = Within(self.reporter, lead)
        parts = (asked.things, learning, kept_apart)
        return train_classifier(config, *parts, run, within, device(), asked.tunable), run

    def _asked(self, network: Fusion, asked: Conditioned, own: Rows, seen_by: Learned) -> dict[str, Any]:
        """The figures of a network over the held-out things, under every condition."""
        from engine.encoders.fused import verdict

        true, count = asked.things.codes[own], len(self.subject.classes)
        found: dict[str, Any] = {"confusion": {}, "ece": {}, "log_loss": {}}
        for condition in self.found.plan.asked:
            name, things = condition.name, asked.of(condition, own, seen_by)
            said = verdict(network, things, np.arange(len(own)))
            bins = measures.reliability(true, said.fused)
            found["confusion"][name] = measures.confusion(true, said.fused.argmax(1), count).tolist()
            found["ece"][name] = measures.calibration_error(bins)
            found["log_loss"][name] = measures.log_loss(true, said.fused)
            if name == CLEAN:
                found["reliability"] = tuple(bins)
                found["answers"] = _answers(things, said, self.subject.classes)
        return found

    def _keep(self, row: Row) -> None:
        self.found.keep(row)
        self.measured += not row.error
        self.reporter.event(kind="cells", done=self._done(), total=len(self.found.plan.cells()))

    @contextmanager
    def _failures_kept(self, cell: Cell) -> Iterator[None]:
        """Note what fails in the cell's row, so that the others go on."""
        try:
            yield
        except (Stopped, StorageFull):
            raise
        except Exception as error:
            self._keep(Row(cell.key, cell.title, cell.fusion, cell.fold, error=sentence_of(error)))

    def _has_figures(self, cell: Cell, made_of: str) -> bool:
        row = self.found.row(cell)
        return row is not None and not row.error and row.made_of == made_of

    def _done(self) -> int:
        return sum(path.suffix == ".json" for path in Path(self.found.folder / "cells").glob("*.json"))


def _trained_figures(run: Any, network: Fusion) -> dict[str, Any]:
    """How the training went, for a row."""
    names = ("epoch", "train", "validation", "accuracy", "seconds")
    curve = tuple({name: event[name] for name in names if name in event} for event in run.events())
    share = float(network.weight) if network.spec.fusion == "late" else None
    seconds = sum(event.get("seconds", 0.0) for event in curve)
    return {"curve": curve, "epoch": int(run.card.get("best_epoch", 0)), "share": share, "seconds": round(seconds, 2)}


def _answers(things: Things, said: Verdict, classes: Sequence[str]) -> tuple[Answer, ...]:
    """One answer for each thing."""
    return tuple(
        Answer(
            int(things.ids[row]),
            classes[things.codes[row]],
            None if said.picture is None else opinion(said.picture[row], classes),
            None if said.text is None else opinion(said.text[row], classes),
            opinion(said.fused[row], classes),
        )
        for row in range(len(things))
    )

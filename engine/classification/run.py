"""Doing a classification: embed pictures and texts, and train and ask fold by fold.

Here the families meet: `classification` knows what is asked and what answers are worth, `encoders` and `texts` make
vectors, `training` makes a network of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.classification import measures
from engine.classification.corrupted import Corrupted
from engine.classification.corruptions import CLEAN
from engine.classification.fine_tuning import LearnedEncoders, learned, tunable
from engine.classification.folds import folds, held_out
from engine.classification.plan import ClassificationPlan, FoldCell
from engine.classification.results import Classification, FoldRow, Prediction, classification, create, opinion
from engine.classification.task import Rows, Task, check_something_learns, config_of
from engine.collections.collection import Collection
from engine.core.device import device
from engine.core.errors import Stopped, StorageFull
from engine.core.home import Home
from engine.core.progress import Reporter, Within, sentence_of
from engine.encoders.fusion import Explanation, verdict
from engine.runs import run as runs
from engine.runs.run import Run

if TYPE_CHECKING:
    from engine.encoders.examples.examples import Examples
    from models.fusion import Fusion


def plan_classification(home: Home, plan: ClassificationPlan) -> Classification:
    """Store a plan as a new classification, once everything that it names has been looked at.

    Raises:
        NotFound: no such collection. NoWeights, MissingPackage: an encoder needs something first.
        BadParameter: no such encoder or column, one class only, fewer things of a class than folds, no texts.
    """
    collection = Collection.open(home, plan.collection)
    Task.of(home, collection, plan)
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
    found = classification(home, name)
    with found.measuring():
        collection = Collection.open(home, found.plan.collection)
        work = ClassificationRun(home, found, Task.of(home, collection, found.plan), reporter)
        work.all()
        failed = sum(bool(row.error) for row in found.rows())
        return {"classification": name, "measured": work.measured, "failed": failed}


@dataclass
class ClassificationRun:
    """One run through a classification."""

    home: Home
    found: Classification
    subject: Task
    reporter: Reporter
    measured: int = 0

    def all(self) -> None:
        made_of = self.subject.made_of
        left = [cell for cell in self.found.plan.cells() if not self._has_figures(cell, made_of)]
        if not left:
            return
        things = self.subject.things(self.reporter)
        asked = Corrupted(self.subject, things, self.reporter)
        asked.tunable = tunable(self.home, self.subject, things, self.reporter)
        parts = folds(things.codes, self.found.plan.folds, self.found.plan.seed)
        for cell in left:
            self.found.forget(cell)
        for cell in left:
            self.reporter.stop_if_asked()
            with self._failures_kept(cell):
                self._measure(cell, made_of, parts, asked)

    def _measure(self, cell: FoldCell, made_of: str, parts: Rows, asked: Corrupted) -> None:
        things, config = asked.things, config_of(self.found.plan, cell.fusion)
        others, own = np.flatnonzero(parts != cell.fold), np.flatnonzero(parts == cell.fold)
        learning, kept_apart = held_out(things.codes, others, config.validation, config.seed)
        network, run = self._trained(cell, made_of, asked, learning, kept_apart)
        seen_by = learned(self.subject, run, config.tuned)
        row = FoldRow(cell.key, cell.title, cell.fusion, cell.fold, made_of, len(learning), len(own), things.classes)
        self._keep(replace(row, **_trained_figures(run, network), **self._asked(network, asked, own, seen_by)))
        Run(run.folder).remove()

    def _trained(
        self, cell: FoldCell, made_of: str, asked: Corrupted, learning: Rows, kept_apart: Rows
    ) -> tuple[Fusion, Any]:
        """The cell's network; a training that was cut off goes on, one of other things is begun anew."""
        from engine.classification.training.train import train_classifier

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

    def _asked(self, network: Fusion, asked: Corrupted, own: Rows, seen_by: LearnedEncoders) -> dict[str, Any]:
        """The figures of a network over the held-out things, under every condition."""
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

    def _keep(self, row: FoldRow) -> None:
        self.found.keep(row)
        self.measured += not row.error
        self.reporter.event(kind="cells", done=self._done(), total=len(self.found.plan.cells()))

    @contextmanager
    def _failures_kept(self, cell: FoldCell) -> Iterator[None]:
        """Note what fails in the cell's row, so that the others go on."""
        try:
            yield
        except (Stopped, StorageFull):
            raise
        except Exception as error:
            self._keep(FoldRow(cell.key, cell.title, cell.fusion, cell.fold, error=sentence_of(error)))

    def _has_figures(self, cell: FoldCell, made_of: str) -> bool:
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


def _answers(things: Examples, said: Explanation, classes: Sequence[str]) -> tuple[Prediction, ...]:
    """One answer for each thing."""
    return tuple(
        Prediction(
            int(things.ids[row]),
            classes[things.codes[row]],
            None if said.picture is None else opinion(said.picture[row], classes),
            None if said.text is None else opinion(said.text[row], classes),
            opinion(said.fused[row], classes),
        )
        for row in range(len(things))
    )

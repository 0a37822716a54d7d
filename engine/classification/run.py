"""Running a classification: embed pictures and texts, then train and test fold by fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.classification import measures
from engine.classification.corrupted import Corrupted
from engine.classification.corruptions import CLEAN
from engine.classification.fine_tuning import LearnedEncoders, learned, tunable
from engine.classification.folds import folds, held_out
from engine.classification.plan import ClassificationPlan, FoldCell
from engine.classification.results import Classification, FoldRow, Prediction, classification, create, likeliest
from engine.classification.task import Rows, Task, check_something_learns, config_of
from engine.collections.collection import Collection
from engine.comparisons.runner import ComparisonRun, run_comparison
from engine.core.device import device
from engine.core.home import Home
from engine.core.progress import NestedReporter, Reporter
from engine.encoders.fusion import Explanation, explain
from engine.runs import listing as runs
from engine.runs.run import Run

if TYPE_CHECKING:
    from engine.encoders.examples.examples import Examples
    from models.fusion import Fusion

ClassificationRun = ComparisonRun[ClassificationPlan, FoldCell, FoldRow]


def plan_classification(home: Home, plan: ClassificationPlan) -> Classification:
    """Store a plan as a new classification, once everything it names has been checked.

    Raises:
        NotFound: no such collection. NoWeights, MissingPackage: an encoder needs something first.
        BadParameter: no such encoder or column, one class only, fewer items of a class than folds, no texts.
    """
    collection = Collection.open(home, plan.collection)
    Task.of(home, collection, plan)
    check_something_learns(plan)
    return create(home, plan)


def run_classification(home: Home, name: str, reporter: Reporter) -> dict[str, Any]:
    """Measure every cell that is missing, or was measured with other pictures, texts, labels or weights.

    Figures of other items are dropped first: with different folds and classes they cannot be combined with new ones.
    An interrupted training is continued.

    Returns:
        What `run_comparison` returns.

    Raises:
        What `plan_classification` raises. BadParameter: another process is measuring it.
        Stopped: on request; StorageFull: the disk refused. Finished cells are kept.
    """

    def measure(run: ClassificationRun) -> None:
        collection = Collection.open(home, run.plan.collection)
        task = Task.of(home, collection, run.plan)
        made_of = task.made_of
        if missing := run.missing(run.plan.cells(), made_of):
            trainings = FoldTrainings.begin(home, run, task, made_of)
            for cell in missing:
                run.forget(cell)
            run.each(missing, trainings.measure)

    return run_comparison(classification(home, name), measure, _failed, reporter)


def _failed(cell: FoldCell, sentence: str) -> FoldRow:
    return FoldRow(cell.key, cell.title, cell.fusion, cell.fold, error=sentence)


@dataclass(frozen=True)
class FoldTrainings:
    """The trainings of a classification, which share its items.

    Attributes:
        made_of: what they are made of. folds: (n,) the fold of each item.
    """

    home: Home
    run: ClassificationRun
    task: Task
    made_of: str
    corrupted: Corrupted
    folds: Rows

    @classmethod
    def begin(cls, home: Home, run: ClassificationRun, task: Task, made_of: str) -> FoldTrainings:
        """Embed the items and draw the folds."""
        items = task.items(run.reporter)
        corrupted = Corrupted(task, items, run.reporter, tunable(home, task, items, run.reporter))
        return cls(home, run, task, made_of, corrupted, folds(items.codes, run.plan.folds, run.plan.seed))

    def measure(self, cell: FoldCell) -> None:
        """Train on all folds but the cell's, and test on that one."""
        items, config = self.corrupted.items, config_of(self.run.plan, cell.fusion)
        others, own = np.flatnonzero(self.folds != cell.fold), np.flatnonzero(self.folds == cell.fold)
        learning, kept_apart = held_out(items.codes, others, config.validation, config.seed)
        network, run = self._trained(cell, learning, kept_apart)
        seen_by = learned(self.task, run, config.tuned)
        sizes = (len(learning), len(own))
        row = FoldRow(cell.key, cell.title, cell.fusion, cell.fold, self.made_of, *sizes, items.classes)
        row = replace(row, made_with=self.task.made_with)
        self.run.keep(replace(row, **_trained_figures(run, network), **self._asked(network, own, seen_by)))
        Run(run.folder).remove()

    def _trained(self, cell: FoldCell, learning: Rows, kept_apart: Rows) -> tuple[Fusion, Any]:
        """The cell's trained network; continues an interrupted training, and starts again if its items differ."""
        from engine.classification.training.train import train_classifier

        config, root = config_of(self.run.plan, cell.fusion), self.run.comparison.folder / "runs"
        run = Run(root / cell.key)
        if (run.folder / "run.json").exists() and run.card.get("made_of") != self.made_of:
            run.remove()
        if not (run.folder / "run.json").exists():
            run = runs.create(self.home, cell.key, config.as_dict(), {"made_of": self.made_of}, root)
        within = NestedReporter(
            self.run.reporter, f"{self.run.progress} trainings · {cell.title}, fold {cell.fold + 1}"
        )
        parts = (self.corrupted.items, learning, kept_apart)
        return train_classifier(config, *parts, run, within, device(), self.corrupted.tunable), run

    def _asked(self, network: Fusion, own: Rows, seen_by: LearnedEncoders) -> dict[str, Any]:
        """The figures of a network over the held-out items, under every condition."""
        true, count = self.corrupted.items.codes[own], len(self.task.classes)
        found: dict[str, Any] = {"confusion": {}, "ece": {}, "log_loss": {}, "brier": {}}
        for condition in self.run.plan.asked:
            name, items = condition.name, self.corrupted.of(condition, own, seen_by)
            predicted = explain(network, items, np.arange(len(own)))
            bins = measures.reliability(true, predicted.fused)
            found["confusion"][name] = measures.confusion(true, predicted.fused.argmax(1), count).tolist()
            found["ece"][name] = measures.calibration_error(bins)
            found["log_loss"][name] = measures.log_loss(true, predicted.fused)
            found["brier"][name] = measures.brier(true, predicted.fused)
            if name == CLEAN:
                found["reliability"] = tuple(bins)
                found["answers"] = _predictions(items, predicted, self.task.classes)
        return found


def _trained_figures(run: Any, network: Fusion) -> dict[str, Any]:
    """How the training went, for a row."""
    names = ("epoch", "train", "validation", "accuracy", "seconds")
    curve = tuple({name: event[name] for name in names if name in event} for event in run.events())
    share = float(network.weight) if network.spec.fusion == "late" else None
    seconds = sum(event.get("seconds", 0.0) for event in curve)
    return {"curve": curve, "epoch": int(run.card.get("best_epoch", 0)), "share": share, "seconds": round(seconds, 2)}


def _predictions(items: Examples, predicted: Explanation, classes: Sequence[str]) -> tuple[Prediction, ...]:
    """The prediction for each item."""
    return tuple(
        Prediction(
            int(items.ids[row]),
            classes[items.codes[row]],
            None if predicted.picture is None else likeliest(predicted.picture[row], classes),
            None if predicted.text is None else likeliest(predicted.text[row], classes),
            likeliest(predicted.fused[row], classes),
        )
        for row in range(len(items))
    )

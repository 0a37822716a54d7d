"""Doing an experiment: train what is missing, embed, index, and measure cell by cell.

Here the families meet: `evaluation` knows what is asked and what an answer is worth, and is given vectors and indexes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from engine.collections.collection import Collection
from engine.comparisons.recipes.experiment import (
    Experiment,
    ExperimentRow,
    create,
    experiment,
    pictures_digest,
    unmeasured,
)
from engine.comparisons.recipes.plan import ExperimentCell, ExperimentPlan, Training
from engine.core.errors import BenzerError, Diverged, NotTrained, Stopped, StorageFull
from engine.core.home import Home
from engine.core.progress import Reporter, Within, sentence_of
from engine.core.recipe import Recipe, parse_method
from engine.core.storage import digest_of
from engine.encoders import open_encoder
from engine.encoders.choosing import with_weights
from engine.encoders.encoder import EncoderInfo
from engine.encoders.pooling import embedding, unwhitened
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import Vectors, stored, whiten
from engine.evaluation.measuring import Questions, measure, nearest, questions
from engine.indexes import Index, make_index
from engine.runs import run as runs
from engine.runs.run import Run
from engine.search import opening
from engine.training import TrainingConfig
from engine.training.job import train
from engine.training.schedules import schedule


def plan_experiment(home: Home, plan: ExperimentPlan) -> Experiment:
    """Store a plan as a new experiment, once everything it names has been looked at.

    Raises:
        NotFound: no such collection or query image. BadParameter: no such encoder, embedding, method or setting, a
            training that cannot be, or a collection in which no two images share a label.
    """
    collection = Collection.open(home, plan.collection)
    _check_columns(plan)
    _asked(collection, plan, np.asarray(collection.images().ids))
    encoders = tuple(with_weights(home, text) for text in plan.encoders)
    trainings = tuple(_checked(training) for training in plan.trainings)
    return create(home, replace(plan, encoders=encoders, trainings=trainings))


def run_experiment(home: Home, name: str, reporter: Reporter) -> dict[str, Any]:
    """Measure every cell that has not been measured yet, or was of other images, labels or weights.

    A cell that cannot be measured keeps its sentence, and the others go on.

    Returns:
        How many cells were measured now, and how many have failed.

    Raises:
        NotFound: no such experiment or collection. BadParameter: another process measures it, or nothing can be asked.
        Stopped: a person asked; StorageFull: the disk refused. What was finished is kept.
    """
    found = experiment(home, name)
    with found.measuring():
        collection = Collection.open(home, found.plan.collection)
        _asked(collection, found.plan, np.asarray(collection.images().ids))
        work = ExperimentRun(home, found, collection, reporter)
        for _, cells in groupby(found.plan.cells(), key=_subject_of):
            reporter.stop_if_asked()
            work.subject(list(cells))
        failed = sum(bool(row.error) for row in found.rows())
        return {"experiment": name, "measured": work.measured, "failed": failed}


@dataclass
class ExperimentRun:
    """One run through an experiment."""

    home: Home
    experiment: Experiment
    collection: Collection
    reporter: Reporter
    measured: int = 0

    def subject(self, cells: list[ExperimentCell]) -> None:
        """All cells of one encoder: its weights first, then its vectors, then cell by cell."""
        title, training = cells[0].title, cells[0].training
        within = Within(self.reporter, f"{self._done()} of {len(self.experiment.plan.cells())} cells · {title}")
        recipe = cells[0].recipe
        # Figures that are there stay where, say, a run has been deleted since.
        with self._failures_kept([cell for cell in cells if not self._has_figures(cell)]):
            run = self._run(training, recipe, within)
            opened = open_encoder(recipe.encoder, run.name if run else recipe.weights, self.home)
            encoder = opened.prepared(self.collection, within)
            made_of = self._made_of(encoder.info)
            left = [cell for cell in cells if not self._has_figures(cell, made_of)]
            if left:
                embed_collection(self.collection, encoder, [unwhitened(cell.recipe.embedding) for cell in left], within)
                _Subject(self, run, encoder.info, made_of, within).measure(self._whitened(left, encoder.info))

    def _whitened(self, cells: list[ExperimentCell], info: EncoderInfo) -> list[ExperimentCell]:
        """Whiten the vectors where that is asked; the cells whose vectors can be had, the others keep why not."""
        able: list[ExperimentCell] = []
        for name in dict.fromkeys(cell.recipe.embedding for cell in cells):
            those = [cell for cell in cells if cell.recipe.embedding == name]
            with self._failures_kept(those):
                if name != unwhitened(name):
                    whiten(self.collection, info, name)
                able += those
        return able

    def keep(self, row: ExperimentRow) -> None:
        self.experiment.keep(row)
        self.measured += not row.error
        total = len(self.experiment.plan.cells())
        self.reporter.event(kind="cells", done=self._done(), total=total)

    @contextmanager
    def _failures_kept(self, cells: list[ExperimentCell]) -> Iterator[None]:
        """Note what fails in the rows of these cells, so that the others go on."""
        try:
            yield
        except (Stopped, StorageFull):
            raise
        except Exception as error:
            for cell in cells:
                self.keep(unmeasured(cell, str(cell.recipe), error=sentence_of(error)))

    def _run(self, training: Training | None, recipe: Recipe, within: Reporter) -> Run | None:
        """The trained run that encodes; trained now where the plan says so and it is not there yet."""
        if training is not None:
            return trained(self.home, training, self.collection, within)
        return runs.run(self.home, recipe.weights) if recipe.weights else None

    def _made_of(self, info: EncoderInfo) -> str:
        """What figures depend on besides the cell: the images, their labels, and the encoder with its weights."""
        return f"{pictures_digest(self.collection.images())}-{digest_of(info.name, info.fingerprint)}"

    def _has_figures(self, cell: ExperimentCell, made_of: str = "") -> bool:
        row = self.experiment.row(cell)
        return row is not None and not row.error and made_of in ("", row.made_of)

    def _done(self) -> int:
        return len(self.experiment.rows())


class _Subject:
    """One encoder with its weights, over the labelled images of the collection."""

    def __init__(self, work: ExperimentRun, run: Run | None, info: EncoderInfo, made_of: str, within: Reporter) -> None:
        self.work, self.run, self.info, self.made_of, self.within = work, run, info, made_of, within
        self._exact: dict[tuple[str, str], tuple[Index, Any]] = {}  # of one embedding and metric at a time

    def measure(self, cells: list[ExperimentCell]) -> None:
        for cell in cells:
            self.within.stop_if_asked()
            with self.work._failures_kept([cell]):
                self.work.keep(self._row(cell))

    def _row(self, cell: ExperimentCell) -> ExperimentRow:
        recipe = cell.recipe.but(weights=self.info.weights)
        vectors = self._vectors(recipe)
        asked, kept = _asked(self.work.collection, self.work.experiment.plan, vectors.ids)
        whole = len(kept) == len(vectors.ids)
        if not whole:
            ids, hashes = vectors.ids[kept], [vectors.hashes[row] for row in kept]
            vectors = replace(vectors, ids=ids, hashes=hashes, matrix=np.ascontiguousarray(vectors.matrix[kept]))
        exact, truth = self._truth(recipe, vectors, asked)
        self.within.update("Indexing", 0, 1, "indexes", str(recipe))
        index, index_bytes = self._index(recipe, vectors, exact, whole)
        truth = None if index is exact else truth
        found = measure(index, vectors.matrix, asked, recipe.k, truth=truth, told=self._told(recipe))
        megabytes = (vectors.matrix.nbytes + index_bytes) / 1e6
        known = {"weights": recipe.weights, "made_of": self.made_of, "losses": losses(self.run)}
        return replace(unmeasured(cell, str(recipe), **known), megabytes=megabytes, **found)

    def _vectors(self, recipe: Recipe) -> Vectors:
        vectors = stored(self.work.collection, self.info, recipe.embedding)
        if vectors is None:
            raise NotTrained(f"The encoder {self.info.title} gave no vectors for this collection.")
        return vectors

    def _truth(self, recipe: Recipe, vectors: Vectors, asked: Questions) -> tuple[Index, Any]:
        """Exact search over the vectors, and what it finds; kept for the methods that follow."""
        key = (recipe.embedding, recipe.metric)
        if key not in self._exact:
            self._exact.clear()
            self._exact[key] = (opening.exact_index(vectors, recipe.metric), None)
        exact, truth = self._exact[key]
        if truth is None and recipe.method != exact.name:
            truth = nearest(exact, vectors.matrix, asked, recipe.k, self._told(recipe))
            self._exact[key] = (exact, truth)
        return exact, truth

    def _index(self, recipe: Recipe, vectors: Vectors, exact: Index, whole: bool) -> tuple[Index, int]:
        """The recipe's index, and what it takes besides the vectors. Over the whole collection it is a stored one."""
        if recipe.method == exact.name:
            return exact, 0
        if not whole:
            index = make_index(recipe.method, recipe.metric, **dict(recipe.options))
            index.build(vectors.ids, vectors.matrix)
            return index, _saved_bytes(index)
        index = opening.open_index(self.work.collection, self.info, recipe, vectors, exact)
        snapshot = opening.index_store(self.work.collection, self.info, recipe).open(only=())
        return index, _bytes_in(snapshot.folder) if snapshot else _saved_bytes(index)

    def _told(self, recipe: Recipe) -> Any:
        return lambda done, total: self.within.update("Measuring", done, total, "queries", str(recipe))


def trained(home: Home, training: Training, collection: Collection, reporter: Reporter) -> Run:
    """The run of a planned training: a finished one with the same settings, else an unfinished one continued, or new.

    Raises:
        Diverged: it did so before. What a training raises.
    """
    config = TrainingConfig.from_dict(training.config)
    alike = [run for run in runs.runs(home) if _same_training(run, config, collection)]
    done = next((run for run in alike if run.state == "done" and run.ready), None)
    if done is not None:
        return done
    begun = next((run for run in alike if run.can_continue), None)
    if begun is not None:
        return runs.run(home, train({"home": str(home.root), "run": begun.name}, reporter)["run"])
    _refuse(alike)
    if (home.weights / config.name).exists():
        config = replace(config, name=runs.fresh_name(home, config.name))
    arguments = {"home": str(home.root), "collection": collection.name, "config": config.as_dict()}
    return runs.run(home, train(arguments, reporter)["run"])


def losses(run: Run | None) -> dict[str, float | None] | None:
    """The least losses of a run's epochs, None where nothing is known; the untrained network does not count."""
    events = [event for event in run.events() if event["epoch"] > 0] if run else []
    if not events:
        return None
    measured = {name: [e[name] for e in events if e.get(name) is not None] for name in ("train", "mse", "ssim")}
    return {name: min(values, default=None) for name, values in measured.items()}


def _same_training(run: Run, config: TrainingConfig, collection: Collection) -> bool:
    try:
        made = TrainingConfig.from_dict(run.config)
        same_images = run.card["collection"]["fingerprint"] == collection.fingerprint()
    except (BenzerError, KeyError, TypeError):
        return False
    if run.prolonged_after is not None:  # its learning rate went another way than that of one planned so long
        return False
    return same_images and not run.shipped and _settings(made) == _settings(config)


def _settings(config: TrainingConfig) -> TrainingConfig:
    """The config without its name, and with what its schedule takes where nothing is said."""
    whole = schedule(config.schedule, config.rate, config.epochs, config.options).settings
    return replace(config, name="", options=whole)


def _refuse(alike: list[Run]) -> None:
    """Raise where the same training diverged before, or is going on in another process."""
    for run in alike:
        if run.alive:
            raise NotTrained(
                f"The run {run.title} is being trained by other work.", way_out="Start again when that has ended."
            )
        if run.state == "failed":
            raise Diverged(run.error or f"The training of {run.title} failed.")


def _asked(collection: Collection, plan: ExperimentPlan, ids: Any) -> tuple[Questions, Any]:
    """The questions over those of (n,) ids that have a label, and the rows of these."""
    images = collection.images()
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    kept = np.array([row for row, id in enumerate(ids.tolist()) if labels.get(id)], dtype=np.int64)
    names = [labels[id] for id in ids[kept].tolist()]
    return questions(ids[kept], names, query=plan.query, queries=plan.queries, seed=plan.seed), kept


def _check_columns(plan: ExperimentPlan) -> None:
    """BadParameter for an embedding, a method or a setting that does not exist."""
    for name in plan.embeddings:
        embedding(name)
    for method in plan.methods:
        name, options = parse_method(method)
        for metric in plan.metrics:
            make_index(name, metric, **dict(options))


def _checked(training: Training) -> Training:
    """The training with every setting written out, those left at their defaults included."""
    return replace(training, config=TrainingConfig.from_dict(training.config).as_dict())


def _saved_bytes(index: Index) -> int:
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder))
        return _bytes_in(Path(folder))


def _bytes_in(folder: Path) -> int:
    """What an index takes on the disk; the copy of the vectors in it is not counted, for they are counted already."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "vectors.npy")


def _subject_of(cell: ExperimentCell) -> tuple[str, str, str]:
    return cell.title, cell.recipe.encoder, cell.recipe.weights

"""Measuring an experiment: train what is missing, embed, index, and measure cell by cell."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.collections.collection import Collection
from engine.collections.facts.table import unmarked_table, with_marks
from engine.collections.facts.where import matching, parse_where
from engine.collections.label_sources import by_classifier, label_sources, sources_sentence
from engine.comparisons.recipes.experiment import (
    Experiment,
    ExperimentRow,
    create,
    experiment,
    pictures_digest,
    unmeasured,
)
from engine.comparisons.recipes.plan import ExperimentCell, ExperimentPlan, Training
from engine.comparisons.runner import ComparisonRun, run_comparison
from engine.core.errors import BadParameter, BenzerError, Diverged, NotTrained
from engine.core.home import Home
from engine.core.progress import NestedReporter, Reporter
from engine.core.recipe import Recipe, parse_method
from engine.core.storage import digest_of
from engine.encoders import open_encoder
from engine.encoders.choosing import with_weights
from engine.encoders.encoder import Encoder, EncoderInfo
from engine.encoders.pooling import embedding, unfinished
from engine.encoders.vectors.pipeline import embed_collection, vectors_of
from engine.encoders.vectors.store import Vectors
from engine.evaluation.measuring import Questions, measure, nearest, questions
from engine.evaluation.probe import linear_probe
from engine.evaluation.single_queries import SingleQueries
from engine.indexes import Index, make_index
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.search import opening
from engine.training import TrainingConfig
from engine.training.job import train
from engine.training.learned import learned_ids, learned_note

ExperimentRun = ComparisonRun[ExperimentPlan, ExperimentCell, ExperimentRow]


def plan_experiment(home: Home, plan: ExperimentPlan) -> Experiment:
    """Store a plan as a new experiment, once everything it names has been checked.

    Raises:
        NotFound: no such collection or query image. BadParameter: no such encoder, embedding, method or setting, an
            invalid training, or a collection without two images that share a label.
    """
    collection = Collection.open(home, plan.collection)
    _check_columns(plan)
    _asked(collection, plan, np.asarray(collection.images().ids))
    encoders = tuple(with_weights(home, text, "a comparison") for text in plan.encoders)
    trainings = tuple(_checked(training) for training in plan.trainings)
    return create(home, replace(plan, encoders=encoders, trainings=trainings))


def run_experiment(home: Home, name: str, reporter: Reporter) -> dict[str, Any]:
    """Measure every cell that has not been measured yet, or was measured with other images, labels or weights.

    Returns:
        What `run_comparison` returns.

    Raises:
        NotFound: no such experiment or collection. BadParameter: no queries, or another process is measuring it.
        Stopped: on request; StorageFull: the disk is full. Finished cells are kept.
    """

    def measure(run: ExperimentRun) -> None:
        collection = Collection.open(home, run.plan.collection)
        _asked(collection, run.plan, np.asarray(collection.images().ids))
        for cells in run.groups(_encoder_of):
            _measure_encoder(home, collection, run, cells)

    return run_comparison(experiment(home, name), measure, _failed, reporter)


def _measure_encoder(home: Home, collection: Collection, run: ExperimentRun, cells: list[ExperimentCell]) -> None:
    """All cells of one encoder: its weights first, then its vectors, then cell by cell."""
    within = NestedReporter(run.reporter, f"{run.progress} configurations · {cells[0].title}")
    with run.failures_kept(run.missing(cells)):  # existing figures stay if, say, a run has been deleted since
        trained_run = _trained_run(home, collection, cells[0], within)
        weights = trained_run.name if trained_run else cells[0].recipe.weights
        encoder = open_encoder(cells[0].recipe.encoder, weights, home).prepared(collection, within)
        made_of = _made_of(collection, run.plan, encoder.info)
        if missing := run.missing(cells, made_of):
            embed_collection(collection, encoder, [unfinished(cell.recipe.embedding) for cell in missing], within)
            facts = {"made_of": made_of, "losses": losses(trained_run), "computed_in": encoder.info.computed_in}
            figures = EncoderFigures(collection, run.plan, encoder, facts, within, trained_run)
            for name in dict.fromkeys(cell.recipe.embedding for cell in missing):
                with run.failures_kept([cell for cell in missing if cell.recipe.embedding == name]):
                    figures.vectors[name] = vectors_of(collection, encoder, name, within)
            ready = [cell for cell in missing if cell.recipe.embedding in figures.vectors]
            stored = Experiment(run.comparison.folder)
            run.each(ready, lambda cell: run.keep(stored.keep_measured(*figures.row(cell))))


def _trained_run(home: Home, collection: Collection, cell: ExperimentCell, within: Reporter) -> Run | None:
    """The trained run of the encoder, trained now if planned and missing."""
    if cell.training is not None:
        return trained(home, cell.training, collection, within)
    return runs.run(home, cell.recipe.weights) if cell.recipe.weights else None


def _made_of(collection: Collection, plan: ExperimentPlan, info: EncoderInfo) -> str:
    """What figures depend on besides the cell: the images, their labels, and the encoder with its weights.

    With a split also which pictures are queries and searched, as tags and the sources of labels may change.
    """
    images, split = collection.images(), list[int]()
    if plan.queries_where or plan.own_labels:
        asked, _ = _asked(collection, plan, images.ids)
        split = [*asked.ids.tolist(), -1, *asked.rows.tolist()]
    return f"{pictures_digest(images)}-{digest_of(info.name, info.fingerprint, *split)}"


def _failed(cell: ExperimentCell, sentence: str) -> ExperimentRow:
    return unmeasured(cell, str(cell.recipe), error=sentence)


@dataclass
class EncoderFigures:
    """The figures of an encoder with its weights over the labelled images; all of its rows share `facts`."""

    collection: Collection
    plan: ExperimentPlan
    encoder: Encoder
    facts: dict[str, Any]
    within: Reporter
    trained: Run | None = None  # that made the encoder's weights
    vectors: dict[str, Vectors] = field(default_factory=dict)  # by embedding
    probes: dict[str, float] = field(default_factory=dict)
    exact: dict[tuple[str, str], tuple[Index, Any]] = field(default_factory=dict)  # of one embedding and metric

    def row(self, cell: ExperimentCell) -> tuple[ExperimentRow, SingleQueries]:
        """Build the cell's index and measure it; the row, and the figures of each query."""
        recipe = cell.recipe.but(weights=self.encoder.info.weights)
        embedded = self.vectors[recipe.embedding]
        asked, kept = _asked(self.collection, self.plan, embedded.ids)
        whole = len(kept) == len(embedded.ids) and asked.gallery is None
        vectors = _part(embedded, kept)
        searched = vectors if asked.gallery is None else _part(vectors, np.flatnonzero(asked.gallery))
        exact, truth = self._truth(recipe, vectors, searched, asked)
        self.within.update("Indexing", 0, 1, "indexes", str(recipe))
        index, index_bytes = self._index(recipe, searched, exact, whole)
        truth = None if index is exact else truth
        figures, queries = measure(index, vectors.matrix, asked, recipe.k, truth=truth, report=self._report(recipe))
        row = unmeasured(cell, str(recipe), weights=recipe.weights, **self.facts)
        measured = replace(
            row,
            megabytes=(searched.matrix.nbytes + index_bytes) / 1e6,
            note=self._note(row, queries),
            labels=_labels_sentence(self.collection, self.plan, asked),
            probe=self._probe(recipe.embedding, vectors, asked) if self.plan.probe and index is exact else None,
            **figures,
        )
        return measured, queries

    def _note(self, row: ExperimentRow, queries: SingleQueries) -> str:
        """The row's note, with a caveat if the encoder was trained on some of the queries."""
        caveat = learned_note(self.trained, self.collection, queries.ids) if self.trained else ""
        return " ".join(filter(None, [row.note, caveat]))

    def _probe(self, embedding: str, vectors: Vectors, asked: Questions) -> float | None:
        """The accuracy of a linear probe on the vectors of an embedding; None where there is only one label to tell."""
        if embedding not in self.probes:
            self.within.update("Probing", 0, 1, "probes", embedding)
            with suppress(BadParameter):
                self.probes[embedding] = float(linear_probe(vectors.matrix, asked.codes, seed=self.plan.seed)[1].mean())
        return self.probes.get(embedding)

    def _truth(self, recipe: Recipe, vectors: Vectors, searched: Vectors, asked: Questions) -> tuple[Index, Any]:
        """Exact search over what is searched, and its results, cached for the methods that follow."""
        key = (recipe.embedding, recipe.metric)
        if key not in self.exact:
            self.exact.clear()
            self.exact[key] = (opening.exact_index(searched, recipe.metric), None)
        exact, truth = self.exact[key]
        if truth is None and recipe.method != exact.name:
            truth = nearest(exact, vectors.matrix, asked, recipe.k, self._report(recipe))
            self.exact[key] = (exact, truth)
        return exact, truth

    def _index(self, recipe: Recipe, vectors: Vectors, exact: Index, whole: bool) -> tuple[Index, int]:
        """The recipe's index, and its size without the vectors; a stored index for the whole collection."""
        if recipe.method == exact.name:
            return exact, 0
        if not whole:
            index = make_index(recipe.method, recipe.metric, **dict(recipe.options))
            index.build(vectors.ids, vectors.matrix)
            return index, _saved_bytes(index)
        index = opening.open_index(self.collection, self.encoder.info, recipe, vectors, exact)
        snapshot = opening.index_store(self.collection, self.encoder.info, recipe).open(only=())
        return index, _bytes_in(snapshot.folder) if snapshot else _saved_bytes(index)

    def _report(self, recipe: Recipe) -> Any:
        return lambda done, total: self.within.update("Measuring", done, total, "queries", str(recipe))


def trained(home: Home, training: Training, collection: Collection, reporter: Reporter) -> Run:
    """The run of a planned training: a finished one with equal settings, a continued unfinished one, or a new one.

    Raises:
        Diverged: it diverged before. What a training raises.
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
    """The lowest losses of a run's epochs, None if unknown; the untrained network does not count."""
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
    if made.learns_labels and learned_ids(run, collection) is None:  # it learned other labels
        return False
    if run.prolonged_after is not None:  # its learning rates differ from those of a training planned at this length
        return False
    return same_images and not run.shipped and made.canonical() == config.canonical()


def _refuse(alike: list[Run]) -> None:
    """Raise if the same training diverged before, or is running in another process."""
    for run in alike:
        if run.alive:
            raise NotTrained(
                f"The run {run.title} is being trained by other work.", way_out="Start again when that has ended."
            )
        if run.state == "failed":
            raise Diverged(run.error or f"The training of {run.title} failed.")


def _asked(collection: Collection, plan: ExperimentPlan, ids: Any) -> tuple[Questions, Any]:
    """The questions over the labelled images among (n,) ids, and their rows.

    Raises:
        BadParameter: no two labelled pictures with the same label, or a filter that asks for an unknown field.
    """
    images = collection.images()
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    for id in by_classifier(collection) if plan.own_labels else ():
        labels.pop(id, None)
    kept = np.array([row for row, id in enumerate(ids.tolist()) if labels.get(id)], dtype=np.int64)
    names = [labels[id] for id in ids[kept].tolist()]
    asked = None
    if where := parse_where(plan.queries_where):
        table = with_marks(unmarked_table(collection), collection)
        asked = np.isin(ids[kept], table.ids[matching(where, table)])
    own = ids[kept]
    return questions(own, names, query=plan.query, queries=plan.queries, seed=plan.seed, asked=asked), kept


def _labels_sentence(collection: Collection, plan: ExperimentPlan, asked: Questions) -> str:
    """Where the labels come from, and which pictures are queries, if not all."""
    known = set(asked.ids.tolist())
    sources = {id: source for id, source in label_sources(collection).items() if id in known}
    left_out = "Labels that a classifier wrote are left out." if plan.own_labels else ""
    split = ""
    if plan.queries_where:
        split = (
            f"Queries: {len(asked.rows):,} pictures with {plan.queries_where}; gallery: the other {asked.searched:,}."
        )
    return " ".join(filter(None, [sources_sentence(sources), left_out, split]))


def _part(vectors: Vectors, rows: Any) -> Vectors:
    """The vectors of some rows; all of them are not copied."""
    if len(rows) == len(vectors.ids):
        return vectors
    ids, hashes = vectors.ids[rows], [vectors.hashes[row] for row in rows]
    return replace(vectors, ids=ids, hashes=hashes, matrix=np.ascontiguousarray(vectors.matrix[rows]))


def _check_columns(plan: ExperimentPlan) -> None:
    """Raise BadParameter for an unknown embedding, method or setting."""
    for name in plan.embeddings:
        embedding(name)
    for method in plan.methods:
        name, options = parse_method(method)
        for metric in plan.metrics:
            make_index(name, metric, **dict(options))


def _checked(training: Training) -> Training:
    """The training with every setting written out, including defaults."""
    return replace(training, config=TrainingConfig.from_dict(training.config).as_dict())


def _saved_bytes(index: Index) -> int:
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder))
        return _bytes_in(Path(folder))


def _bytes_in(folder: Path) -> int:
    """The size of an index on disk, without its copy of the vectors, which are counted already."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "vectors.npy")


def _encoder_of(cell: ExperimentCell) -> tuple[str, str, str]:
    return cell.title, cell.recipe.encoder, cell.recipe.weights

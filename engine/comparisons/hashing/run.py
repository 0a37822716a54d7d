"""Measuring a study: embed what is missing, tune settings if requested, build, and measure cell by cell."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cluster import InThisProcess, workers
from engine.collections.collection import Collection
from engine.comparisons.hashing.files import read_vectors
from engine.comparisons.hashing.measuring import Data, StudyRow, measure, true_neighbours, unmeasured
from engine.comparisons.hashing.plan import EXACT, StudyCell, StudyPlan, check_methods
from engine.comparisons.hashing.study import HashingStudy, create, study
from engine.comparisons.hashing.tuning import proposals
from engine.comparisons.runner import ComparisonRun, run_comparison
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.progress import NestedReporter, Reporter
from engine.core.recipe import Recipe, parse_method
from engine.core.storage import digest_of
from engine.encoders import open_encoder
from engine.encoders.choosing import with_weights
from engine.encoders.pooling import embedding
from engine.encoders.vectors.pipeline import vectors_of
from engine.indexes import Index, make_index
from engine.search.provenance import provenance_of

_HELD_OUT = 5  # at most one vector in this many is a query
_DISTRIBUTED = "rdh"
_SHORT_CODE = 32  # bits; longer codes use separately compiled loops
_WARMED_WITH = 1000  # vectors

StudyRun = ComparisonRun[StudyPlan, StudyCell, StudyRow]


@dataclass(frozen=True)
class Source:
    """All vectors of a study, (n, d), separate queries (q, d), if any, and their origin."""

    vectors: NDArray[np.float32]
    queries: NDArray[np.float32] | None
    made_of: str
    made_with: dict[str, Any] = field(default_factory=dict)


def plan_study(home: Home, plan: StudyPlan) -> HashingStudy:
    """Store a plan as a new study, once everything it names has been checked.

    Raises:
        NotFound: no such file or collection. BadParameter: no such encoder, embedding, method or setting, or the
            wrong kind of file. Unreadable: a truncated file.
    """
    check_methods(plan.methods)
    if plan.tune is not None and not plan.methods:
        raise BadParameter("methods", "tuning", "at least one", "none")
    return create(home, _looked_at(home, plan))


def run_study(home: Home, name: str, reporter: Reporter) -> dict[str, Any]:
    """Measure every cell that has not been measured yet, or was measured with other vectors.

    Returns:
        What `run_comparison` returns.

    Raises:
        NotFound: no such study, file or collection. BadParameter: another process is measuring it. BenzerError: the
            Ray cluster in `$BENZER_RAY` does not respond, and nothing can be measured without it. Stopped: on request;
            StorageFull: the disk is full. Finished cells are kept.
    """
    comparison = study(home, name)

    def measure(run: StudyRun) -> None:
        no_cluster = _missing_cluster(run.plan)
        source = _source(home, run.plan, reporter)
        if run.plan.tune is not None and not comparison.tuned:
            _tune(comparison, source, reporter)
        methods = MethodFigures(home, run, source, no_cluster)
        for cells in run.groups(lambda cell: (cell.size, cell.fold)):
            methods.measure(cells)

    return run_comparison(comparison, measure, _failed, reporter)


def _failed(cell: StudyCell, sentence: str) -> StudyRow:
    return unmeasured(cell, error=sentence)


@dataclass
class MethodFigures:
    """The figures of search methods over the vectors of a study."""

    home: Home
    run: StudyRun
    source: Source
    no_cluster: BenzerError | None = None  # why distributed methods cannot be measured
    warmed: set[Any] = field(default_factory=set)

    def measure(self, cells: list[StudyCell]) -> None:
        """Measure the missing cells of one size and fold, which share vectors, queries and ground truth."""
        missing = self.run.missing(cells, self.source.made_of)
        if not missing:
            return
        with self.run.failures_kept(missing):
            plan = self.run.plan
            indexed, asked = rows_of(plan, cells[0], len(self.source.vectors), self.source.queries is not None)
            data = _data(self.source, plan, indexed, asked)
            exact = self._built(EXACT, data)
            data = replace(data, truth=true_neighbours(exact[0], data, self._within(cells[0], "the truth")))
            self.run.each(missing, lambda cell: self._measure(cell, data, exact))

    def _measure(self, cell: StudyCell, data: Data, exact: tuple[Index, float]) -> None:
        if self.no_cluster and _distributed(cell.method):
            raise self.no_cluster
        within = self._within(cell)
        within.update("Indexing", 0, 1, "indexes")
        self._warm_up(cell.method, data)
        itself = cell.method == EXACT
        index, seconds = exact if itself else self._built(cell.method, data, cell.draw)
        figures = measure(index, data, within, self.home.root / "studies", None if itself else exact[0])
        known = {"build_seconds": seconds, "workers": _workers(cell.method)}
        known |= {"made_of": self.source.made_of, "made_with": self.source.made_with}
        self.run.keep(replace(unmeasured(cell, **known), **figures))

    def _built(self, method: str, data: Data, draw: int = 0) -> tuple[Index, float]:
        name, options = parse_method(method)
        index = make_index(name, data.metric, **dict(options))
        if draw:
            index.seed = draw  # type: ignore[attr-defined]  # `is_random`, else there is one draw only
        began = time.perf_counter()
        index.build(np.arange(len(data.vectors)), data.vectors)
        return index, time.perf_counter() - began

    def _warm_up(self, method: str, data: Data) -> None:
        """Build the method over a few vectors once, so that compilation does not count as build time."""
        name, options = parse_method(method)
        given = dict(options)
        kind = (name, given.get("lookup"), given.get("runs"), int(given.get("bits") or 0) > _SHORT_CODE)
        if kind in self.warmed:
            return
        self.warmed.add(kind)
        few = replace(data, vectors=np.ascontiguousarray(data.vectors[:_WARMED_WITH]))
        with suppress(BenzerError):  # a method that cannot be built fails again when measured
            index, _ = self._built(method, few)
            index.search(data.queries[:2], min(data.neighbours, len(few.vectors)))

    def _within(self, cell: StudyCell, what: str = "") -> Reporter:
        keys = [one.key for one in self.run.plan.cells()]
        said = what or unmeasured(cell).title
        return NestedReporter(self.run.reporter, f"setting {keys.index(cell.key) + 1} of {len(keys)} · {said}")


def rows_of(
    plan: StudyPlan, cell: StudyCell, count: int, apart: bool
) -> tuple[slice | NDArray[np.int64], NDArray[np.int64]]:
    """The rows of a cell to index, and those to query: none if the queries are separate.

    Args:
        count: of all vectors. apart: whether the queries are separate.

    Raises:
        BadParameter: fewer vectors than the cell, the folds or a query needs.
    """
    rng = np.random.default_rng(plan.seed)
    nothing = np.empty(0, dtype=np.int64)
    if plan.folds == 1:
        order = np.arange(count) if apart and cell.size is None else rng.permutation(count)
        held = 0 if apart else min(plan.queries, count // _HELD_OUT)
        if not apart and not held:
            raise BadParameter("number of vectors", "a benchmark", f"at least {_HELD_OUT}", count)
        chosen = _sized(order[held:], cell.size)
        whole = apart and cell.size is None
        return (slice(None), nothing) if whole else (np.sort(chosen), order[:held])
    chosen = _sized(rng.permutation(count), cell.size)
    if len(chosen) < 2 * plan.folds:
        raise BadParameter(
            "number of folds", "a benchmark", f"at most {len(chosen) // 2}, of so few vectors", plan.folds
        )
    folds = np.array_split(chosen, plan.folds)
    others = np.concatenate([fold for number, fold in enumerate(folds) if number != cell.fold])
    return np.sort(others), folds[cell.fold][: plan.queries]


def _sized(rows: NDArray[np.int64], size: int | None) -> NDArray[np.int64]:
    if size is not None and size > len(rows):
        raise BadParameter("size", "a benchmark", f"at most {len(rows):,}, the vectors that can be indexed", size)
    return rows[:size]


def _data(source: Source, plan: StudyPlan, indexed: slice | NDArray[np.int64], asked: NDArray[np.int64]) -> Data:
    """The vectors of a cell, copied only if some of them are left out."""
    own = source.queries
    queries = source.vectors[np.sort(asked)] if own is None or len(asked) else own[: plan.queries]
    return Data(source.vectors[indexed], np.ascontiguousarray(queries), plan.metric, plan.neighbours)


def _source(home: Home, plan: StudyPlan, reporter: Reporter) -> Source:
    """The vectors of a plan; missing vectors of a collection are computed first."""
    if plan.file is not None:
        reporter.update("Reading the vectors", 0, 1, "files")
        found = _files(plan)
        files = [plan.file, *([Path(plan.asked)] if plan.asked else [])]
        stamps = [(path, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        return Source(found.vectors, found.queries, digest_of(*stamps))
    return _embedded(home, recipe_of(plan), reporter)


def _files(plan: StudyPlan) -> Any:
    found = read_vectors(plan.file or Path())
    return found.asked_with(read_vectors(Path(plan.asked))) if plan.asked else found


def _embedded(home: Home, recipe: Recipe, reporter: Reporter) -> Source:
    collection = Collection.open(home, recipe.collection)
    encoder = open_encoder(recipe.encoder, recipe.weights, home)
    vectors = vectors_of(collection, encoder, recipe.embedding, reporter)
    if not len(vectors.ids):
        raise BadParameter("collection", "a benchmark", "one with pictures", recipe.collection)
    made_with = asdict(provenance_of(encoder.at(collection).info, collection.images()))
    return Source(vectors.matrix, None, vectors.digest, made_with)


def recipe_of(plan: StudyPlan) -> Recipe:
    """The recipe whose vectors a plan names."""
    collection, encoder, embedding = plan.source.split("/")
    name, _, weights = encoder.partition("@")
    return Recipe(collection, name, weights, embedding, plan.metric)


def _looked_at(home: Home, plan: StudyPlan) -> StudyPlan:
    """The plan with its weights resolved; BadParameter or NotFound if something is missing."""
    if plan.file is not None:
        _files(plan)
        return plan
    recipe = recipe_of(plan)
    Collection.open(home, recipe.collection)
    embedding(recipe.embedding)
    encoder = with_weights(home, plan.source.split("/")[1], "a benchmark")
    return replace(plan, source=f"{recipe.collection}/{encoder}/{recipe.embedding}")


def _tune(study: HashingStudy, source: Source, reporter: Reporter) -> None:
    """Replace the methods by settings expected to reach the target recall."""
    plan = study.plan
    vectors = source.vectors[tuned_on(plan, len(source.vectors), source.queries is not None)]
    chosen = proposals(vectors, plan.metric, plan.tune or 0.0, plan.neighbours, plan.methods, reporter)
    study.change(replace(study.plan, methods=chosen), families=list(plan.methods))  # it may have been renamed


def tuned_on(plan: StudyPlan, count: int, apart: bool) -> slice | NDArray[np.int64]:
    """The rows to tune on: those of the largest possible size that no fold queries.

    If the folds query more than half of them, only rows queried in another fold remain: then the rows that the first
    fold indexes. Arguments and errors as of `rows_of`.
    """
    *larger, smallest = sorted(plan.sizes, key=lambda size: size or math.inf, reverse=True)
    for size in larger:
        with suppress(BadParameter):  # its cells report it
            return _unasked(plan, size, count, apart)
    return _unasked(plan, smallest, count, apart)


def _unasked(plan: StudyPlan, size: int | None, count: int, apart: bool) -> slice | NDArray[np.int64]:
    cells = [cell for cell in plan.cells() if cell.size == size and cell.method == EXACT]  # one per fold
    indexed, asked = zip(*(rows_of(plan, cell, count, apart) for cell in cells), strict=True)
    if plan.folds == 1:
        return indexed[0]
    left = np.setdiff1d(np.concatenate(indexed), np.concatenate(asked))
    return left if len(left) >= sum(map(len, asked)) else indexed[0]


def check_cluster(plan: StudyPlan) -> None:
    """Fail before the first cell if a required cluster is not available."""
    if any(map(_distributed, plan.methods)):
        workers()


def _missing_cluster(plan: StudyPlan) -> BenzerError | None:
    """Why distributed methods cannot be measured, None if they can; raised if there are no other methods."""
    try:
        check_cluster(plan)
    except BenzerError as error:
        if all(_distributed(method) or method == EXACT for method in plan.methods):
            raise
        return error
    return None


def _workers(method: str) -> str:
    return workers().title if _distributed(method) else InThisProcess.title


def _distributed(method: str) -> bool:
    return parse_method(method)[0] == _DISTRIBUTED

"""From vectors to groups and a map: the steps of a plan, one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import Matrix, normalised
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.grouping import make_clusterer, make_projection
from engine.grouping.clusterer import Clusterer
from engine.grouping.numbers import Tried
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.projection import Projection, all_equal
from engine.grouping.quality import silhouette
from engine.grouping.tree import Tree

T = TypeVar("T")

MOST_VALUES = 2**26  # vectors × their length that are processed unreduced: 256 MB
_FEWEST = 32  # values a vector keeps, however many vectors there are
_LOOKED_AT = 0.2  # seconds between checks for a request to stop
_MAP_FROM = 50  # values per vector beyond which a map starts from principal components: the rest is mostly noise


@dataclass
class GroupingResult:
    """The result of running a grouping plan.

    Attributes:
        labels: (n,) group numbers, −1 for none. points: (n, 2) the map.
        space: (n, d') the vectors that were grouped; `metric` is how they are compared.
        tree: of a hierarchical clustering. notes: sentences. seconds: per step.
        curve: the numbers of groups that were tried. encoder_silhouette: of the groups among the encoder's vectors,
            before a reduction; None without one, or where it is not defined.
    """

    labels: NDArray[np.int64]
    points: Matrix
    space: Matrix
    metric: str
    tree: Tree | None = None
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    curve: list[Tried] = field(default_factory=list)
    encoder_silhouette: float | None = None


def group(vectors: Matrix, plan: GroupingPlan, metric: str, reporter: Reporter) -> GroupingResult:
    """Reduce, cluster and lay out (n, d) vectors as the plan says.

    Raises:
        BadParameter: an unknown step, a setting out of range, more groups than vectors, more vectors than a step can
        take, or none. Stopped.
    """
    reduction, clusterer = methods(plan, metric, len(vectors))
    clock = _Clock(reporter, steps=2 + bool(reduction))
    notes: list[str] = []
    held = space = _held(vectors, metric, plan.seed, notes)
    if reduction:
        space = clock.run(f"Reducing by {reduction.title}", lambda: reduction.fit_transform(held))
        notes += reduction.notes
    labels = clock.run(f"Clustering by {clusterer.title}", lambda: clusterer.fit_predict(space))
    notes += clusterer.notes
    # A map of already reduced vectors would be a map of a map: threads instead of clouds.
    points, map_notes = clock.run("Computing the map", lambda: _map(held, plan.map, metric, plan.seed))
    notes += [f"Map: {note}" for note in map_notes]
    within = "euclidean" if reduction else metric
    before = silhouette(labels, held, metric, plan.seed) if reduction else None
    return GroupingResult(labels, points, space, within, clusterer.tree, notes, clock.seconds, clusterer.curve, before)


def methods(plan: GroupingPlan, metric: str, count: int) -> tuple[Projection | None, Clusterer]:
    """The reduction and the clusterer of a plan for `count` images; an impossible plan fails here, not minutes later.

    Raises:
        BadParameter: an unknown step, a setting out of range, or a step (map included) that cannot take that many.
    """
    if not count:
        raise BadParameter("number of pictures", "a grouping", "at least 1", 0)
    reduction = make_projection(plan.reduction, metric, plan.seed) if plan.reduction else None
    clusterer = make_clusterer(plan.clustering, "euclidean" if reduction else metric, plan.seed)
    for projection in filter(None, (reduction, make_projection(plan.map, metric))):
        projection.check(count)
    clusterer.check(count)
    return reduction, clusterer


def _held(vectors: Matrix, metric: str, seed: int, notes: list[str]) -> Matrix:
    """The vectors in memory, at length 1 for cosine; randomly projected if they have too many values.

    Source: Johnson and Lindenstrauss, "Extensions of Lipschitz mappings into a Hilbert space", 1984.
    """
    count, width = vectors.shape
    if vectors.size <= MOST_VALUES:
        held = np.array(vectors, dtype=np.float32)
        return normalised(held) if metric == "cosine" else held
    kept = min(width, max(_FEWEST, MOST_VALUES // count))
    notes.append(f"{count:,} vectors of {width:,} values were first reduced to {kept:,} by random projection.")
    onto = np.random.default_rng(seed).normal(0, kept**-0.5, (width, kept)).astype(np.float32)
    parts = (np.asarray(vectors[i : i + 1024], dtype=np.float32) for i in range(0, count, 1024))
    return np.concatenate([(normalised(part) if metric == "cosine" else part) @ onto for part in parts])


def _map(space: Matrix, step: Step, metric: str, seed: int) -> tuple[Matrix, list[str]]:
    """(n, 2) points, centred, the larger half-axis 1, and sentences on what was simplified."""
    if space.shape[1] > _MAP_FROM and len(space) > _MAP_FROM and step.name != "pca" and not all_equal(space):
        step_down = make_projection(Step.parse(f"pca(dimensions={_MAP_FROM})"), metric, seed)
        space, metric = step_down.fit_transform(space), "euclidean"
    flat = Step(step.name, (*(option for option in step.options if option[0] != "dimensions"), ("dimensions", 2)))
    projection = make_projection(flat, metric, seed)
    points = projection.fit_transform(space)
    if points.shape[1] < 2:
        points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    return (points / max(float(np.abs(points).max()), 1e-12)).astype(np.float32), projection.notes


class _Clock:
    """Runs steps one after another, reports progress, and records how long each took."""

    def __init__(self, reporter: Reporter, steps: int) -> None:
        self.reporter, self.steps, self.done = reporter, steps, 0
        self.seconds: dict[str, float] = {}

    def run(self, stage: str, work: Callable[[], T]) -> T:
        self.reporter.update(stage, self.done, self.steps, "steps")
        began = time.monotonic()
        found = patiently(work, self.reporter)
        self.seconds[stage] = round(time.monotonic() - began, 3)
        self.done += 1
        self.reporter.update(stage, self.done, self.steps, "steps")
        return found


def patiently(work: Callable[[], T], reporter: Reporter) -> T:
    """Do the work in a thread, so that a library call that cannot be interrupted can still be stopped.

    Raises:
        Stopped: on request; the thread is left behind and ends with the process.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, name="grouping", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_LOOKED_AT)
        reporter.repeat()
    if errors:
        raise errors[0]
    return results[0]

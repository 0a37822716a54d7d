"""Tuning: settings expected to reach a target recall on a sample, to be measured by a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.core.recipe import parse_method
from engine.core.settings import Value, print_call
from engine.evaluation.recall import recall_at_k
from engine.indexes import Index, make_index, methods

Matrix = NDArray[np.float32]

_AIMS = (0.2, 0.6)  # margin above the target recall, as a share of the way to 1: a sample can be too optimistic
_LOOKUPS = ("buckets", "hamming")
_SAMPLE, _ASKED = 20_000, 200  # vectors and queries for trying a graph
_EFFORTS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)  # of a graph, as multiples of the neighbours
_MOST_EFFORT = 10_000
_SEED = 0


def proposals(
    vectors: Matrix,
    metric: str,
    recall: float,
    neighbours: int,
    methods: Sequence[str],
    reporter: Reporter | None = None,
) -> tuple[str, ...]:
    """A few settings for each method expected to reach the recall for `neighbours` on a sample of (n, d) vectors.

    Given settings ("lsh(bits=16)") are kept. A method that is impossible over these vectors stays as it is, so that
    measuring it says why.
    """
    reporter, found = reporter or Reporter(), dict[str, None]()
    for number, method in enumerate(methods):
        reporter.update("Choosing settings", number, len(methods), "methods", method)
        try:
            found |= dict.fromkeys(_proposed(vectors, metric, recall, neighbours, method, reporter))
        except BadParameter:
            found[method] = None
    reporter.update("Choosing settings", len(methods), len(methods), "methods")
    return tuple(found)


def aims(recall: float) -> list[float]:
    """The recalls to aim for on the sample, given a target recall.

    >>> aims(0.95)
    [0.96, 0.98]
    """
    return sorted({round(recall + (1 - recall) * share, 4) for share in _AIMS})


def _proposed(
    vectors: Matrix, metric: str, recall: float, neighbours: int, method: str, reporter: Reporter
) -> Iterator[str]:
    name, given = parse_method(method)
    options = dict(given)
    if name == "rdh":
        yield from _distributed(vectors, metric, recall, neighbours, options, reporter)
    elif name == "hnsw" and "effort" not in options:
        yield from _graphs(vectors, metric, recall, neighbours, options)
    elif hasattr(methods()[name], "tuned"):
        for lookup in _lookups(name, options):
            for aim in aims(recall):
                reporter.stop_if_asked()
                yield _call(name, _tuned(name, vectors, metric, aim, neighbours, options | lookup))
    else:
        yield _call(name, options)


def _lookups(name: str, options: Mapping[str, Value]) -> list[dict[str, Value]]:
    """Both ways to use codes, if the method has them and none was chosen."""
    has = any(setting.name == "lookup" for setting in methods()[name].settings)
    return [{"lookup": lookup} for lookup in _LOOKUPS] if has and "lookup" not in options else [{}]


def _tuned(
    name: str, vectors: Matrix, metric: str, recall: float, neighbours: int, options: Mapping[str, Value]
) -> dict[str, Value]:
    """The settings that a method chooses itself, as far as they differ from its defaults."""
    kind: Any = methods()[name]
    index = kind(metric, **options, neighbours=neighbours, recall=recall)
    usual = {setting.name: setting.default for setting in kind.settings}
    chosen = {key: value for key, value in index.tuned(vectors).items() if key in usual and value != usual[key]}
    return {**options, **chosen}


def _distributed(
    vectors: Matrix, metric: str, recall: float, neighbours: int, options: Mapping[str, Value], reporter: Reporter
) -> Iterator[str]:
    """RDH with the settings of its parts: with shared functions it finds the same as a single index."""
    runs = str(options.get("runs", "lsh"))
    known = {setting.name for setting in methods()["rdh"].settings}
    inner = {setting.name for setting in methods()[runs].settings}
    if not hasattr(methods()[runs], "tuned"):
        yield _call("rdh", options)
        return
    own = {key: value for key, value in options.items() if key in inner}
    for aim in aims(recall):
        reporter.stop_if_asked()
        chosen = _tuned(runs, vectors, metric, aim, neighbours, own | {"lookup": "buckets"})
        yield _call("rdh", {**options, **{key: value for key, value in chosen.items() if key in known}})


def _graphs(
    vectors: Matrix, metric: str, recall: float, neighbours: int, options: Mapping[str, Value]
) -> Iterator[str]:
    """The smallest effort that reaches the recall on a sample; for more vectors also twice that: walks get longer."""
    rng = np.random.default_rng(_SEED)
    drawn = rng.permutation(len(vectors))
    held = max(1, min(_ASKED, len(vectors) // 5))
    queries, sample = vectors[np.sort(drawn[:held])], vectors[np.sort(drawn[held : held + _SAMPLE])]
    neighbours = min(neighbours, max(1, len(sample)))
    truth = _over("exact", sample, metric, {}).search(queries, neighbours)
    graph, effort = _over("hnsw", sample, metric, options), neighbours
    for factor in _EFFORTS:
        effort = min(_MOST_EFFORT, int(factor * neighbours))
        setattr(graph, "effort", effort)  # noqa: B010 - a setting of this method only
        if recall_at_k(graph.search(queries, neighbours), truth).mean() >= aims(recall)[0]:
            break
    whole = len(vectors) <= held + _SAMPLE
    for chosen in (effort,) if whole else (effort, min(_MOST_EFFORT, 2 * effort)):
        yield _call("hnsw", {**options, "effort": chosen})


def _over(name: str, vectors: Matrix, metric: str, options: Mapping[str, Value]) -> Index:
    return make_index(name, metric, **options).build(np.arange(len(vectors)), vectors)


def _call(name: str, options: Mapping[str, Value]) -> str:
    return print_call(name, tuple(sorted(options.items())))

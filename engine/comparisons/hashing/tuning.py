"""Settings that promise a wanted recall on a sample, to be measured by a study."""

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

_AIMS = (0.2, 0.6)  # how far above the wanted recall, of the way to 1: what a sample promises is not always kept
_LOOKUPS = ("buckets", "hamming")
_SAMPLE, _ASKED = 20_000, 200  # vectors that a graph is tried over, and those that it is asked with
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
    """Settings that promise the recall of so many neighbours on a sample of (n, d) vectors: a few for each method.

    What a method brings ("lsh(bits=16)") is kept. One that cannot be had over these vectors stays as it is, so that
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
    """What is asked of the sample for a wanted recall.

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
    """Both ways to use codes, where the method has them and nobody chose."""
    has = any(setting.name == "lookup" for setting in methods()[name].settings)
    return [{"lookup": lookup} for lookup in _LOOKUPS] if has and "lookup" not in options else [{}]


def _tuned(
    name: str, vectors: Matrix, metric: str, recall: float, neighbours: int, options: Mapping[str, Value]
) -> dict[str, Value]:
    """The settings that a method chooses for itself, those that differ from what it takes anyway."""
    kind: Any = methods()[name]
    index = kind(metric, **options, neighbours=neighbours, recall=recall)
    usual = {setting.name: setting.default for setting in kind.settings}
    chosen = {key: value for key, value in index.tuned(vectors).items() if key in usual and value != usual[key]}
    return {**options, **chosen}


def _distributed(
    vectors: Matrix, metric: str, recall: float, neighbours: int, options: Mapping[str, Value], reporter: Reporter
) -> Iterator[str]:
    """RDH with the settings of its parts: with the same functions it finds what one index over all finds."""
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
    """The least effort that reaches the recall over a sample; of more vectors also twice that, for walks get longer."""
    rng = np.random.default_rng(_SEED)
    drawn = rng.permutation(len(vectors))
    held = max(1, min(_ASKED, len(vectors) // 5))
    queries, sample = vectors[np.sort(drawn[:held])], vectors[np.sort(drawn[held : held + _SAMPLE])]
    neighbours = min(neighbours, max(1, len(sample)))
    truth = _over("exact", sample, metric, {}).search(queries, neighbours)
    graph, effort = _over("hnsw", sample, metric, options), neighbours
    for factor in _EFFORTS:
        effort = min(_MOST_EFFORT, int(factor * neighbours))
        setattr(graph, "effort", effort)  # noqa: B010 - a setting of this method alone
        if recall_at_k(graph.search(queries, neighbours), truth).mean() >= aims(recall)[0]:
            break
    whole = len(vectors) <= held + _SAMPLE
    for chosen in (effort,) if whole else (effort, min(_MOST_EFFORT, 2 * effort)):
        yield _call("hnsw", {**options, "effort": chosen})


def _over(name: str, vectors: Matrix, metric: str, options: Mapping[str, Value]) -> Index:
    return make_index(name, metric, **options).build(np.arange(len(vectors)), vectors)


def _call(name: str, options: Mapping[str, Value]) -> str:
    return print_call(name, tuple(sorted(options.items())))

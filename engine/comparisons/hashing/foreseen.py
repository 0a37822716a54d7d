"""Which cells of a study are known in advance not to be measurable."""

from __future__ import annotations

from collections.abc import Iterator

from engine.comparisons.hashing.plan import StudyPlan
from engine.core.errors import BadParameter
from engine.core.recipe import parse_method
from engine.indexes import make_index
from engine.indexes.hashing.hash_index import HashIndex


def foreseen(plan: StudyPlan, count: int, width: int | None) -> list[str]:
    """A sentence for each method and size that cannot be measured over `count` vectors, without repetitions.

    Args:
        width: of the vectors, None if not known yet.
    """
    largest = [f"There are {count:,} vectors, fewer than {size:,}." for size in plan.sizes if size and size > count]
    fewest = min((size for size in plan.sizes if size), default=count)
    sentences = [sentence for method in plan.methods for sentence in _of_method(method, plan.metric, fewest, width)]
    return list(dict.fromkeys([*largest, *sentences]))


def _of_method(method: str, metric: str, count: int, width: int | None) -> Iterator[str]:
    name, given = parse_method(method)
    options = dict(given)
    try:
        index = make_index(name, metric, **options)
    except BadParameter as error:
        yield str(error)
        return
    runs = make_index(str(options["runs"]), metric) if "runs" in options else index
    bits = int(options.get("bits") or 0)
    if isinstance(runs, HashIndex) and width is not None and bits > runs.most_bits(width):
        yield f"{runs.title} has at most {runs.most_bits(width)} bits of vectors of length {width}, not {bits}."
    if int(options.get("parts") or 1) > count:
        yield f"{index.title}: {count:,} vectors cannot be split into {options['parts']:,} parts."

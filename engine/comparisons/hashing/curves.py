"""The curves of a study: quality against time and against bits, for pages and reports."""

from __future__ import annotations

from collections.abc import Sequence

from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import title_of
from engine.core.recipe import parse_method
from engine.core.settings import Value, print_call

Line = list[tuple[float, float]]

_TUNED = ("bits", "tables", "probes", "rerank", "links", "effort", "clusters")  # what trades quality for time


def quality_against_time(rows: Sequence[StudyRow], figure: str = "recall") -> dict[str, Line]:
    """(p50, figure) of the Pareto-optimal rows of each family of settings.

    A family is a method with the settings for where and how it runs, not how thoroughly it searches.
    """
    families: dict[str, Line] = {}
    for row in rows:
        families.setdefault(_without(row.method, _TUNED), []).append((row.p50, float(getattr(row, figure))))
    return {name: unbeaten(points) for name, points in families.items()}


def quality_against_bits(rows: Sequence[StudyRow], figure: str = "recall") -> dict[str, Line]:
    """(bits, figure) of everything measured with at least two numbers of bits, all else equal."""
    lines: dict[str, Line] = {}
    for row in rows:
        options = dict(parse_method(row.method)[1])
        if "bits" in options:
            point = (float(options["bits"]), float(getattr(row, figure)))
            lines.setdefault(_without(row.method, ("bits",)), []).append(point)
    return {name: sorted(points) for name, points in lines.items() if len(points) > 1}


def unbeaten(points: Sequence[tuple[float, float]]) -> Line:
    """The Pareto front of (cost, worth) points, cheapest first.

    >>> unbeaten([(3, 0.9), (1, 0.5), (2, 0.4), (4, 0.9)])
    [(1, 0.5), (3, 0.9)]
    """
    best, kept = float("-inf"), []
    for cost, worth in sorted(points, key=lambda point: (point[0], -point[1])):
        if worth > best:
            kept.append((cost, worth))
            best = worth
    return kept


def _without(method: str, names: Sequence[str]) -> str:
    name, options = parse_method(method)
    kept: tuple[tuple[str, Value], ...] = tuple(option for option in options if option[0] not in names)
    return title_of(print_call(name, kept))

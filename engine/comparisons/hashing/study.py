"""Studies on disk (see `engine.comparisons.comparison`), and summaries of their rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean, stdev
from typing import Any

import numpy as np

from engine.comparisons.comparison import Comparison
from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import EXACT, StudyCell, StudyPlan, title_of
from engine.comparisons.hashing.scaled_times import how_timed, in_minutes_of, in_turns_with
from engine.core.cache import Cache
from engine.core.home import Home
from engine.core.recipe import parse_method
from engine.core.settings import print_call
from engine.evaluation.statistics.decision import Outcome, compare_intervals
from engine.evaluation.statistics.lead import best_of
from engine.evaluation.statistics.proportion import mean_share_interval

DEVIATING = ("map", "strict_map", "recall", "recall_10", "p50", "mean_ms")  # figures shown with their deviation
_highest: Cache[set[str]] = Cache(16)  # the test takes tenths of a second, and the page asks at every turn
_AVERAGED = (
    *DEVIATING,
    "p50_low",
    "p50_high",
    "exact_ms",
    "exact_low",
    "exact_high",
    "candidates",
    "share",
    "p99",
    "slowest_ms",
    "batch_ms",
    "build_seconds",
    "megabytes",
    "empty",
)


@dataclass(frozen=True)
class Folded:
    """A method over all folds and draws of one size: `row` holds the means, `deviations` the standard deviations."""

    row: StudyRow
    folds: int
    deviations: dict[str, float] = field(default_factory=dict)
    draws: int = 1


@dataclass(frozen=True)
class SpeedUp:
    """RDH in several parts against one part.

    Attributes:
        method: without its parts. p50, slowest_ms, build_seconds, recall: as in `StudyRow`. speed_up: measured speed-up
            of a query. machines: the speed-up by the time of the slowest part, as with each part on its own machine;
            None if unknown. build_speed_up: measured speed-up of the build.
    """

    method: str
    title: str
    parts: int
    p50: float
    slowest_ms: float | None
    build_seconds: float
    speed_up: float
    machines: float | None
    build_speed_up: float
    recall: float


@dataclass(frozen=True)
class SizeUp:
    """A method against itself over the fewest vectors: how many times larger, and how many times slower."""

    method: str
    title: str
    size: int
    p50: float
    times_larger: float
    times_slower: float
    recall: float


@dataclass(frozen=True)
class Advice:
    """What reaches a target recall: the cheapest row, None if none does; the row nearest to it; exact search.

    The times of exact search are those from its turns with the cheapest row.
    """

    recall: float
    best: StudyRow | None
    nearest: StudyRow | None
    exact: StudyRow | None

    @property
    def sure(self) -> bool:
        """Whether the whole interval of the best row's recall reaches the target."""
        return self.best is not None and (self.best.recall_low or 0.0) >= self.recall

    @property
    def against_exact(self) -> Outcome:
        """Whether the best row is faster ("better") than exact search, by the intervals of both medians."""
        if self.best is None or self.exact is None:
            return "not decided"
        return compare_intervals(_median_interval(self.exact), _median_interval(self.best))

    @property
    def sentence(self) -> str:
        """The recommendation, for display."""
        if self.nearest is None:
            return "Nothing has been measured yet."
        found = self.best or self.nearest
        described = f"{found.title} with recall {recall_text(found)} in {found.p50:.3g} ms"
        if self.best is None:
            return f"Nothing reaches a recall of {self.recall:g}; the nearest is {described}."
        unsure = "" if self.sure else f" That it reaches {self.recall:g} is not decided."
        if self.exact is None or self.against_exact == "better":
            return f"{described}: the cheapest that reaches {self.recall:g}.{unsure}"
        if self.against_exact == "worse":
            return f"Exact search, in {self.exact.p50:.3g} ms: no method reaches a recall of {self.recall:g} sooner."
        return f"{described}; whether it is faster than exact search, {self.exact.p50:.3g} ms, is not decided.{unsure}"


def _median_interval(row: StudyRow) -> tuple[float, float]:
    """The interval of the median time; the median itself where none was measured."""
    return row.p50_low or row.p50, row.p50_high or row.p50


def recall_text(row: StudyRow) -> str:
    """The recall with its interval, as "0.953 [0.948, 0.958]"."""
    if row.recall_low is None or row.recall_high is None:
        return f"{row.recall:.3f}"
    return f"{row.recall:.3f} [{row.recall_low:.3f}, {row.recall_high:.3f}]"


@dataclass(frozen=True)
class HashingStudy(Comparison[StudyPlan, StudyCell, StudyRow]):
    """One study, read from its folder."""

    kind = "study"
    noun = "benchmark"
    command = "python -m engine hashing --list"
    format = 1
    plans = StudyPlan
    lines = StudyRow

    @property
    def tuned(self) -> bool:
        """Whether the settings of its methods were tuned on the data."""
        return "families" in self.facts

    def measured(self) -> list[tuple[StudyCell, StudyRow]]:
        """The measured cells, in the plan's order."""
        found = [(cell, self.row(cell)) for cell in self.plan.cells()]
        return [(cell, row) for cell, row in found if row is not None and not row.error]

    @property
    def timing(self) -> str:
        """How times can be compared, as sentences for display; "" before a method is measured besides exact search."""
        return how_timed(self.measured())

    def folded(self) -> list[Folded]:
        """Each method and size, averaged over its folds, in the plan's order; times in the minutes of exact search."""
        return [_folded(rows) for rows in self._by_method().values()]

    def averaged(self) -> list[StudyRow]:
        """The rows of `folded` over the largest size: the options to choose from."""
        groups = self._by_method()
        # Folds differ by a row, so the requested sizes are compared, of which "all" is the largest.
        largest = max((_extent(size) for _, size in groups), default=0.0)
        return [_folded(rows).row for (_, size), rows in groups.items() if _extent(size) == largest]

    def best(self, recall: float) -> StudyRow | None:
        """The row with the smallest p50 that reaches the recall, exact search excluded; None if there is none."""
        return self.advice(recall).best

    def advice(self, recall: float) -> Advice:
        """What reaches the recall at the lowest cost, and the cost of exact search."""
        rows = self.averaged()
        others = [row for row in rows if row.method != EXACT]
        good = [row for row in others if row.recall >= recall]
        best = min(good, key=lambda row: row.p50, default=None)
        nearest = max(others, key=lambda row: (row.recall, -row.p50), default=None)
        exact = next((row for row in rows if row.method == EXACT), None)
        return Advice(recall, best, nearest, in_turns_with(best, exact))

    def speed_up(self) -> list[SpeedUp]:
        """RDH in each number of parts against one part, with equal other settings; empty if that was not measured."""
        return [
            _speed_up(method, first, row, _parts(row))
            for method, rows in _groups(self._largest(), _without_parts).items()
            if (first := next((row for row in rows if _parts(row) == 1), None)) is not None
            for row in sorted(rows, key=_parts)
        ]

    def size_up(self) -> list[SizeUp]:
        """Each method over each size against itself over the smallest; empty for a single size."""
        groups = _groups((one.row for one in self.folded()), lambda row: row.method).values()
        ordered = [sorted(rows, key=lambda row: row.size) for rows in groups if len(rows) > 1]
        return [_size_up(rows[0], row) for rows in ordered for row in rows]

    def _by_method(self) -> dict[tuple[str, int | None], list[StudyRow]]:
        """The rows with figures by method and size, in the plan's order; times in the minutes of exact search."""
        measured = self.measured()
        exact = {(cell.size, cell.fold): row for cell, row in measured if cell.method == EXACT}
        groups: dict[tuple[str, int | None], list[StudyRow]] = {}
        for cell, row in measured:
            scaled = in_minutes_of(exact.get((cell.size, cell.fold)), row)
            groups.setdefault((cell.method, cell.size), []).append(scaled)
        return groups

    def _largest(self) -> list[StudyRow]:
        return [row for row in self.averaged() if parse_method(row.method)[0] == "rdh"]


def create(home: Home, plan: StudyPlan) -> HashingStudy:
    """Store a plan as a new study, named after its title."""
    return HashingStudy.store(home.studies, HashingStudy.fresh_name(home.studies, plan.title), plan)


def study(home: Home, name: str) -> HashingStudy:
    """The study of that name; NotFound if there is none, Corrupt if its plan is damaged."""
    return HashingStudy.find(home.studies, name)


def studies(home: Home) -> list[HashingStudy]:
    """Every readable study, newest first."""
    return HashingStudy.every(home.studies)


def _extent(size: int | None) -> float:
    """The sort key of a requested size: None means all."""
    return math.inf if size is None else size


def _folded(rows: list[StudyRow]) -> Folded:
    first = rows[0]
    if len(rows) == 1:
        return Folded(first, 1)
    means: dict[str, Any] = {name: _mean(getattr(row, name) for row in rows) for name in _AVERAGED}
    folds: dict[int, list[StudyRow]] = {}
    for row in rows:
        folds.setdefault(row.fold, []).append(row)
    means |= {"size": round(mean(row.size for row in rows)), "queries": sum(same[0].queries for same in folds.values())}
    means |= _found_in_all(list(folds.values()))
    spread = {name: stdev(getattr(row, name) for row in rows) for name in DEVIATING}
    return Folded(replace(first, **means), len(folds), spread, max(map(len, folds.values())))


def _found_in_all(folds: Sequence[Sequence[StudyRow]]) -> dict[str, Any]:
    """The true neighbours found by the queries of all folds, and the interval of their recall.

    A query that several draws asked counts once, with its mean: the interval is about other queries.
    """
    if not all(row.found for rows in folds for row in rows):
        return {"found": (), "recall_low": None, "recall_high": None}
    found = np.concatenate([np.mean([row.found for row in rows], axis=0) for rows in folds])
    low, high = mean_share_interval(found / folds[0][0].neighbours)
    return {"found": tuple(found.tolist()), "recall_low": low, "recall_high": high}


def highest_recall(rows: Sequence[StudyRow]) -> set[str]:
    """The keys of the rows that find decidedly more than all others; exact search finds everything and is left out.

    More than one where rows find the same for every query; none where it is not decided, or older rows do not tell.
    """
    asked = [row for row in rows if row.method != EXACT]
    if len(asked) < 2 or not all(row.found for row in asked) or len({len(row.found) for row in asked}) > 1:
        return set()
    key = tuple((row.key, row.neighbours, row.found) for row in asked)
    return _highest.get(key, lambda: _found_most(asked))


def _found_most(rows: Sequence[StudyRow]) -> set[str]:
    first = best_of([np.array(row.found) / row.neighbours for row in rows])
    return {row.key for row in rows if first is not None and row.found == rows[first].found}


def _mean(values: Iterable[float | None]) -> float | None:
    known = list(values)
    return None if None in known else mean(value for value in known if value is not None)


def _groups(rows: Iterable[StudyRow], key: Callable[[StudyRow], str]) -> dict[str, list[StudyRow]]:
    groups: dict[str, list[StudyRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _parts(row: StudyRow) -> int:
    return int(row.chosen.get("parts", 1))


def _without_parts(row: StudyRow) -> str:
    name, options = parse_method(row.method)
    return print_call(name, tuple(option for option in options if option[0] != "parts"))


def _speed_up(method: str, one: StudyRow, row: StudyRow, parts: int) -> SpeedUp:
    known = one.slowest_ms is not None and row.slowest_ms is not None
    machines = _ratio(one.slowest_ms or 0.0, row.slowest_ms or 0.0) if known else None
    return SpeedUp(
        method,
        title_of(method),
        parts,
        row.p50,
        row.slowest_ms,
        row.build_seconds,
        _ratio(one.p50, row.p50),
        machines,
        _ratio(one.build_seconds, row.build_seconds),
        row.recall,
    )


def _size_up(smallest: StudyRow, row: StudyRow) -> SizeUp:
    larger, slower = _ratio(row.size, smallest.size), _ratio(row.p50, smallest.p50)
    return SizeUp(row.method, row.title, row.size, row.p50, larger, slower, row.recall)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else 0.0

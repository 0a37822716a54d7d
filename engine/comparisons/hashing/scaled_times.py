"""Times of different minutes made comparable, by the exact search that took turns with every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import EXACT, StudyCell

_TIMED_IN_TURNS = (
    "Each method was timed in turns with exact search over the same queries, and its times are scaled to the minutes "
    "in which exact search was timed alone, so that their ratio does not depend on how busy the computer was meanwhile."
)
_TIMED_ONCE = (
    "Exact search was timed once, before the methods, so that their ratio depends on how busy the computer was "
    "meanwhile."
)
_SCALED = ("p50", "p50_low", "p50_high", "p99", "mean_ms", "slowest_ms", "exact_ms", "exact_low", "exact_high")


def in_minutes_of(exact: StudyRow | None, row: StudyRow) -> StudyRow:
    """The row with the times it would have had while exact search was timed alone; older rows stay as they are.

    The factor is how much longer exact search took then than in its turns with the row's method.
    """
    if exact is None or not row.exact_ms:
        return row
    factor = exact.p50 / row.exact_ms
    times = {name: getattr(row, name) for name in _SCALED}
    return replace(row, **{name: time * factor for name, time in times.items() if time is not None})


def in_turns_with(row: StudyRow | None, exact: StudyRow | None) -> StudyRow | None:
    """Exact search with the times from its turns with the row, where it has them."""
    if row is None or exact is None or row.exact_ms is None:
        return exact
    return replace(exact, p50=row.exact_ms, p50_low=row.exact_low or 0.0, p50_high=row.exact_high or 0.0)


def how_timed(measured: Sequence[tuple[StudyCell, StudyRow]]) -> str:
    """How the times of measured cells can be compared, as sentences; "" without a method besides exact search."""
    exact = {(cell.size, cell.fold): row.p50 for cell, row in measured if cell.method == EXACT}
    others = [(exact.get((cell.size, cell.fold)), row) for cell, row in measured if cell.method != EXACT]
    slower = [row.exact_ms / alone for alone, row in others if alone and row.exact_ms]
    if not others:
        return ""
    if len(slower) < len(others):
        return _TIMED_ONCE
    return f"{_TIMED_IN_TURNS} In those turns exact search took {min(slower):.2f} to {max(slower):.2f} times as long."

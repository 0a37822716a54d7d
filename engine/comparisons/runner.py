"""Measuring a comparison cell by cell: what all kinds have in common.

Each kind provides two functions: one that measures the cells, and one that makes the row of a failed cell.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Generic

from engine.comparisons.comparison import CellT, Comparison, PlanT, RowT
from engine.core.errors import Stopped, StorageFull
from engine.core.progress import Reporter, sentence_of


@dataclass
class ComparisonRun(Generic[PlanT, CellT, RowT]):
    """A run through a comparison; `measured` counts the cells measured in it.

    Attributes:
        failed: makes the row of a cell that could not be measured, from the cell and the reason.
    """

    comparison: Comparison[PlanT, CellT, RowT]
    reporter: Reporter
    failed: Callable[[CellT, str], RowT]
    measured: int = 0

    @property
    def plan(self) -> PlanT:
        """The plan of the comparison that is measured."""
        return self.comparison.plan

    @property
    def progress(self) -> str:
        """For example "3 of 12"."""
        return f"{len(self._done)} of {self._total}"

    @cached_property
    def _done(self) -> set[str]:
        """The keys of the cells that have a row; only this run adds any, as it holds the comparison."""
        return {row.key for row in self.comparison.rows()}

    @cached_property
    def _total(self) -> int:
        return len(self.plan.cells())

    def missing(self, cells: Iterable[CellT], made_of: str = "") -> list[CellT]:
        """The cells without figures; with `made_of`, figures of anything else count as missing."""
        return [cell for cell in cells if not self._has_figures(cell, made_of)]

    def groups(self, key: Callable[[CellT], Hashable]) -> Iterator[list[CellT]]:
        """The plan's cells in runs of equal keys, which share their preparation; Stopped on request."""
        for _, cells in groupby(self.plan.cells(), key=key):
            self.reporter.stop_if_asked()
            yield list(cells)

    def each(self, cells: Iterable[CellT], measure: Callable[[CellT], None]) -> None:
        """Measure cell by cell; a failed cell keeps its error, and the others go on. Stopped on request."""
        for cell in cells:
            self.reporter.stop_if_asked()
            with self.failures_kept([cell]):
                measure(cell)

    def keep(self, row: RowT) -> None:
        """Store the row of a cell and report the overall progress."""
        self.comparison.keep(row)
        self._done.add(row.key)
        self.measured += not row.error
        self.reporter.event(kind="cells", done=len(self._done), total=self._total)

    def forget(self, cell: CellT) -> None:
        """Drop the row of a cell, which is measured again."""
        self.comparison.forget(cell)
        self._done.discard(cell.key)

    @contextmanager
    def failures_kept(self, cells: Iterable[CellT]) -> Iterator[None]:
        """Record failures inside the context in the rows of these cells; only Stopped and StorageFull end the run."""
        try:
            yield
        except (Stopped, StorageFull):
            raise
        except Exception as error:
            for cell in cells:
                self.keep(self.failed(cell, sentence_of(error)))

    def _has_figures(self, cell: CellT, made_of: str) -> bool:
        row = self.comparison.row(cell)
        return row is not None and not row.error and made_of in ("", row.made_of)


def run_comparison(
    comparison: Comparison[PlanT, CellT, RowT],
    measure: Callable[[ComparisonRun[PlanT, CellT, RowT]], None],
    failed: Callable[[CellT, str], RowT],
    reporter: Reporter,
) -> dict[str, Any]:
    """Lock a comparison while `measure` measures its missing cells.

    Returns:
        Its name under its kind, how many cells were "measured" now, and how many have "failed".

    Raises:
        BadParameter: another process is measuring it. Stopped: on request; StorageFull: the disk is full. Finished
        cells are kept. Also what `measure` raises before its first cell.
    """
    with comparison.measuring():
        run = ComparisonRun(comparison, reporter, failed)
        measure(run)
        count = sum(bool(row.error) for row in comparison.rows())
        return {comparison.kind: comparison.name, "measured": run.measured, "failed": count}

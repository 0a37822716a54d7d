"""The runner that all comparisons share, over a comparison of numbers whose figure is their square."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.comparisons.comparison import Comparison
from engine.comparisons.runner import ComparisonRun, run_comparison
from engine.core.errors import BadParameter, Stopped, StorageFull
from engine.core.progress import Reporter


@dataclass(frozen=True)
class NumberCell:
    number: int

    @property
    def key(self) -> str:
        return str(self.number)


@dataclass(frozen=True)
class NumberPlan:
    title: str
    numbers: tuple[int, ...]

    def cells(self) -> list[NumberCell]:
        return list(map(NumberCell, self.numbers))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NumberPlan:
        return cls(values["title"], tuple(values["numbers"]))


@dataclass(frozen=True)
class NumberRow:
    key: str
    square: int = 0
    made_of: str = ""
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> NumberRow:
        return cls(**values)


class Squares(Comparison[NumberPlan, NumberCell, NumberRow]):
    kind = "squares"
    noun = "table of squares"
    command = "squares --list"
    format = 1
    plans = NumberPlan
    lines = NumberRow


Run = ComparisonRun[NumberPlan, NumberCell, NumberRow]


def failed(cell: NumberCell, sentence: str) -> NumberRow:
    return NumberRow(cell.key, error=sentence)


def measuring(made_of: str = "one", refuse: Mapping[int, Exception] | None = None) -> Callable[[Run], None]:
    def measure(run: Run) -> None:
        def square(cell: NumberCell) -> None:
            if refuse and cell.number in refuse:
                raise refuse[cell.number]
            run.keep(NumberRow(cell.key, cell.number**2, made_of))

        for cells in run.groups(lambda cell: cell.number % 2):
            run.each(run.missing(cells, made_of), square)

    return measure


@pytest.fixture
def squares(tmp_path: Path) -> Squares:
    name = Squares.fresh_name(tmp_path, "Squares")
    return Squares.store(tmp_path, name, NumberPlan("Squares", (1, 3, 2, 4)))


def test_measures_what_is_missing_and_what_was_made_of_something_else(squares: Squares) -> None:
    assert run_comparison(squares, measuring(), failed, Reporter()) == {
        "squares": "squares",
        "measured": 4,
        "failed": 0,
    }
    assert [row.square for row in squares.rows()] == [1, 9, 4, 16]
    assert run_comparison(squares, measuring(), failed, Reporter())["measured"] == 0
    squares.forget(NumberCell(3))
    assert run_comparison(squares, measuring(), failed, Reporter())["measured"] == 1
    assert run_comparison(squares, measuring("another"), failed, Reporter())["measured"] == 4


def test_a_cell_that_fails_keeps_its_sentence_and_is_tried_again(squares: Squares) -> None:
    refuse = {3: BadParameter("number", "a square", "even", 3)}
    counts = run_comparison(squares, measuring(refuse=refuse), failed, Reporter())
    assert (counts["measured"], counts["failed"]) == (3, 1)
    assert [row.error for row in squares.rows()] == ["", "The number of a square must be even; got 3.", "", ""]
    again = run_comparison(squares, measuring(), failed, Reporter())
    assert (again["measured"], again["failed"]) == (1, 0)


@pytest.mark.parametrize("error", [Stopped(), StorageFull("The disk is full.")])
def test_a_stop_and_a_full_disk_end_it_and_keep_what_is_finished(squares: Squares, error: Exception) -> None:
    with pytest.raises(type(error)):
        run_comparison(squares, measuring(refuse={2: error}), failed, Reporter())
    assert [row.square for row in squares.rows()] == [1, 9]
    assert not squares.alive


def test_progress_counts_all_cells(squares: Squares) -> None:
    heard: list[dict[str, Any]] = []
    run_comparison(squares, measuring(), failed, Reporter(hear=heard.append))
    assert heard == [{"kind": "cells", "done": done, "total": 4} for done in (1, 2, 3, 4)]


def test_results_are_read_once_however_many_cells_there_are(squares: Squares, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    row = Squares.row
    monkeypatch.setattr(Squares, "row", lambda self, cell: read.append(cell.key) or row(self, cell))
    with squares.measuring():
        run: Run = ComparisonRun(squares, Reporter(), failed)
        for cell in squares.plan.cells():
            run.keep(failed(cell, "no"))
        assert run.progress == "4 of 4"
    assert len(read) == 4


def test_equal_neighbours_are_measured_together(squares: Squares) -> None:
    run: Run = ComparisonRun(squares, Reporter(), failed)
    assert [[cell.number for cell in cells] for cells in run.groups(lambda cell: cell.number % 2)] == [[1, 3], [2, 4]]


def test_only_one_process_measures_it(squares: Squares) -> None:
    with squares.measuring(), pytest.raises(BadParameter, match="not being measured right now"):
        run_comparison(squares, measuring(), failed, Reporter())

"""Reports as HTML pages: what their Jinja2 templates are given, and how they are rendered.

Templates are next to the code that fills them. User text is escaped by Jinja2; a page has no script and no link, and
loads nothing external.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 640, 320  # of a chart, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40  # space for its axes
_COLOURS = 8  # of lines; further lines reuse them with other markers
_MOST_TICKS = 6


@cache
def _environment() -> Environment:
    rooms = FileSystemLoader(Path(__file__).resolve().parent.parent)
    return Environment(loader=rooms, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(template: str, **values: Any) -> str:
    """A template rendered with these values; half surrogates, which stand for bytes that are no text, as `?`.

    Args:
        template: its path below `engine`, "comparisons/hashing/report.html".
    """
    return _environment().get_template(template).render(values).encode("utf-8", "replace").decode()


@dataclass(frozen=True)
class Best:
    """The text of a cell in bold, with plain text before and after it."""

    text: str
    after: str = ""
    before: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar from 0 to 1 with its interval as a line and the chance level as a dotted mark."""

    value: float
    low: float
    high: float
    chance: float

    @property
    def label(self) -> str:
        """The bar in words."""
        return f"{self.value:.3f}, interval {self.low:.3f} to {self.high:.3f}, chance {self.chance:.3f}"


@dataclass(frozen=True)
class Table:
    """A table under its heading; all but the first `left` columns are right-aligned."""

    head: Sequence[str]
    lines: Sequence[Sequence[str | Best | Bar]]
    left: int

    def __bool__(self) -> bool:
        return bool(self.lines)


def strong(text: str, best: bool) -> str | Best:
    """The text of a cell, in bold if it is the best."""
    return Best(text) if best else text


def optional(value: float | None, form: str) -> str:
    """A formatted figure, "–" for None.

    >>> optional(0.5, ".1%"), optional(None, ".1%")
    ('50.0 %', '–')
    """
    return "–" if value is None else format(value, form).replace("%", " %")


def bold_best(values: Sequence[float | None], *, low: bool = False) -> list[bool]:
    """Whether each value is the best: the highest, or with `low` the lowest."""
    known = [value for value in values if value is not None]
    best = (min if low else max)(known) if known else None
    return [value is not None and value == best for value in values]


def notes_of(rows: Iterable[Any]) -> list[str]:
    """The notes of some rows, without repetitions."""
    notes = dict.fromkeys((row.title, row.note) for row in rows if row.note)
    return [f"{title}: {note}" for title, note in notes]


@dataclass(frozen=True)
class Tick:
    """A value of an axis, and its position."""

    at: float
    text: str


@dataclass(frozen=True)
class ChartLine:
    """A line of a chart through points in pixels."""

    name: str
    colour: int
    dashes: str
    places: Sequence[tuple[float, float]]

    @property
    def path(self) -> str:
        """The points as the `points` attribute of an SVG polyline."""
        return " ".join(f"{x},{y}" for x, y in self.places)


@dataclass(frozen=True)
class Chart:
    """Lines over two axes, in pixels."""

    lines: Sequence[ChartLine]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    across: str
    up: str
    width: int = _WIDTH
    height: int = _HEIGHT
    left: int = _LEFT
    right: int = _WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = _HEIGHT - _BOTTOM

    @property
    def label(self) -> str:
        """What it shows, in words."""
        return f"{self.up} against {self.across} for {', '.join(line.name for line in self.lines)}"


def curves(lines: Mapping[str, Points], across: str, up: str, *, logarithmic: bool = False) -> Chart | None:
    """A line chart of (x, y) points; None if there is nothing to draw.

    Args:
        across, up: titles of the axes. logarithmic: the x axis; points not above 0 are omitted.
    """
    drawn = {name: sorted(p for p in points if p[0] > 0 or not logarithmic) for name, points in lines.items()}
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return None
    xs, ys = ([point[axis] for points in drawn.values() for point in points] for axis in (0, 1))
    x, x_ticks = _axis(xs, _LEFT, _WIDTH - _RIGHT, logarithmic)
    y, y_ticks = _axis([0.0, *ys], _HEIGHT - _BOTTOM, _TOP, False)
    return Chart(
        [
            ChartLine(name, number % _COLOURS, _dashes(number), [(round(x(a), 1), round(y(b), 1)) for a, b in points])
            for number, (name, points) in enumerate(drawn.items())
        ],
        [Tick(round(x(value), 1), f"{value:g}") for value in x_ticks],
        [Tick(round(y(value), 1), f"{value:.4g}") for value in y_ticks],
        across,
        up,
    )


def _dashes(number: int) -> str:
    return f"{2 + 3 * (number // _COLOURS)} 3" if number >= _COLOURS else ""


def _axis(
    values: Sequence[float], begin: float, end: float, logarithmic: bool
) -> tuple[Callable[[float], float], list[float]]:
    """The scale from values to positions between begin and end, and the tick values."""
    low, high = min(values), max(values)
    if logarithmic:
        low, high = 10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high) - 1e-9)
        high = max(high, 10 * low)
        span = math.log10(high / low)
        powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
        return lambda v: begin + (end - begin) * math.log10(v / low) / span, [10.0**power for power in powers]
    step = _step((high - low) or abs(high) or 1.0)
    low, high = step * math.floor(low / step), step * math.ceil(high / step - 1e-9)
    ticks = [low + step * number for number in range(round((high - low) / step) + 1)]
    return lambda v: begin + (end - begin) * (v - low) / ((high - low) or 1.0), ticks


def _step(span: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that gives few ticks."""
    power = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= _MOST_TICKS)

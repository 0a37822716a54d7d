"""Small charts as SVG text, readable on a light and on a dark page: lines over epochs, points with names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

_WIDE, _HIGH, _LEFT, _RIGHT, _TOP, _FOOT = 720, 340, 62, 190, 34, 46
_COLOURS = (
    "#2b7a78", "#d1662b", "#6b5ca5", "#c0392b", "#2e86c1", "#7d8c2c", "#b0578d", "#8a6d3b", "#5f7a8a", "#4a9b4a",
    "#c79a00", "#3f51b5", "#e06c9f",
)  # fmt: skip
_INK = "#7b858c"  # of axes and words: readable on white and on black


def lines(title: str, series: Mapping[str, Points], *, across: str, up: str, powers: bool = False) -> str:
    """Each series as a line, with its name in the legend; with `powers` the way across is logarithmic."""
    if powers:
        series = {name: [(math.log10(x), y) for x, y in points] for name, points in series.items()}
    frame = _Frame([point for points in series.values() for point in points])
    marks = []
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in points)
        marks.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        marks.append(_legend(number, name, colour))
    return _page(title, frame, marks, across, up, powers)


def points(title: str, named: Mapping[str, tuple[float, float]], *, across: str, up: str) -> str:
    """One dot for each name."""
    frame, marks = _Frame(list(named.values())), []
    for number, (name, (x, y)) in enumerate(named.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        marks.append(f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="5" fill="{colour}" fill-opacity=".8"/>')
        marks.append(_legend(number, name, colour))
    return _page(title, frame, marks, across, up)


class _Frame:
    """Where values lie on the picture, with a little room around them."""

    def __init__(self, found: Points) -> None:
        xs, ys = [x for x, _ in found], [y for _, y in found]
        self.low_x, self.high_x = _roomy(min(xs), max(xs), 0.02)
        self.low_y, self.high_y = _roomy(min(ys), max(ys), 0.08)

    def x(self, value: float) -> float:
        return _LEFT + (value - self.low_x) / (self.high_x - self.low_x) * (_WIDE - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HIGH - _FOOT - (value - self.low_y) / (self.high_y - self.low_y) * (_HIGH - _TOP - _FOOT)


def _roomy(low: float, high: float, share: float) -> tuple[float, float]:
    room = (high - low or abs(high) or 1.0) * share
    return low - room, high + room


def _legend(number: int, name: str, colour: str) -> str:
    y = _TOP + 14 + 20 * number
    dot = f'<circle cx="{_WIDE - _RIGHT + 16}" cy="{y - 4}" r="5" fill="{colour}"/>'
    return dot + _words(_WIDE - _RIGHT + 28, y, name, "start")


def _words(x: float, y: float, text: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{_INK}" {more}>{escape(text)}</text>'


def _page(title: str, frame: _Frame, marks: Sequence[str], across: str, up: str, powers: bool = False) -> str:
    grid = []
    for y in _ticks(frame.low_y, frame.high_y):
        at = frame.y(y)
        ends = f'x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"'
        grid.append(f'<line {ends} stroke="{_INK}" opacity=".3"/>')
        grid.append(_words(_LEFT - 8, at + 4, f"{y:g}", "end"))
    for x in _ticks(frame.low_x, frame.high_x):
        shown = f"{float(f'{10**x:.1g}'):,.0f}" if powers else f"{x:g}"
        at = math.log10(float(f"{10**x:.1g}")) if powers else x
        grid.append(_words(frame.x(at), _HIGH - _FOOT + 18, shown))
    middle = (_LEFT + _WIDE - _RIGHT) / 2
    grid += [_words(middle, _HIGH - 8, across), _words(_LEFT, _TOP - 14, up, "start", 'font-weight="bold"')]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} {_HIGH}" role="img"'
    body = "\n".join([*grid, *marks])
    return f'{head} aria-label="{escape(title)}" font-family="sans-serif" font-size="12">{body}</svg>\n'


def _ticks(low: float, high: float) -> list[float]:
    """About five round numbers between the two."""
    rough = (high - low) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = min((unit * m for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first = math.ceil(low / step)
    return [round(n * step, 10) for n in range(first, math.floor(high / step) + 1)]

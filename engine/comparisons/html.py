"""Pages of HTML that leave the house: tables and curves, without script, link or anything from outside.

Whoever writes into them escapes what people wrote: a cell is HTML already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 640, 320  # of a chart, in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40  # what its axes take
_COLOURS = 8  # of lines; more repeat them, with other marks
_MOST_TICKS = 6


def page(title: str, parts: Sequence[str]) -> str:
    """One page of parts that are HTML; empty ones are left out."""
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(filter(None, parts)))


def table(head: Sequence[str], lines: Sequence[Sequence[str]], *, left: int) -> str:
    """A table of cells that are HTML already, under a plain heading; all but the first `left` columns to the right."""
    titles = "".join(f'<th scope="col"{_side(i, left)}>{escape(title)}</th>' for i, title in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{_side(i, left)}>{cell}</td>" for i, cell in enumerate(line)) + "</tr>" for line in lines
    )
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def strong(text: str, best: bool) -> str:
    """The text, which is HTML already, in bold where it is the best."""
    return f"<strong>{text}</strong>" if best else text


def bold_best(values: Sequence[float | None], *, low: bool = False) -> list[bool]:
    """Whether each value is the best one: the highest, or the lowest where `low` is better."""
    known = [value for value in values if value is not None]
    best = (min if low else max)(known) if known else None
    return [value is not None and value == best for value in values]


def curves(lines: Mapping[str, Points], across: str, up: str, *, logarithmic: bool = False) -> str:
    """Lines from (x, y) points as one SVG with its legend; "" where there is nothing to draw.

    Args:
        across, up: titles of the axes. logarithmic: the x axis; points that are not above 0 are left out.
    """
    drawn = {name: sorted(p for p in points if p[0] > 0 or not logarithmic) for name, points in lines.items()}
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return ""
    xs, ys = ([point[axis] for points in drawn.values() for point in points] for axis in (0, 1))
    x, x_ticks = _axis(xs, _LEFT, _WIDTH - _RIGHT, logarithmic)
    y, y_ticks = _axis([0.0, *ys], _HEIGHT - _BOTTOM, _TOP, False)
    marks = "".join(_line(number, points, x, y) for number, points in enumerate(drawn.values()))
    said = escape(f"{up} against {across} for {', '.join(drawn)}")
    return (
        f'<figure><div class="wide"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" role="img" '
        f'aria-label="{said}">{_frame(x, x_ticks, y, y_ticks, across, up)}{marks}</svg></div>{_legend(list(drawn))}'
        "</figure>"
    )


def _axis(
    values: Sequence[float], begin: float, end: float, logarithmic: bool
) -> tuple[Callable[[float], float], list[float]]:
    """From a value to its place between begin and end, and the values that get a tick."""
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
    """The least of 1, 2, 5 times a power of ten that makes few ticks."""
    power = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= _MOST_TICKS)


def _frame(
    x: Callable[[float], float],
    x_ticks: Sequence[float],
    y: Callable[[float], float],
    y_ticks: Sequence[float],
    across: str,
    up: str,
) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    lines = [f'<line class="grid" x1="{x(v):.1f}" x2="{x(v):.1f}" y1="{_TOP}" y2="{bottom}"/>' for v in x_ticks]
    lines += [f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y(v):.1f}" y2="{y(v):.1f}"/>' for v in y_ticks]
    texts = [f'<text x="{x(v):.1f}" y="{bottom + 16}" text-anchor="middle">{v:g}</text>' for v in x_ticks]
    texts += [f'<text x="{_LEFT - 6}" y="{y(v) + 4:.1f}" text-anchor="end">{v:.4g}</text>' for v in y_ticks]
    middle = (_TOP + bottom) / 2
    texts.append(f'<text x="{right}" y="{_HEIGHT - 6}" text-anchor="end">{escape(across)}</text>')
    texts.append(f'<text transform="translate(12 {middle}) rotate(-90)" text-anchor="middle">{escape(up)}</text>')
    return "".join(lines + texts)


def _line(number: int, points: Points, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    places = [(x(a), y(b)) for a, b in points]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in places)
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3"/>' for a, b in places)
    return f'<g class="line c{number % _COLOURS}"><polyline points="{path}"{_dashes(number)}/>{dots}</g>'


def _dashes(number: int) -> str:
    return f' stroke-dasharray="{2 + 3 * (number // _COLOURS)} 3"' if number >= _COLOURS else ""


def _legend(names: Sequence[str]) -> str:
    items = "".join(
        f'<li><svg class="line c{number % _COLOURS}" width="22" height="8" aria-hidden="true">'
        f'<polyline points="0,4 22,4"{_dashes(number)}/></svg> {escape(name)}</li>'
        for number, name in enumerate(names)
    )
    return f'<figcaption><ul class="legend">{items}</ul></figcaption>'


def _side(column: int, left: int) -> str:
    return "" if column < left else ' class="number"'


_STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --paper: #fff; --line: #d5dadd; --ground: #eceff1; --bar: #2b7a78;
  --c0: #2b7a78; --c1: #b3541e; --c2: #4a5fc1; --c3: #8a3d8f; --c4: #6b7d1e; --c5: #b02a4c; --c6: #3d3d3d;
  --c7: #0f6fa8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaeb; --paper: #14181b; --line: #394249; --ground: #262d32; --bar: #5fb8b4;
    --c0: #5fb8b4; --c1: #e5925c; --c2: #8fa0ff; --c3: #d08ad5; --c4: #b3c95a; --c5: #f07a98; --c6: #c8c8c8;
    --c7: #62b6ea; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: left; }
td:first-child { min-width: 14rem; }
.number { text-align: right; white-space: nowrap; }
.wide { overflow-x: auto; }
svg { vertical-align: middle; }
.ground { fill: var(--ground); } .bar { fill: var(--bar); } .spread { stroke: var(--ink); stroke-width: 2; }
.chance { stroke: var(--ink); stroke-dasharray: 2 2; }
figure { margin: 1rem 0; } figure text { font-size: 11px; fill: var(--ink); } .grid { stroke: var(--line); }
.line polyline { fill: none; stroke: currentColor; stroke-width: 2; } .line circle { fill: currentColor; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.c0 { color: var(--c0); } .c1 { color: var(--c1); } .c2 { color: var(--c2); } .c3 { color: var(--c3); }
.c4 { color: var(--c4); } .c5 { color: var(--c5); } .c6 { color: var(--c6); } .c7 { color: var(--c7); }
"""
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>{style}</style></head><body>
{body}
</body></html>
"""

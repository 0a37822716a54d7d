"""The results of a study as charts: quality against time and against bits, speed-up and size-up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from engine.comparisons.hashing.curves import Line, quality_against_bits, unbeaten
from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.plan import title_of
from engine.comparisons.hashing.study import SizeUp, SpeedUp
from engine.comparisons.hashlab.price import Price
from engine.core.humanize import percent
from engine.core.recipe import parse_method
from engine.indexes import approximate_methods
from ui.shared.charts import COLOURS, new_figure, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_SHADES = ("blue", "second", "first", "pink", "ochre", "sky", "third", "grey")
_SHAPES = ("circle", "diamond", "square", "triangle-up", "triangle-down", "star", "cross", "x")
MEASURES = {"recall": "recall", "map": "MAP", "strict_map": "strict MAP"}
HEIGHT = 400  # pixels
_LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None}


def quality_chart(
    rows: Sequence[StudyRow], names: Sequence[str], measure: str, wanted: float | None, picked: str | None
) -> Figure:
    """A point for each row, top left is best; a line joins the Pareto front of each method."""
    figure = _figure()
    named = dict(zip((row.key for row in rows), names, strict=True))
    for method, own in _by_method(rows):
        colour, shape = _look(method)
        front = unbeaten([(row.p50, getattr(row, measure)) for row in own])
        figure.add_scatter(
            x=[x for x, _ in front], y=[y for _, y in front], mode="lines",
            line={"color": colour, "width": 1.6}, hoverinfo="skip", showlegend=False, legendgroup=method,
        )  # fmt: skip
        figure.add_scatter(**_points(own, named, measure, method, colour, shape, picked))
    if wanted is not None:
        _line_at(figure, wanted)
    figure.update_xaxes(title="ms per query (median, log scale)", type="log", fixedrange=True, **_ticks(rows))
    title = f"{MEASURES[measure]}@{rows[0].neighbours}"
    values = [getattr(row, measure) for row in rows] + ([wanted] if wanted is not None else [])
    return figure.update_yaxes(title=title, range=_range(values), fixedrange=True)


def _points(
    own: Sequence[StudyRow],
    named: dict[str, str],
    measure: str,
    method: str,
    colour: str,
    shape: str,
    picked: str | None,
) -> dict[str, Any]:
    ring = [3 if row.key == picked else 0 for row in own]
    return {
        "x": [row.p50 for row in own],
        "y": [getattr(row, measure) for row in own],
        "name": _title(method),
        "legendgroup": method,
        "mode": "markers",
        "marker": {
            "size": [14 if row.key == picked else 10 for row in own],
            "color": colour,
            "opacity": 1,
            "symbol": shape,
            "line": {"width": ring, "color": COLOURS["ink"]},
        },
        "unselected": {"marker": {"opacity": 1}},
        "text": [plain(named[row.key]) for row in own],
        "customdata": [[row.key] for row in own],
        "hovertemplate": f"%{{text}}<br>{MEASURES[measure]} %{{y:.3f}} in %{{x:.3g}} ms<extra></extra>",
    }


def bits_chart(rows: Sequence[StudyRow], measure: str) -> Figure:
    """Quality against the length of the code: a line for each method with the same other settings."""
    figure, shown = _figure(), dict[str, int]()
    lines = _bit_lines(rows, measure)
    for method, title, points in lines:
        colour, shape = _look(method)
        number = shown.setdefault(method, 0)
        figure.add_scatter(
            x=[x for x, _ in points], y=[y for _, y in points], name=_title(method), legendgroup=method,
            mode="lines+markers",
            line={"color": colour, "width": 1.8, "dash": _DASHES[number % len(_DASHES)]},
            marker={"color": colour, "size": 8, "symbol": shape},
            hovertemplate=f"{plain(title)}<br>%{{x}} bits: {MEASURES[measure]} %{{y:.3f}}<extra></extra>",
        )  # fmt: skip
        shown[method] += 1
    bits = sorted({x for _, _, points in lines for x, _ in points})
    figure.update_xaxes(title="bits per code", tickvals=bits, fixedrange=True)
    values = [y for _, _, points in lines for _, y in points]
    title = f"{MEASURES[measure]}@{rows[0].neighbours}"
    figure.update_layout(showlegend=False)  # same colours as the adjacent chart
    return figure.update_yaxes(title=title, range=_range(values), fixedrange=True)


_DASHES = ("solid", "dot", "dash", "dashdot", "longdash")


def _bit_lines(rows: Sequence[StudyRow], measure: str) -> list[tuple[str, str, Line]]:
    """Method, title and points of each line, method by method in the order of their colours."""
    found = [
        (method, title, line)
        for method, own in _by_method(rows)
        for title, line in quality_against_bits(own, measure).items()
    ]
    return sorted(found, key=lambda one: _place(one[0]))


def speed_chart(speed_ups: Sequence[SpeedUp], short: Mapping[str, str]) -> Figure:
    """How many times faster more parts answer: as measured, and by the slowest part's own time; the ideal is dotted."""
    figure = _figure()
    for number, title in enumerate(dict.fromkeys(one.title for one in speed_ups)):
        own, colour = [one for one in speed_ups if one.title == title], _shade(number)
        measured = [(one.parts, one.speed_up) for one in own]
        slowest = [(one.parts, one.machines) for one in own if one.machines is not None]
        for label, dash, points in (("as measured", "solid", measured), ("slowest part", "dash", slowest)):
            figure.add_scatter(
                x=[x for x, _ in points], y=[y for _, y in points], name=plain(short[title]), legendgroup=title,
                showlegend=dash == "solid", mode="lines+markers", marker={"size": 8},
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate=f"{plain(short[title])}, {label}<br>%{{x}} parts: %{{y:.2f}} times<extra></extra>",
            )  # fmt: skip
    _only_in_legend(figure, "by the slowest part", "dash")
    _diagonal(figure, max(one.parts for one in speed_ups), "ideal (linear)")
    figure.update_xaxes(title="parts", tickvals=sorted({one.parts for one in speed_ups}), fixedrange=True)
    return figure.update_yaxes(title="times faster than one part", rangemode="tozero", fixedrange=True)


def size_chart(size_ups: Sequence[SizeUp], short: Mapping[str, str]) -> Figure:
    """How many times slower more vectors are; the dotted line is linear growth.

    Of many lines of one method the legend names the method alone: their settings are in the tips and the table.
    """
    figure, shown = _figure(), dict[str, int]()
    lines = _size_lines(size_ups)
    several = len({name for name, _ in lines}) < len(lines)
    for name, own in lines:
        (colour, shape), number = _look(name), shown.setdefault(name, 0)
        shown[name] += 1
        title = plain(short[own[0].title])
        figure.add_scatter(
            x=[one.times_larger for one in own], y=[one.times_slower for one in own], mode="lines+markers",
            name=_title(name) if several else title, legendgroup=name, showlegend=not number,
            line={"color": colour, "width": 2, "dash": _DASHES[number % len(_DASHES)]},
            marker={"size": 8, "symbol": shape}, customdata=[[one.size, one.p50] for one in own],
            hovertemplate=f"{title}<br>%{{customdata[0]:,}} vectors, %{{customdata[1]:.3g}} ms: %{{y:.2f}} times"
            "<extra></extra>",
        )  # fmt: skip
    _diagonal(figure, max(one.times_larger for one in size_ups), "linear growth")
    figure.update_xaxes(title="times as many vectors", rangemode="tozero", fixedrange=True)
    return figure.update_yaxes(title="times as slow", rangemode="tozero", fixedrange=True)


def _size_lines(size_ups: Sequence[SizeUp]) -> list[tuple[str, list[SizeUp]]]:
    """The name of a method and its sizes, for each of its settings, in the order of the methods' colours."""
    ordered = sorted(size_ups, key=lambda one: (one.method, one.size))
    lines = [(parse_method(method)[0], list(own)) for method, own in groupby(ordered, key=lambda one: one.method)]
    return sorted(lines, key=lambda line: (_place(line[0]), line[0]))


def price_chart(prices: Sequence[Price], chosen: str) -> Figure:
    """Recall against the share compared: a line over the probes of each method, larger where the numbers in force are.

    The line of the `chosen` method is thicker.
    """
    figure = _figure()
    for price in prices:
        method = price.hashing.method
        colour, shape = _look(method)
        figure.add_scatter(
            x=[100 * point.share for point in price.curve], y=[point.recall for point in price.curve],
            name=_title(method), mode="lines+markers", line={"color": colour, "width": 3 if method == chosen else 1.6},
            marker={
                "color": colour, "symbol": shape, "opacity": 1,
                "size": [14 if point.probes == price.here.probes else 7 for point in price.curve],
            },
            customdata=[[point.probes] for point in price.curve],
            hovertemplate=f"{_title(method)}, probes: %{{customdata[0]}}<br>recall %{{y:.3f}}, "
            "compared %{x:.1f} %<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title="compared, % of the pictures", rangemode="tozero", fixedrange=True)
    return figure.update_yaxes(title="recall@8", range=[-0.02, 1.02], fixedrange=True)


def spoken_prices(prices: Sequence[Price]) -> str:
    """A text alternative for the chart of prices."""
    said = [f"{_title(p.hashing.method)} {p.here.recall:.3f} with {percent(p.here.share, 1)} compared" for p in prices]
    return f"Recall against the share compared: {'; '.join(said)}."


# ── in words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def spoken_quality(rows: Sequence[StudyRow], names: Sequence[str], measure: str) -> str:
    """A text alternative for the chart of quality against time."""
    fast = min(range(len(rows)), key=lambda place: rows[place].p50)
    best = max(range(len(rows)), key=lambda place: (getattr(rows[place], measure), -rows[place].p50))
    said = [
        f"{names[n]}: {rows[n].p50:.3g} ms, {MEASURES[measure]} {getattr(rows[n], measure):.3f}" for n in (fast, best)
    ]
    extremes = f"The lowest time is of {said[0]}. The highest figure is of {said[1]}."
    return f"{MEASURES[measure]} against milliseconds per query. {extremes}"


def spoken_bits(rows: Sequence[StudyRow], measure: str) -> str:
    """A text alternative for the chart of bits: the ends of each line."""
    said = [
        f"{title}: {line[0][1]:.3f} with {line[0][0]:g} bits, {line[-1][1]:.3f} with {line[-1][0]:g}"
        for _, title, line in _bit_lines(rows, measure)
    ]
    return f"{MEASURES[measure]} against the bits per code. {'; '.join(said)}."


def spoken_curve(what: str, points: Iterable[tuple[str, float, float]]) -> str:
    """A text alternative for a speed-up or size-up chart: the last point of each line."""
    last = {title: (x, y) for title, x, y in points}
    return f"{what}: " + "; ".join(f"{title}: {y:.2f} at {x:g}" for title, (x, y) in last.items()) + "."


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def has_bits(rows: Sequence[StudyRow]) -> bool:
    """Whether there are lines to draw against bits."""
    return bool(_bit_lines(rows, "recall"))


def _by_method(rows: Sequence[StudyRow]) -> list[tuple[str, list[StudyRow]]]:
    """Methods in the order of their colours, each with its rows."""
    names: dict[str, list[StudyRow]] = {}
    for row in rows:
        names.setdefault(parse_method(row.method)[0], []).append(row)
    return sorted(names.items(), key=lambda item: (_place(item[0]), item[0]))


def _range(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    room = max(0.03, 0.06 * (high - low))
    return [max(-0.02, low - room), min(1 + room / 4, high + room)]


def _ticks(rows: Sequence[StudyRow]) -> dict[str, Any]:
    """The ends of the logarithmic axis, and readable ticks: 1, 2 and 5 times the powers of ten, or finer ones."""
    times = [max(row.p50, 1e-4) for row in rows]
    low, high = min(times) / 1.25, max(times) * 1.25
    digits = (1, 2, 5) if high > 8 * low else (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
    values = [digit * 10.0**power for power in range(-5, 6) for digit in digits]
    shown = [value for value in values if low <= value <= high]
    ends = [math.log10(low), math.log10(high)]
    return {"range": ends, "tickvals": shown, "ticktext": [f"{value:.4g}" for value in shown]}


def _line_at(figure: Figure, wanted: float) -> None:
    grey = COLOURS["grey"]
    figure.add_hline(y=wanted, line={"dash": "dot", "color": grey, "width": 1.5})
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=wanted, yanchor="top", text=f"target {wanted:g}", showarrow=False,
        font={"size": 12, "color": grey},
    )  # fmt: skip


def _figure() -> Figure:
    margin = {"l": 4, "r": 8, "t": 60, "b": 4}
    return new_figure(margin=margin, showlegend=True, legend=_LEGEND, height=HEIGHT)


def _diagonal(figure: Figure, most: float, name: str) -> None:
    """A dotted line through (1, 1)."""
    figure.add_scatter(
        x=[1, most], y=[1, most], mode="lines", name=name, hoverinfo="skip",
        line={"color": COLOURS["grey"], "dash": "dot", "width": 1.5},
    )  # fmt: skip


def _only_in_legend(figure: Figure, name: str, dash: str) -> None:
    """An entry of the legend that says what a kind of line means, whatever its colour."""
    figure.add_scatter(x=[None], y=[None], mode="lines", name=name, line={"color": COLOURS["grey"], "dash": dash})


def _place(method: str) -> int:
    order = approximate_methods()
    return order.index(method) if method in order else len(order)


def _look(method: str) -> tuple[str, str]:
    """The colour and the shape of a method, the same in every chart."""
    return _shade(_place(method)), _SHAPES[_place(method) % len(_SHAPES)]


def _shade(number: int) -> str:
    return COLOURS[_SHADES[number % len(_SHADES)]]


def _title(method: str) -> str:
    return plain(title_of(method))

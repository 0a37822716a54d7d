"""Curves of trainings: loss, learning rate and retrieval over the epochs, and the search for a learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ui.shared.charts import COLOURS, HEIGHT, new_figure, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Event = Mapping[str, Any]
Points = list[tuple[float, float]]

_HUGE = 2.0  # times the largest other loss


@dataclass(frozen=True)
class Line:
    """A curve: its name in the legend, its points, its colour (a key of `COLOURS`), and its line style."""

    title: str
    points: Points
    colour: str = "first"
    dash: str = "solid"


def points(events: Sequence[Event], name: str) -> Points:
    """(epoch, value) of every epoch with that value."""
    return [(event["epoch"], event[name]) for event in events if event.get(name) is not None]


def loss_chart(lines: Sequence[Line], *, log: bool, marked: int | None = None) -> Figure:
    """Losses over the epochs; `marked` is the epoch whose weights are kept."""
    untrained = log or not any(_flattens(line.points) for line in lines)  # for all lines or for none
    shown = [Line(line.title, _in_sight(line.points, log, untrained), line.colour, line.dash) for line in lines]
    figure = _figure(shown, "%{y:.5f}")
    figure.update_yaxes(type="log" if log else "linear", tickformat=".2~g" if log else None, nticks=6)
    if not log:
        figure.update_yaxes(rangemode="tozero")
    return _marked(figure, shown[-1], marked)


def _flattens(found: Points) -> bool:
    """Whether an untrained network's huge loss would flatten the rest of the curve."""
    rest = max((y for _, y in found[1:]), default=math.inf)
    return bool(found) and found[0][0] == 0 and found[0][1] > _HUGE * rest


def _in_sight(found: Points, log: bool, untrained: bool) -> Points:
    """The points to draw; the untrained network's only if requested or if it is the only one."""
    if log:
        return [point for point in found if point[1] > 0]
    return found if untrained or len(found) == 1 else [point for point in found if point[0] > 0]


def retrieval_chart(lines: Sequence[Line], *, chance: float | None, marked: int | None = None) -> Figure:
    """Retrieval over the epochs, in percent, with the chance level as a dotted line."""
    percent = [Line(line.title, [(x, 100 * y) for x, y in line.points], line.colour, line.dash) for line in lines]
    figure = _figure(percent, "%{y:.1f} %")
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %", nticks=6)
    if chance is not None:
        grey = COLOURS["grey"]
        figure.add_hline(y=100 * chance, line={"dash": "dot", "color": grey, "width": 1.5})
        text = f"chance {100 * chance:.3g} %"
        figure.add_annotation(
            x=1, xref="paper", xanchor="right", y=100 * chance, yanchor="bottom", text=text, showarrow=False,
            font={"size": 12, "color": grey},
        )  # fmt: skip  # at the right, as curves begin near chance
    return _marked(figure, percent[0], marked) if len(percent) == 1 else figure


def agreement_chart(lines: Sequence[Line]) -> Figure:
    """The agreement of groups with others over the epochs, as NMI from 0 to 1."""
    figure = _figure(lines, "%{y:.2f}")
    return figure.update_yaxes(range=[0, 1], nticks=6)


def rate_chart(rates: Points, *, height: int = HEIGHT, now: float | None = None) -> Figure:
    """The learning rate over the epochs; `now` is the number of finished epochs."""
    figure = _figure([Line("learning rate", rates)], "%{y:.3~g}", height=height)
    figure.update_yaxes(rangemode="tozero", tickformat=".2~g", nticks=5)
    if now is not None:
        figure.add_vline(x=now, line={"dash": "dot", "color": COLOURS["grey"], "width": 1.5})
    return figure


def finder_chart(lines: Sequence[Line], *, marked: float | None, height: int = 190) -> Figure:
    """Losses by the learning rate on a logarithmic scale; `marked` is the suggested rate."""
    figure = _figure(lines, "%{y:.4~g}", height=height)
    figure.update_xaxes(title="Learning rate", type="log", autorange=True, dtick=1, exponentformat="power")
    figure.update_xaxes(tickfont={"size": 11})
    figure.update_yaxes(nticks=5, tickformat=".3~g")
    if marked is not None:
        figure.add_vline(x=marked, line={"dash": "dot", "color": COLOURS["grey"], "width": 1.5})
    return figure


def _figure(lines: Sequence[Line], hover: str, *, height: int = HEIGHT) -> Figure:
    figure = new_figure()
    for line in lines:
        figure.add_trace(_trace(line, COLOURS[line.colour], hover))
    most = max([1, *(x for line in lines for x, _ in line.points)])
    figure.update_xaxes(title="Epochs done", showgrid=False, fixedrange=True, dtick=1 if most <= 8 else None)
    figure.update_xaxes(range=[-0.02 * most, 1.02 * most])
    figure.update_yaxes(fixedrange=True, title=None)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None}
    return figure.update_layout(
        height=height,
        margin={"l": 4, "r": 8, "t": 30 if len(lines) > 1 else 10, "b": 4},
        showlegend=len(lines) > 1,
        legend=legend,
        hovermode="x unified",
    )


def _trace(line: Line, colour: str, hover: str) -> dict[str, Any]:
    alone = len(line.points) == 1
    return {
        "type": "scatter",
        "name": plain(line.title),
        "x": [x for x, _ in line.points],
        "y": [y for _, y in line.points],
        "mode": "markers" if alone else "lines",
        "line": {"color": colour, "dash": line.dash, "width": 2.2},
        "marker": {"color": colour, "size": 8},
        "hovertemplate": f"{hover}<extra>%{{fullData.name}}</extra>",
    }


def _marked(figure: Figure, line: Line, epoch: int | None) -> Figure:
    """Mark the epoch whose weights are kept with a dot."""
    kept = [point for point in line.points if point[0] == epoch]
    if kept:
        marker = {"size": 10, "color": COLOURS[line.colour], "line": {"width": 2, "color": "white"}}
        figure.add_scatter(
            x=[kept[0][0]], y=[kept[0][1]], mode="markers", marker=marker, showlegend=False, hoverinfo="skip"
        )
    return figure


def spoken(what: str, line: Line, shown: Callable[[float], str] = "{:.4g}".format) -> str:
    """A text alternative for a curve."""
    if not line.points:
        return f"{what}: nothing measured yet."
    (start, first), (end, last) = line.points[0], line.points[-1]
    if start == end:
        return f"{what}: {shown(first)} at epoch {start:g}."
    return f"{what}: from {shown(first)} at epoch {start:g} to {shown(last)} at epoch {end:g}."

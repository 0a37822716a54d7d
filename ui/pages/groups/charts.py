"""How good groups are, as charts: agreement with the labels beside chance, and the silhouette by number of groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.grouping.numbers import Tried, best_number
from ui.shared.charts import COLOURS, new_figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_LINE, _ROOM, _HEIGHT = 28, 46, 240  # pixels
_FAINT = 0.55  # opacity of bars, on which the dots of chance stand out


def agreement_chart(titles: Sequence[str], values: Sequence[float], chances: Sequence[float]) -> Figure:
    """A bar for each measure; the dotted mark on it is what random groups of the same sizes reach."""
    figure = _figure(_ROOM + _LINE * len(titles))
    places = list(range(len(titles)))
    figure.add_bar(
        x=list(values), y=places, orientation="h", width=0.5,
        marker={"color": COLOURS["first"], "opacity": _FAINT},
        customdata=list(chances), hovertemplate="%{x:.3f}, by chance %{customdata:.3f}<extra></extra>",
    )  # fmt: skip
    for place, chance in zip(places, chances, strict=True):
        line = {"dash": "dot", "color": COLOURS["ink"], "width": 2}
        figure.add_shape(type="line", x0=chance, x1=chance, y0=place - 0.42, y1=place + 0.42, line=line)
    figure.update_xaxes(range=[min(0.0, *values, *chances), 1], title="dotted: random groups", fixedrange=True)
    figure.update_yaxes(
        tickvals=places, ticktext=list(titles), range=[len(titles) - 0.4, -0.6], fixedrange=True, showgrid=False
    )
    return figure


def spoken_agreement(titles: Sequence[str], values: Sequence[float], chances: Sequence[float]) -> str:
    """A text alternative for the chart of agreement."""
    lines = zip(titles, values, chances, strict=True)
    return "; ".join(f"{title} {value:.3f}, random groups {chance:.3f}" for title, value, chance in lines) + "."


def number_chart(curve: Sequence[Tried]) -> Figure:
    """The score that the number of groups was chosen by, and the silhouette of all groups; the choice is marked."""
    figure, numbers = _figure(_HEIGHT), [one.number for one in curve]
    drawn = (
        ("chosen by", "solid", "first", [o.score for o in curve]),
        ("all groups", "dot", "grey", [o.silhouette for o in curve]),
    )
    for name, dash, colour, values in drawn:
        figure.add_scatter(
            x=numbers, y=values, name=name, mode="lines+markers", line={"dash": dash, "color": COLOURS[colour]},
            hovertemplate="%{x} groups: %{y:.3f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.add_vline(x=best_number(curve), line={"color": COLOURS["second"], "width": 1})
    figure.update_xaxes(title="groups", fixedrange=True)
    return figure.update_yaxes(title="silhouette", fixedrange=True)


def spoken_numbers(curve: Sequence[Tried]) -> str:
    """A text alternative for the chart of numbers."""
    highest = max(curve, key=lambda one: one.silhouette)
    told = {one.number: one for one in curve}[best_number(curve)]
    return (
        f"{told.number} groups were chosen, with a score of {told.score:.3f}. The silhouette of all groups is highest "
        f"at {highest.number} groups, {highest.silhouette:.3f}; at the chosen number it is {told.silhouette:.3f}."
    )


def _figure(height: int) -> Figure:
    return new_figure(margin={"l": 4, "r": 8, "t": 10, "b": 4}, showlegend=False, height=height)

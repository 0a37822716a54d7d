"""The distance of a match over the strength of an alteration, with the points at which it is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.evidence.alterations import ALTERATIONS
from engine.evidence.breaking import SHOWN, Breaking
from ui.shared.charts import COLOURS, new_figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_HEIGHT = 210


def breaking_chart(found: Breaking, strength: float) -> Figure:
    """Distances by strength: filled while the match is among the eight, hollow beyond; a line at `strength`."""
    way = ALTERATIONS[found.alteration]
    shown = [one.among(SHOWN) for one in found.standings]
    figure = new_figure()
    figure.add_scatter(
        x=[100 * one.strength for one in found.standings],
        y=[one.distance for one in found.standings],
        mode="lines+markers",
        line={"color": COLOURS["grey"], "width": 1.5},
        marker={
            "size": 9,
            "color": COLOURS["first"],
            "symbol": ["circle" if among else "circle-open" for among in shown],
        },
        customdata=[[way.in_words(one.strength), one.rank or "beyond 1,000"] for one in found.standings],
        hovertemplate="%{customdata[0]}<br>rank %{customdata[1]}, distance %{y:.4f}<extra></extra>",
    )
    for point, text in ((found.first, "another is nearer"), (found.shown, f"leaves the {SHOWN}")):
        if point.strength is not None:
            figure.add_vline(x=100 * point.strength, line={"dash": "dot", "color": COLOURS["second"], "width": 1.5})
            figure.add_annotation(
                x=100 * point.strength, y=1 if point is found.first else 0.86, yref="paper", yanchor="bottom",
                xanchor="left" if point.strength < 0.7 else "right", text=text, showarrow=False,
                font={"size": 12, "color": COLOURS["second"]},
            )  # fmt: skip
    figure.add_vline(x=100 * strength, line={"color": COLOURS["ink"], "width": 1})
    figure.update_xaxes(title="Strength, %", range=[-2, 102], fixedrange=True, showgrid=False)
    figure.update_yaxes(title="Distance", rangemode="tozero", fixedrange=True, nticks=5)
    return figure.update_layout(height=_HEIGHT, margin={"l": 4, "r": 8, "t": 22, "b": 4}, showlegend=False)


def spoken_breaking(found: Breaking) -> str:
    """A text alternative for the chart."""
    way, last = ALTERATIONS[found.alteration], found.standings[-1]
    return (
        f"{way.title}: the distance of the match from {found.standings[0].distance:.4f} unaltered to "
        f"{last.distance:.4f} at full strength. Another picture is nearer: {found.first.in_words(way)}; "
        f"leaves the {SHOWN}: {found.shown.in_words(way)}."
    )

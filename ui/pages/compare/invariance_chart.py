"""The share of altered pictures that are found, over the strength of one alteration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.comparisons.invariances.invariance import InvarianceRow
from engine.evidence.alterations import ALTERATIONS
from ui.shared.charts import COLOURS, new_figure, plain

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_COLOURS = ("first", "second", "third", "grey")
_SHAPES = ("circle", "square", "diamond", "triangle-up", "x", "star")
_DASHES = ("solid", "dot", "dash")
_HOVER = "%{y:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})"
_FAINT = 0.25  # of the curves beside a picked one
_HEIGHT = 360


def curves_chart(rows: Sequence[InvarianceRow], names: Sequence[str], count: int, picked: str | None) -> Figure:
    """A curve for each encoder under one alteration, distinguished by colour, symbol and dash.

    Args:
        count: results among which a picture counts as found. picked: the encoder whose curve stands out.
    """
    figure = new_figure()
    marked = picked in [row.encoder for row in rows]
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        shares = row.shares(count)
        colour = COLOURS[_COLOURS[place % len(_COLOURS)]]
        figure.add_scatter(
            x=[100 * one.strength for one in shares],
            y=[one.share for one in shares],
            name=plain(name),
            mode="lines+markers",
            opacity=_FAINT if marked and row.encoder != picked else 1,
            line={"color": colour, "dash": _DASHES[place // len(_COLOURS) % len(_DASHES)], "width": 2},
            marker={"size": 8, "symbol": _SHAPES[place % len(_SHAPES)]},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [one.interval[1] - one.share for one in shares],
                "arrayminus": [one.share - one.interval[0] for one in shares],
                "thickness": 1,
                "width": 3,
            },
            customdata=[one.interval for one in shares],
            hovertemplate=f"{plain(name)}: {_HOVER}<extra></extra>",
        )
    way = ALTERATIONS[rows[0].alteration]
    ticks = [100 * strength for strength in rows[0].strengths]
    words = [way.in_words(strength) for strength in rows[0].strengths]
    figure.update_xaxes(tickvals=ticks, ticktext=words, fixedrange=True, showgrid=False, range=[-3, 103])
    figure.update_yaxes(title="Share of pictures found", range=[-0.02, 1.02], fixedrange=True)
    legend = {"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top", "title": None}
    return figure.update_layout(
        height=_HEIGHT, margin={"l": 4, "r": 72, "t": 10, "b": 4}, showlegend=True, legend=legend, hovermode="closest"
    )


def spoken_curves(rows: Sequence[InvarianceRow], names: Sequence[str], count: int) -> str:
    """A text alternative for the chart."""
    way = ALTERATIONS[rows[0].alteration]
    parts = []
    for row, name in zip(rows, names, strict=True):
        half = row.half(count)
        kept = "half or more are found at every strength" if half is None else f"half are found at {way.in_words(half)}"
        parts.append(f"{name}: {kept}")
    return f"{way.title}. " + "; ".join(parts) + "."

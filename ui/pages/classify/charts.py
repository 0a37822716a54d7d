"""The results of a classification as charts: confusion matrix, calibration, corruptions, and learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.classification import measures
from engine.classification.measures import Bin
from engine.classification.plan import FUSIONS
from engine.classification.results import ResultLine as TableLine
from engine.core.humanize import count_of, percent
from ui.pages.classify.state import shortened
from ui.shared.charts import COLOURS, HEIGHT, faint_to_strong, new_figure, plain
from ui.shared.training_curves import Event, Line, loss_chart, points, retrieval_chart

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from plotly.graph_objects import Figure


_CELL, _LEAST = 26, 190  # pixels of a row of the matrix, and of all of it
_LABEL = 16  # characters of a class beside the matrix
_TEXTED = 14  # classes up to which each cell is large enough for any number
_TENTHS = list(range(0, 101, 20))
_SHADES = ("first", "second", "third", "grey")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def confusion_chart(classes: Sequence[str], counts: NDArray[np.int64], picked: tuple[str, str] | None) -> Figure:
    """Rows are true classes, columns predicted classes: correct predictions in one colour, errors in another.

    Colours are shares of a row; the numbers are counts, and cells with 0 stay empty.
    """
    figure, size = _figure(), len(classes)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    right = np.eye(size, dtype=bool)
    for where, colour in ((right, "first"), (~right, "second")):
        figure.add_heatmap(**_layer(np.where(where & (counts > 0), shares, np.nan), colour))
    figure.add_scatter(**_cells(classes, counts, shares))
    if picked and set(picked) <= set(classes):
        figure.add_shape(_frame(classes.index(picked[1]), classes.index(picked[0]), COLOURS["ink"]))
    ticks = {"tickvals": list(range(size)), "ticktext": [plain(shortened(label, _LABEL)) for label in classes]}
    ticks |= {"showgrid": False, "zeroline": False, "fixedrange": True}
    across = {"side": "top", "range": [-0.5, size - 0.5], "tickangle": -60 if size > 6 else 0}
    figure.update_xaxes(title="predicted", **across, **ticks)
    figure.update_yaxes(title="true", range=[size - 0.5, -0.5], **ticks)
    return figure.update_layout(
        height=max(_LEAST, 130 + _CELL * size), margin={"t": 10, "l": 4, "r": 48}, showlegend=False
    )


def _layer(shares: NDArray[np.float64], colour: str) -> dict[str, Any]:
    top = float(np.nanmax(shares)) if np.isfinite(shares).any() else 1.0
    return {
        "z": [[None if np.isnan(value) else value for value in row] for row in shares.tolist()],
        "zmin": 0,
        "zmax": max(top, 0.05),
        "colorscale": faint_to_strong(colour),
        "showscale": False,
        "hoverinfo": "skip",
        "xgap": 1,
        "ygap": 1,
    }


def _cells(classes: Sequence[str], counts: NDArray[np.int64], shares: NDArray[np.float64]) -> dict[str, Any]:
    """An unseen mark on every cell that has a count: it carries the number, the tip, and the click."""
    places = np.argwhere(counts > 0).tolist()
    tips = [
        f"true: {plain(classes[a])}<br>predicted: {plain(classes[b])}<br>"
        f"{counts[a, b]:,} items, {percent(shares[a, b])} of them"
        for a, b in places
    ]
    return {
        "x": [b for _, b in places],
        "y": [a for a, _ in places],
        "mode": "markers+text",
        "text": [f"{counts[a, b]}" for a, b in places],
        "textfont": {"size": 12 if len(classes) <= _TEXTED else 10, "color": COLOURS["ink"]},
        "marker": {"size": _CELL - 4, "symbol": "square", "opacity": 0},
        "selected": {"marker": {"opacity": 0}},
        "unselected": {"marker": {"opacity": 0}},
        "customdata": [[f"{a}:{b}"] for a, b in places],
        "hovertext": tips,
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _frame(x: int, y: int, colour: str) -> dict[str, Any]:
    edges = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    return {"type": "rect", "line": {"color": colour, "width": 2}, **edges}


def spoken_confusion(classes: Sequence[str], counts: NDArray[np.int64]) -> str:
    """The confusion matrix as text, for screen readers."""
    text = f"Confusion matrix of {len(classes)} classes: {np.trace(counts)} of "
    text += f"{counts.sum()} are correct."
    pairs = measures.confused(classes, counts)[:3]
    most = "; ".join(f"{own} predicted as {predicted}, {count_of(count, 'time')}" for count, own, predicted in pairs)
    return f"{text} Most confused: {most}." if most else text


# ── calibration ───────────────────────────────────────────────────────────────────────────────────────────────────────


def reliability_chart(bins: Sequence[Bin]) -> Figure:
    """A point for each bin, larger for more predictions; on the dotted line, confidence equals accuracy."""
    figure = _figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", hoverinfo="skip",
        line={"dash": "dot", "color": COLOURS["grey"], "width": 1.5},
    )  # fmt: skip
    most = max(one.count for one in bins)
    figure.add_scatter(
        x=[100 * one.confidence for one in bins],
        y=[100 * one.accuracy for one in bins],
        mode="lines+markers",
        line={"color": COLOURS["first"], "width": 1.6},
        marker={"color": COLOURS["first"], "size": [8 + 22 * (one.count / most) ** 0.5 for one in bins], "opacity": 1},
        cliponaxis=False,
        customdata=[[one.count] for one in bins],
        hovertemplate="confidence %{x:.1f} %, accuracy %{y:.1f} %<br>%{customdata[0]:,} predictions<extra></extra>",
    )
    axis = {"range": [-5, 105], "tickvals": _TENTHS, "ticktext": [f"{tick} %" for tick in _TENTHS], "fixedrange": True}
    figure.update_xaxes(title="confidence", **axis)
    figure.update_yaxes(title="accuracy", **axis)
    return figure.update_layout(height=360)


def spoken_reliability(bins: Sequence[Bin]) -> str:
    """The calibration chart as text, for screen readers."""
    predicted = [
        f"{one.count} predictions at {percent(one.confidence)} confidence, {percent(one.accuracy)} correct"
        for one in bins
    ]
    return f"Calibration, accuracy by confidence: {'; '.join(predicted)}."


# ── missing and noisy ────────────────────────────────────────────────────────────────────────────────────────────────


def conditions_chart(lines: Sequence[TableLine]) -> Figure:
    """The accuracy of each model as a line over the corruptions."""
    figure = _figure()
    fusions = list(dict.fromkeys(line.fusion for line in lines))
    for number, fusion in enumerate(fusions):
        own = [line for line in lines if line.fusion == fusion]
        figure.add_scatter(
            x=[line.condition.short for line in own], y=[100 * line.accuracy for line in own],
            name=FUSIONS[fusion], mode="lines+markers", marker={"size": 8},
            line={"color": COLOURS[_SHADES[number % 4]], "width": 2, "dash": _DASHES[number]},
            hovertemplate="%{x}: %{y:.1f} %<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(fixedrange=True, showgrid=False)
    figure.update_yaxes(range=[0, 102], ticksuffix=" %", fixedrange=True, nticks=6)
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None}
    return figure.update_layout(height=340, showlegend=True, legend=legend, margin={"t": 40})


def spoken_conditions(lines: Sequence[TableLine]) -> str:
    """The chart of corruptions as text, for screen readers."""
    titles = list(dict.fromkeys(line.condition.title for line in lines))
    parts = []
    for title in titles:
        own = [line for line in lines if line.condition.title == title]
        top = max(own, key=lambda line: line.accuracy)
        parts.append(f"{title}: highest {top.title} with {percent(top.accuracy, 1)}")
    return f"Accuracy by corruption. {'; '.join(parts)}."


# ── learning ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def fold_chart(curve: Sequence[Event], epoch: int) -> Figure:
    """The losses of one fold, with a dot on the epoch whose weights were kept."""
    lines = [Line("training", points(curve, "train"), "grey", "dot"), Line("validation", points(curve, "validation"))]
    return loss_chart([line for line in lines if line.points], log=False, marked=epoch)


def folds_chart(curves: Sequence[tuple[int, Sequence[Event], int]]) -> Figure:
    """The validation loss of every fold, with a dot on the kept epoch; `curves` are (fold, epochs, epoch)."""
    lines = fold_lines(curves, "validation")
    figure = loss_chart(lines, log=False)
    for line, (_, _, epoch) in zip(lines, curves, strict=True):
        kept = [point for point in line.points if point[0] == epoch]
        marker = {"size": 9, "color": COLOURS[line.colour]}
        figure.add_scatter(
            x=[x for x, _ in kept], y=[y for _, y in kept], mode="markers", marker=marker, showlegend=False,
            hoverinfo="skip",
        )  # fmt: skip
    return figure


def accuracy_chart(curves: Sequence[tuple[int, Sequence[Event], int]]) -> Figure:
    """The validation accuracy of every fold that recorded it."""
    return retrieval_chart(fold_lines(curves, "accuracy"), chance=None)


def fold_lines(curves: Sequence[tuple[int, Sequence[Event], int]], name: str) -> list[Line]:
    """A line for each fold, distinguished by colour and dashes."""
    return [
        Line(f"fold {fold + 1}", points(events, name), _SHADES[at % 4], _DASHES[(at // 4) % 5])
        for at, (fold, events, _) in enumerate(curves)
    ]


def _figure() -> Figure:
    return new_figure(margin={"l": 4, "r": 8, "t": 10, "b": 4}, showlegend=False, height=HEIGHT)

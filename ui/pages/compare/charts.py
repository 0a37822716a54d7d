"""The results of an experiment as charts: precision with intervals, precision against cost, precision by label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.comparisons.recipes.experiment import ExperimentRow
from ui.shared.charts import COLOURS, faint_to_strong, new_figure, plain
from ui.shared.titles import method_title

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


MOST_ROWS = 24
MOST_LABELS = 40
_CUT = 46  # characters of a name in a chart
_LINE = 30  # pixels per row
_SHADES = ("first", "second", "grey", "third")
_SHAPES = ("circle", "diamond", "square", "triangle-up", "x", "star")
PRICES = {"milliseconds": "ms per query", "megabytes": "MB"}


def precision_chart(rows: Sequence[ExperimentRow], names: Sequence[str]) -> Figure:
    """A dot with its 95 % interval for each row, best on top; the dotted line is the chance level."""
    figure = _figure()
    figure.add_scatter(
        x=[row.precision for row in rows],
        y=list(range(len(rows))),
        mode="markers",
        marker={"size": 10, "color": COLOURS["first"]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [row.interval[1] - row.precision for row in rows],
            "arrayminus": [row.precision - row.interval[0] for row in rows],
            "color": COLOURS["first"],
            "thickness": 1.6,
            "width": 4,
        },
        text=[plain(name) for name in names],
        customdata=[row.interval for row in rows],
        hovertemplate="%{text}<br>%{x:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f})<extra></extra>",
    )
    chance = rows[0].chance
    figure.add_vline(x=chance, line={"dash": "dot", "color": COLOURS["grey"], "width": 1.5})
    figure.add_annotation(
        x=chance, y=1, yref="paper", yanchor="bottom", text="chance level", showarrow=False,
        font={"size": 12, "color": COLOURS["grey"]},
    )  # fmt: skip
    right = max(row.interval[1] for row in rows)
    figure.update_xaxes(range=[0, min(1.02, 1.08 * right)], title=f"precision@{rows[0].k}", fixedrange=True)
    return _with_names(figure, names).update_layout(height=70 + _LINE * len(rows), margin={"t": 24})


def price_chart(rows: Sequence[ExperimentRow], names: Sequence[str], price: str) -> Figure:
    """Precision against cost: top left is best. One colour and shape per search method."""
    figure = _figure()
    methods = list(dict.fromkeys(row.method for row in rows))
    for number, method in enumerate(methods):
        own = [(row, name) for row, name in zip(rows, names, strict=True) if row.method == method]
        figure.add_scatter(
            x=[getattr(row, price) for row, _ in own],
            y=[row.precision for row, _ in own],
            name=plain(method_title(method)),
            mode="markers",
            marker={
                "size": 11,
                "color": COLOURS[_SHADES[number % len(_SHADES)]],
                "symbol": _SHAPES[number % len(_SHAPES)],
            },
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [row.interval[1] - row.precision for row, _ in own],
                "arrayminus": [row.precision - row.interval[0] for row, _ in own],
                "thickness": 1,
                "width": 3,
            },
            text=[plain(name) for _, name in own],
            hovertemplate=f"%{{text}}<br>precision %{{y:.3f}}, %{{x:.3g}} {PRICES[price]}<extra></extra>",
        )
    figure.update_xaxes(title=PRICES[price], rangemode="tozero", fixedrange=True)
    low, high = min(row.interval[0] for row in rows), max(row.interval[1] for row in rows)
    room = max(0.02, 0.05 - (high - low) / 2)  # keeps small differences from looking large
    figure.update_yaxes(
        title=f"precision@{rows[0].k}", range=[max(0, low - room), min(1.02, high + room)], fixedrange=True
    )
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None}
    return figure.update_layout(
        height=max(340, 70 + _LINE * len(rows)), showlegend=True, legend=legend, margin={"t": 40}
    )


def label_chart(rows: Sequence[ExperimentRow], names: Sequence[str]) -> Figure:
    """A heatmap of rows and labels: the stronger the colour, the more results have the label."""
    labels = labels_of(rows)[:MOST_LABELS]
    values = [[row.per_class.get(label) for label in labels] for row in rows]
    figure = _figure()
    figure.add_heatmap(
        z=values,
        x=list(range(len(labels))),
        y=list(range(len(rows))),
        zmin=0,
        zmax=1,
        colorscale=faint_to_strong("first"),
        xgap=2,
        ygap=2,
        texttemplate="%{z:.2f}" if len(labels) <= 14 else None,
        textfont={"color": COLOURS["ink"]},
        customdata=[[[plain(name), plain(label)] for label in labels] for name in names],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}: %{z:.3f}<extra></extra>",
        colorbar={"thickness": 10, "outlinewidth": 0, "tickformat": ".1f", "tickfont": {"color": COLOURS["grey"]}},
    )
    shown = [plain(_short(label, 18)) for label in labels]
    figure.update_xaxes(tickvals=list(range(len(labels))), ticktext=shown, side="top", fixedrange=True, showgrid=False)
    return _with_names(figure, names).update_layout(height=110 + _LINE * len(rows), margin={"t": 60})


def labels_of(rows: Sequence[ExperimentRow]) -> list[str]:
    """All labels, the hardest first."""
    means: dict[str, list[float]] = {}
    for row in rows:
        for label, value in row.per_class.items():
            means.setdefault(label, []).append(value)
    return sorted(means, key=lambda label: (sum(means[label]) / len(means[label]), label))


def spoken_precision(rows: Sequence[ExperimentRow], names: Sequence[str]) -> str:
    """A text alternative for the precision chart."""
    (first, best), (last, worst) = (names[0], rows[0]), (names[-1], rows[-1])
    text = f"Precision of {len(rows)} configurations with 95 % intervals. Highest is {first}: {best.precision:.3f} "
    text += f"({best.interval[0]:.3f} to {best.interval[1]:.3f})"
    if len(rows) > 1:
        text += f", the last {last} with {worst.precision:.3f}"
    return f"{text}; the chance level is {best.chance:.3f}."


def spoken_price(rows: Sequence[ExperimentRow], names: Sequence[str], price: str) -> str:
    """A text alternative for the cost chart."""
    cheap = min(range(len(rows)), key=lambda place: getattr(rows[place], price))
    best = max(range(len(rows)), key=lambda place: rows[place].precision)
    said = [f"{names[n]}: {getattr(rows[n], price):.3g}, precision {rows[n].precision:.3f}" for n in (cheap, best)]
    return f"Precision against {PRICES[price]}. The cheapest is {said[0]}. The most precise is {said[1]}."


def spoken_labels(rows: Sequence[ExperimentRow]) -> str:
    """A text alternative for the label heatmap."""
    labels = labels_of(rows)
    return f"Precision of {len(rows)} configurations by label. Hardest is {labels[0]}, easiest {labels[-1]}."


def _figure() -> Figure:
    return new_figure(margin={"l": 4, "r": 8, "t": 10, "b": 4}, showlegend=False)


def _with_names(figure: Figure, names: Sequence[str]) -> Figure:
    shown = [plain(_short(name, _CUT)) for name in names]
    return figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=shown, range=[len(names) - 0.4, -0.6], fixedrange=True,
        showgrid=False, zeroline=False,
    )  # fmt: skip


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

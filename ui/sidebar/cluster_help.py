"""Help for choosing the number of clusters: a chart of measures by number, next to the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from engine.core.recipe import Recipe
from ui.session.opened import workbench
from ui.shared.charts import COLOURS, draw, new_figure
from ui.shared.messages import errors_shown

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Row = dict[str, float]


def cluster_help() -> None:
    """A button that closes the panel around it and opens the help in a dialog: see `cluster_window`."""
    st.button("How many clusters?", icon=":material/bubble_chart:", key="cluster-help", on_click=_ask)


def cluster_window(recipe: Recipe) -> None:
    """Draw the dialog if requested; outside of the panel, which would close it."""
    if st.session_state.pop("cluster_help_asked", False):
        _window(recipe)


def _ask() -> None:
    st.session_state.cluster_help_asked = True
    st.session_state.seeing_closed = st.session_state.get("seeing_closed", 0) + 1


@st.dialog("How many clusters?")
def _window(recipe: Recipe) -> None:
    """Evaluate several numbers of clusters on a sample of the vectors and offer the best ones."""
    st.write(
        "Runs k-means on a sample of the pictures with increasing numbers of clusters. Good choices are the elbow "
        "of the inertia and the highest silhouette."
    )
    if st.button("Measure", key="cluster-measure", icon=":material/play_arrow:"):
        with errors_shown(), st.spinner("Clustering …"):
            st.session_state.cluster_rows = (_vectors_of(recipe), workbench().cluster_help(recipe))
    measured, rows = st.session_state.get("cluster_rows", (None, []))
    if measured == _vectors_of(recipe):
        _draw(rows)


def _vectors_of(recipe: Recipe) -> tuple[str, ...]:
    return recipe.collection, recipe.encoder, recipe.weights, recipe.embedding, recipe.metric


def _draw(rows: list[Row]) -> None:
    if not rows:
        st.info("There are too few pictures to cluster.")
        return
    draw(chart(rows), key="cluster-chart", alt=_spoken(rows))
    with st.container(horizontal=True):
        for clusters, reason in proposals(rows).items():
            if st.button(f"Use {clusters} ({reason})", key=f"use-{clusters}", on_click=_use, args=(clusters,)):
                st.rerun()  # closes the dialog


def _use(clusters: int) -> None:
    st.session_state["kmeans.clusters"] = clusters


def proposals(rows: list[Row]) -> dict[int, str]:
    """The recommended numbers, each with its reason: the elbow and the largest silhouette, often the same."""
    elbow = next(int(row["clusters"]) for row in rows if row["elbow"])
    separated = int(max(rows, key=lambda row: row["silhouette"])["clusters"])
    if elbow == separated:
        return {elbow: "elbow, silhouette"}
    return {elbow: "elbow", separated: "silhouette"}


def _spoken(rows: list[Row]) -> str:
    """A text alternative for the chart."""
    said = ", ".join(f"{clusters} ({reason})" for clusters, reason in proposals(rows).items())
    tried = f"{rows[0]['clusters']:.0f} to {rows[-1]['clusters']:.0f} clusters"
    return f"Inertia and silhouette of {tried}. Good numbers: {said}."


def chart(rows: list[Row]) -> Figure:
    """Inertia above, with the elbow marked, and silhouette below, over the number of clusters."""
    titles = ("Inertia (distance to the cluster centre)", "Silhouette (how well separated)")
    figure = new_figure().set_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.16, subplot_titles=titles)
    elbow = [row for row in rows if row["elbow"]]
    best = [max(rows, key=lambda row: row["silhouette"])]
    for number, (measure, marked) in enumerate((("inertia", elbow), ("silhouette", best)), 1):
        figure.add_trace(_line(rows, measure), row=number, col=1)
        figure.add_trace(_mark(marked[0], measure), row=number, col=1)
    ticks = [2, 4, 8, 16, 32, 64]
    figure.update_xaxes(type="log", tickvals=ticks, showgrid=False, fixedrange=True)
    figure.update_xaxes(title="Clusters", row=2, col=1)
    figure.update_yaxes(fixedrange=True, nticks=4)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    return figure.update_layout(height=340, margin={"l": 8, "r": 16, "t": 28, "b": 8}, showlegend=False)


def _line(rows: list[Row], measure: str) -> dict[str, Any]:
    x, y = [row["clusters"] for row in rows], [row[measure] for row in rows]
    hover = "%{x} clusters: %{y:.3g}<extra></extra>"
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": {"color": COLOURS["first"]},
        "hovertemplate": hover,
    }


def _mark(row: Row, measure: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [row["clusters"]],
        "y": [row[measure]],
        "mode": "markers+text",
        "text": [f"{row['clusters']:.0f}"],
        "textposition": "top right",
        "marker": {"size": 10, "color": COLOURS["first"]},
        "cliponaxis": False,
        "hoverinfo": "skip",
    }

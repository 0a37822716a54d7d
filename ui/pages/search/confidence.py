"""How far the results of a search can be trusted: the verdict below the heading, and its basis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from engine.core.humanize import count_of, percent
from engine.core.recipe import Recipe
from engine.search.calibration.calibration import Calibration, Verdict
from engine.workbench.workbench import Answer
from ui.session.opened import workbench
from ui.shared.charts import COLOURS, draw, new_figure, titled
from ui.shared.messages import errors_shown
from ui.shared.neighbours import neighbours_key
from ui.shared.plain_text import plain_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_ICONS: dict[Verdict, str] = {
    "surely the same": ":material/verified:",
    "similar": ":material/check_circle:",
    "nothing similar here": ":material/search_off:",
    "cannot tell": ":material/help:",
}
_HEIGHT, _BINS = 260, 60


def verdict(answer: Answer) -> None:
    """One line: whether any of the results is similar; nothing where distances cannot say that."""
    found = answer.calibration
    if found is not None:
        name, reason = f"{found.verdict[0].upper()}{found.verdict[1:]}", plain_text(found.reason)
        said = st.caption if found.verdict == "cannot tell" else st.markdown  # no news is small
        said(f"{_ICONS[found.verdict]} **{name}**: {reason}")


def chance_shown(share: float, expected: float) -> str:
    """How likely chance puts a picture as near as a result, for the inspector.

    Args:
        share: of random pairs that are as near. expected: pictures of the collection that are.

    >>> chance_shown(0.0002, 0.3)
    '0.02 % of pairs are as near · 0.3 pictures expected'
    """
    pairs = f"{100 * share:.2g}" if share >= 0.00001 else "fewer than 0.001"
    return (
        f"{pairs} % of pairs are as near · {f'{expected:.1f}' if expected >= 0.05 else 'hardly any'} pictures expected"
    )


def alike_shown(alike: Sequence[float], place: int) -> str:
    """The probability that the result at a place has the query's label, "" if that is unknown."""
    return percent(alike[place]) if alike else ""


def scaling_chosen(pictured: bool) -> bool:
    """Whether to rank by local scaling, which only a search with one picture can."""
    return bool(st.session_state.get("local_scaling")) and pictured


def how_sure(recipe: Recipe, answer: Answer) -> None:
    """A panel with the error rates of the verdicts, the distances that they rest on, and a remedy for hubs."""
    if answer.calibrated is None and not answer.local_scaling:
        return
    panel = st.expander("How sure is this?", icon=":material/target:", key="how-sure", on_change="rerun")
    if panel.open:
        with panel, errors_shown():
            _scaling(recipe)
            if answer.calibrated is not None:
                _rates(answer.calibrated)
                _charts(answer.calibrated)


def _scaling(recipe: Recipe) -> None:
    st.toggle(
        "Local scaling (CSLS)", key="local_scaling", persist_state="session",
        help="Ranks by distances relative to how near other pictures are to a result, so that pictures that are near "
        "to everything (see Groups, hubs and orphans) do not crowd the results. Verdicts are for plain distances.",
    )  # fmt: skip
    measured = f"scaling-{neighbours_key(recipe)}"
    if measured not in st.session_state and st.button("Measure its effect", key="scaling-measure", type="tertiary"):
        effect = workbench().scaling_effect(recipe)
        st.session_state[measured] = effect.sentence() if effect else "No two pictures share a label."
    if measured in st.session_state:
        st.caption(plain_text(st.session_state[measured]))


def _rates(found: Calibration) -> None:
    kind = "of the same label" if found.labelled else "like them, by groups of similar vectors"
    asked = count_of(found.present.shape[1], "picture")
    st.write(
        f"Measured on {asked} of this collection, each searched with twice: with all others, and without those {kind}."
    )
    rates = found.rates()
    named = (("with similar pictures", rates.present), ("without them", rates.absent))
    columns = {"Searched": [name for name, _ in named]}
    for told in rates.present:
        columns[f"{told[0].upper()}{told[1:]}"] = [percent(shares[told], 1) for _, shares in named]
    st.table(columns, border="horizontal", hide_index=True)
    for sentence in found.withheld():
        st.caption(plain_text(sentence))
    if found.copies_found is not None:
        share = percent(found.copies_found)
        st.caption(
            f"Surely the same: {share} of altered versions of a picture (smaller, compressed, brighter, cropped)."
        )


def _charts(found: Calibration) -> None:
    left, right = st.columns(2, gap="large") if len(found.distances) else (st.container(), None)
    with left:
        titled("How near the five nearest are")
        alt = "Histogram of the mean distance of the five nearest, with and without similar pictures, and both limits."
        draw(scores_chart(found), key="how-sure-scores", alt=alt)
    if right is not None:
        with right:
            titled("How often a result at a distance has the label of the query")
            draw(alike_chart(found), key="how-sure-alike", alt="Probability of the query's label over the distance.")


def scores_chart(found: Calibration) -> Figure:
    """Both kinds of pictures by the mean distance of their nearest results, and the limits of the verdicts."""
    import numpy as np

    figure = new_figure()
    kinds = (("with similar pictures", found.present[-1], "first"), ("without them", found.absent[-1], "second"))
    edges = np.histogram_bin_edges(np.concatenate([scores for _, scores, _ in kinds]), _BINS)
    for name, scores, colour in kinds:
        shares = np.histogram(scores, edges)[0] / max(1, len(scores))
        figure.add_scatter(
            x=(edges[:-1] + edges[1:]) / 2, y=100 * shares, name=name, line={"color": COLOURS[colour], "width": 2},
            hovertemplate="%{y:.1f} % at %{x:.3g}<extra></extra>",
        )  # fmt: skip
    limits = ((found.near[-1], "← similar", 0.2, 14), (found.far[-1], "nothing similar →", 0.6, 0))
    for limit, text, turn, height in limits:  # at two heights, as the lines can be near each other or change places
        if np.isfinite(limit):
            figure.add_vline(x=float(limit), line={"dash": "dot", "color": COLOURS["grey"], "width": 1.5})
            figure.add_annotation(
                x=float(limit), y=1, yref="paper", yanchor="bottom", yshift=height, text=text, showarrow=False,
                xanchor="left" if limit - edges[0] < turn * (edges[-1] - edges[0]) else "right",
            )  # fmt: skip
    return _laid_out(figure, "mean distance of the five nearest", "pictures, %")


def alike_chart(found: Calibration) -> Figure:
    """The probability that a result has the query's label, over its distance."""
    figure = new_figure()
    figure.add_scatter(
        x=found.distances, y=100 * found.alike, line={"color": COLOURS["first"], "width": 2},
        hovertemplate="%{y:.0f} % at %{x:.3g}<extra></extra>", showlegend=False,
    )  # fmt: skip
    figure.update_yaxes(range=[0, 102])
    return _laid_out(figure, "distance of a result", "same label, %")


def _laid_out(figure: Figure, across: str, up: str) -> Figure:
    figure.update_xaxes(title=across, fixedrange=True, showgrid=False)
    figure.update_yaxes(title=up, fixedrange=True, nticks=5, rangemode="tozero")
    legend = {"orientation": "h", "x": 0, "y": -0.35, "yanchor": "top"}
    return figure.update_layout(height=_HEIGHT, margin={"l": 4, "r": 8, "t": 34, "b": 4}, legend=legend)

"""The results of an experiment so far: table with the opened row, charts, labels, and the original study's tables."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.report import seeds_heads, seeds_line, seeds_verdict
from engine.comparisons.recipes.seeds import over_seeds
from ui.comparisons.live import comparison_view
from ui.comparisons.state import Seen
from ui.pages.compare import charts
from ui.pages.compare.report_tables import report_tables_view
from ui.pages.compare.row import opened_row
from ui.pages.compare.state import leads_of, names_of, verdict
from ui.pages.compare.table import columns_of, lines_of, more_measures
from ui.shared.charts import draw, titled
from ui.shared.plain_text import plain_text
from ui.widgets.results_table import results_table

_RESULTS, _LABELS, _REPORT = "Results", "By label", "Original study"


def experiment_view(view: Seen) -> None:
    """Draw the experiment, and refresh it while it is measured."""
    comparison_view(view, _results)


def _results(view: Seen) -> None:
    if not view.rows:
        if view.alive:
            st.caption("No results yet.")
        return
    tabs = [_RESULTS, *([_LABELS] if view.measured else []), *([_REPORT] if view.plan.repeats_the_report else [])]
    shown = _RESULTS
    if len(tabs) > 1:
        key = f"experiment-tab-{view.name}"
        first = _REPORT if _REPORT in tabs else _RESULTS
        st.session_state.setdefault(key, first)
        if st.session_state[key] not in tabs:
            st.session_state[key] = first
        shown = st.segmented_control("Show", tabs, key=key, label_visibility="collapsed", required=True) or first
    if shown == _LABELS:
        _by_label(*_ranked(view))
    elif shown == _REPORT:
        report_tables_view(view)
    else:
        _table(view)


def _ranked(view: Seen) -> tuple[list[ExperimentRow], list[str]]:
    """The measured rows and their names, most precise first, as many as fit into a chart."""
    pairs = [(row, name.whole) for row, name in zip(view.rows, names_of(view.rows), strict=True) if not row.error]
    pairs = sorted(pairs, key=lambda pair: -pair[0].precision)[: charts.MOST_ROWS]
    return [row for row, _ in pairs], [name for _, name in pairs]


def _table(view: Seen) -> None:
    names = names_of(view.rows)
    picked = st.session_state.get("experiment_row")
    led = leads_of(view)
    if sentence := verdict(view):
        st.markdown(sentence)
    columns = columns_of(view.measured, led, _chosen_measures(view))
    results_table(
        lines_of(view.rows, names), columns, first="configuration", picked=picked, on_pick=_pick,
        key=f"experiment-table-{view.name}", title=f"Results of {view.title}",
    )  # fmt: skip
    found = [pair for pair in zip(view.rows, names, strict=True) if pair[0].key == picked]
    if found:
        opened_row(*found[0], view, led, dict(zip([row.key for row in view.rows], names, strict=True)))
    else:
        legend = "★ = the lowest cost; for precision the best, where that is decided."
        st.caption(f"Click a row for its worst queries, a heading to sort. {legend}")
    if view.measured:
        for sentence in dict.fromkeys(row.labels for row in view.measured if row.labels):
            st.caption(plain_text(sentence))
        _over_seeds(view)
        _charts(view)


def _over_seeds(view: Seen) -> None:
    """Trainings that differ by their seed alone, with mean, standard deviation and the interval of the mean."""
    found = over_seeds(view.plan, view.rows)
    if found:
        titled("Over seeds")
        if sentence := seeds_verdict(view.comparison, view.rows):
            st.markdown(plain_text(sentence))
        head = seeds_heads(view.plan.k)
        lines = [[plain_text(cell) for cell in seeds_line(one)] for one in found]
        st.table(
            {name: list(cells) for name, cells in zip(head, zip(*lines, strict=True), strict=True)}, hide_index=True
        )


def _chosen_measures(view: Seen) -> list[str]:
    """The further measures that the visitor wants to see as columns."""
    known = more_measures(view.measured)
    if not known:
        return []
    key = "experiment-measures"
    st.session_state[key] = [name for name in st.session_state.get(key) or [] if name in known]
    return st.pills("Further measures", list(known), format_func=known.__getitem__, selection_mode="multi", key=key)


def _pick(key: str) -> None:
    """Toggle a row."""
    st.session_state.experiment_row = None if st.session_state.get("experiment_row") == key else key


def _charts(view: Seen) -> None:
    rows, names = _ranked(view)
    several = len({row.method for row in rows}) > 1
    left, right = st.columns(2, gap="large") if several else (st.container(), None)
    with left:
        most = f" of the best {len(rows)}" if len(view.measured) > len(rows) else ""
        titled(f"Precision@{rows[0].k}{most}, with 95 % intervals")
        alt = charts.spoken_precision(rows, names)
        draw(charts.precision_chart(rows, names), key=f"experiment-precision-{view.name}", alt=alt)
    if right is not None:
        with right:
            _price(view, rows, names)


def _price(view: Seen, rows: Sequence[ExperimentRow], names: Sequence[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        titled("Precision against cost")
        price = st.segmented_control(
            "Cost", list(charts.PRICES), format_func=charts.PRICES.__getitem__, key=f"experiment-price-{view.name}",
            default="milliseconds", required=True, label_visibility="collapsed",
        )  # fmt: skip
    price = price or "milliseconds"
    alt = charts.spoken_price(rows, names, price)
    draw(charts.price_chart(rows, names, price), key=f"experiment-price-chart-{view.name}", alt=alt)


def _by_label(rows: Sequence[ExperimentRow], names: Sequence[str]) -> None:
    labels = charts.labels_of(rows)
    cut = (
        f"the {charts.MOST_LABELS} hardest of {len(labels)} labels"
        if len(labels) > charts.MOST_LABELS
        else "each label"
    )
    st.caption(plain_text(f"Mean precision of the queries of {cut}, hardest on the left."))
    draw(charts.label_chart(rows, names), key="experiment-labels", alt=charts.spoken_labels(rows))

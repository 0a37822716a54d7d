"""The results of a study so far: recommendation, curves, table, and the effect of parts and sizes on time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from engine.comparisons.hashing.measuring import StudyRow
from engine.comparisons.hashing.report import repeated
from engine.comparisons.hashing.study import Advice, SpeedUp, recall_text
from engine.core.humanize import percent
from ui.comparisons.live import comparison_view
from ui.comparisons.state import Seen
from ui.pages.hashing import charts
from ui.pages.hashing.row import opened_row
from ui.pages.hashing.state import findings, names_of, search_with, shortened_titles
from ui.pages.hashing.table import MAP_HELP, RECALL_HELP, STRICT_HELP, columns_of, lines_of
from ui.shared.charts import draw, draw_points, titled
from ui.shared.plain_text import plain_text
from ui.widgets.results_table import results_table

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_WANTED = 0.95
_LONG_TAIL = 5.0  # times the median
_ALL = 0.995  # share of vectors from which a method compares practically all
_ROWS_BESIDE = 10  # of a table that is shown whole beside its chart
_HUNDREDS = 500  # queries from which their slowest hundredth is more than a few
_MEASURE_HELP = f"**recall**: {RECALL_HELP}\n\n**MAP**: {MAP_HELP}\n\n**strict MAP**: {STRICT_HELP}"


def study_view(view: Seen) -> None:
    """Draw the study, and refresh it while it is measured."""
    comparison_view(view, _results)


def _results(view: Seen) -> None:
    if not view.rows:
        if view.alive:
            st.caption("No results yet.")
        return
    said: dict[str, str] = {}
    if view.measured:
        advice = _advised(view)
        if advice.best is not None:
            said[advice.best.key] = f"The cheapest that finds {percent(advice.recall)}."
        _curves(view, findings(view).averaged(), advice.recall)
    _table(view, said)
    if view.measured:
        _parts(view)
        _sizes(view)


# ── recommendation ───────────────────────────────────────────────────────────────────────────────────────────────────


def _advised(view: Seen) -> Advice:
    """The target recall as a slider, the cheapest method that reaches it, and a button that searches with it."""
    key = f"study-wanted-{view.name}"
    st.session_state.setdefault(key, round(100 * (view.plan.tune or _WANTED)))
    with st.container(border=True, key="study-advice"):
        words, slider = st.columns([2.2, 1], gap="large", vertical_alignment="center")
        percent = slider.slider(
            "Target recall", 50, 100, key=key, step=1, format="%d %%",
            help="Share of the exact nearest neighbours that must be found. The fastest configuration that does is "
            "shown.",
        )  # fmt: skip
        advice: Advice = findings(view).advice(percent / 100)
        with words:
            st.markdown(advised(advice))
            _taken(view, advice)
    return advice


def advised(advice: Advice) -> str:
    """The recommendation, as Markdown."""
    exact, wanted, row = advice.exact, f"{percent(advice.recall)} of the nearest", advice.best
    beside = f"Exact search takes {exact.p50:.3g} ms" if exact else ""
    if advice.nearest is None:
        return f"{beside}; other methods are not measured yet." if exact else "No results yet."
    if row is None:
        near = advice.nearest
        recommendation = (
            f"**Nothing here finds {wanted}.** The nearest to it is {_called(near)}: recall {near.recall:.3f}"
        )
        return f"{recommendation} in {near.p50:.3g} ms. {beside}." if beside else f"{recommendation}."
    sure = "finds at least" if advice.sure else "may find"
    recommendation = f"{_called(row)} {sure} {wanted}: {row.p50:.3g} ms per query, recall {recall_text(row)}."
    if not advice.sure:
        recommendation += " That it reaches the target is not decided."
    if exact is None:
        return f"The cheapest that finds {wanted}: {recommendation}"
    if advice.against_exact == "worse":
        return f"**Exact search is the fastest here**: {exact.p50:.3g} ms over {exact.size:,} vectors. {recommendation}"
    if advice.against_exact == "not decided":
        return f"**Whether anything is faster than exact search is not decided.** {recommendation} {beside}."
    faster = f"**{exact.p50 / row.p50:.1f} times as fast as exact search**{_between(exact, row)}"
    return f"{faster}: {recommendation} {beside}.{_all_compared(row)}{_tail(row)}"


def _between(exact: StudyRow, row: StudyRow) -> str:
    """The range of the true factor by the intervals of both medians; "" if they are unknown."""
    if not (exact.p50_low and row.p50_low):
        return ""
    low, high = f"{exact.p50_low / row.p50_high:.1f}", f"{exact.p50_high / row.p50_low:.1f}"
    return f" ({low} to {high})" if low != high else ""


def _all_compared(row: StudyRow) -> str:
    """A note where the method spared no comparison, so that its time says little of it."""
    if row.share is None or row.share < _ALL:
        return ""
    return f" It compares all {row.size:,} vectors, as exact search does: with so few, times say little of a method."


def _tail(row: StudyRow) -> str:
    """A note on the tail of the times if it is far beyond the median; few queries have no one in a hundred."""
    if row.p99 <= _LONG_TAIL * row.p50:
        return ""
    few = f"At least one of the {row.queries:,} queries took"
    which = "One query in a hundred takes" if row.queries >= _HUNDREDS else few
    return f" {which} {row.p99:.3g} ms or more."


def _called(row: StudyRow) -> str:
    return f"**{plain_text(names_of([row])[0].whole)}**"


def _taken(view: Seen, advice: Advice) -> None:
    """The button that searches with the recommendation; for a file, the method's text to copy."""
    exact, row = advice.exact, advice.best or advice.nearest
    if row is None or (advice.best is not None and exact is not None and advice.against_exact != "better"):
        row = exact
    if row is None:
        return
    if view.plan.file is not None:
        st.code(row.method, language=None, wrap_lines=True)
        return
    st.button(
        "Search with this method", key="study-search", type="primary", icon=":material/search:", on_click=search_with,
        args=(view.plan, row), help="Selects these vectors and this method in the sidebar and opens Search.",
    )  # fmt: skip


# ── curves ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _curves(view: Seen, rows: Sequence[StudyRow], wanted: float) -> None:
    key = "study-measure"
    st.session_state.setdefault(key, "recall")
    names = [name.whole for name in names_of(rows)]
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        titled(f"Quality against time{_over(rows)}")
        measure = st.segmented_control(
            "Quality", list(charts.MEASURES), format_func=charts.MEASURES.__getitem__, key=key, required=True,
            help=_MEASURE_HELP, label_visibility="collapsed",
        )  # fmt: skip
    measure = measure or "recall"
    against_bits = charts.has_bits(rows)
    left, right = st.columns([1.25, 1], gap="large") if against_bits else (st.container(), None)
    with left:
        line = wanted if measure == "recall" else None
        figure = charts.quality_chart(rows, names, measure, line, st.session_state.get("study_row"))
        alt = charts.spoken_quality(rows, names, measure)
        draw_points(figure, key=f"study-quality-{view.name}", alt=alt, on_pick=_open)
    if right is not None:
        with right:
            alt = charts.spoken_bits(rows, measure)
            draw(charts.bits_chart(rows, measure), key=f"study-bits-{view.name}", alt=alt)


def _over(rows: Sequence[StudyRow]) -> str:
    return f", {rows[0].size:,} vectors × {rows[0].dimensions:,}" if rows else ""


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _table(view: Seen, said: Mapping[str, str]) -> None:
    """Every method and size, averaged over folds if any, ties by speed; rows can be opened."""
    folded = findings(view).folded()
    failed = [row for row in view.rows if row.error]
    rows = sorted((one.row for one in folded), key=lambda row: row.p50) + failed
    picked = st.session_state.get("study_row")
    if over := repeated(folded):
        st.caption(f"Means over {over}; ± is the standard deviation between them.")
    results_table(
        lines_of(rows, said), columns_of(folded), first="method", picked=picked, on_pick=_pick,
        key=f"study-table-{view.name}", title=f"Results of {view.title}",
    )  # fmt: skip
    found = next((pair for pair in zip(rows, names_of(rows), strict=True) if pair[0].key == picked), None)
    if found:
        opened_row(view.plan, *found)
    else:
        legend = "★ = the lowest cost, or the decidedly highest recall."
        st.caption(f"Click a row or a point of the chart for details, a heading to sort. {legend}")


def _pick(key: str) -> None:
    """Toggle a row."""
    st.session_state.study_row = None if st.session_state.get("study_row") == key else key


def _open(key: str) -> None:
    st.session_state.study_row = key


# ── parts and sizes ──────────────────────────────────────────────────────────────────────────────────────────────────


def _parts(view: Seen) -> None:
    found: list[SpeedUp] = findings(view).speed_up()
    if len({one.parts for one in found}) < 2:
        return
    st.subheader("Speed-up: more parts", anchor=False)
    workers = next((row.workers for row in view.measured if row.method.startswith("rdh")), "this process")
    short, shared = shortened_titles([one.title for one in found])
    st.caption(plain_text(" ".join(filter(None, [where_measured(workers), f"All with {shared}." if shared else ""]))))
    left, right = st.columns([1, 1], gap="large")
    with left:
        spoken = charts.spoken_curve("Times faster than one part", ((o.title, o.parts, o.speed_up) for o in found))
        draw(charts.speed_chart(found, short), key=f"study-speed-{view.name}", alt=spoken)
    _beside(right, speed_table(found, short))


def where_measured(workers: str) -> str:
    """What the figures of parts mean, given where the parts ran."""
    slowest = (
        "The slowest part's own time is what a query takes when every part has a machine of its own, before the "
        "network is counted."
    )
    if workers == "this process":
        return (
            "Measured in this process: its parts run one after the other, so that more of them cannot be faster "
            f"here than one. {slowest}"
        )
    return f"Measured on {workers}: the parts run side by side, as far as there are processors. {slowest}"


def speed_table(speed_ups: Sequence[SpeedUp], short: Mapping[str, str]) -> dict[str, list[str]]:
    """Speed-up as text, column by column."""
    return {
        "settings": [plain_text(short[one.title]) for one in speed_ups],
        "parts": [f"{one.parts}" for one in speed_ups],
        "ms": [f"{one.p50:.3g}" for one in speed_ups],
        "faster": [f"{one.speed_up:.2f}×" for one in speed_ups],
        "slowest part, ms": ["–" if one.slowest_ms is None else f"{one.slowest_ms:.3g}" for one in speed_ups],
        "faster by it": ["–" if one.machines is None else f"{one.machines:.2f}×" for one in speed_ups],
        "build\N{NO-BREAK SPACE}s": [f"{one.build_seconds:.2f}" for one in speed_ups],
        "recall": [f"{one.recall:.3f}" for one in speed_ups],
    }


def _sizes(view: Seen) -> None:
    found = findings(view).size_up()
    if not found:
        return
    st.subheader("Size-up: more vectors", anchor=False)
    short, shared = shortened_titles([one.title for one in found if " · " in one.title])
    short |= {one.title: one.title for one in found if one.title not in short}
    text = "How many times slower a query is with that many times the vectors. Below the dotted line a method gains."
    st.caption(plain_text(f"{text} All with {shared}." if shared else text))
    left, right = st.columns([1, 1], gap="large")
    with left:
        spoken = charts.spoken_curve("Times as slow", ((o.title, o.times_larger, o.times_slower) for o in found))
        draw(charts.size_chart(found, short), key=f"study-size-{view.name}", alt=spoken)
    columns = {
        "method": [plain_text(short[one.title]) for one in found],
        "vectors": [f"{one.size:,}" for one in found],
        "ms": [f"{one.p50:.3g}" for one in found],
        "larger": [f"{one.times_larger:.2f}×" for one in found],
        "slower": [f"{one.times_slower:.2f}×" for one in found],
        "recall": [f"{one.recall:.3f}" for one in found],
    }
    _beside(right, columns)


def _beside(place: DeltaGenerator, columns: Mapping[str, Sequence[str]]) -> None:
    """A table beside a chart; one of many rows is as high as the chart and scrolls."""
    rows = len(next(iter(columns.values())))
    with place, st.container(height=charts.HEIGHT if rows > _ROWS_BESIDE else "content", border=False):
        st.table(columns, border="horizontal", hide_index=True)

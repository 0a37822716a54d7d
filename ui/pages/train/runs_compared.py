"""Two runs on one chart: how well each reconstructs, and how well each searches."""

from __future__ import annotations

import streamlit as st

from engine.runs.run import Run
from ui.pages.train.state import collection_of, events_of, groups, probe_of, retrieval_of, title_of
from ui.shared.charts import Line, agreement_chart, draw, loss_chart, points, retrieval_chart, spoken, titled
from ui.shared.plain_text import plain_text

_DRAWN_BY = ("seed", "limit", "validation", "probe")  # what decides which pictures a run is measured with


def compared() -> list[str]:
    """The names of the runs chosen to compare, at most two."""
    names: list[str] = st.session_state.setdefault("runs_compared", [])
    return names


def toggle(name: str) -> None:
    """Choose a run to compare, or leave it out again; a third one takes the place of the first."""
    names = compared()
    st.session_state.runs_compared = [n for n in names if n != name] if name in names else [*names, name][-2:]


def comparison_of_runs(runs: list[Run]) -> None:
    """Draw the two chosen runs on common charts; with one chosen, ask for the second."""
    chosen = [run for name in compared() for run in runs if run.name == name]
    if not chosen:
        return
    with st.container(border=True, key="runs-compared"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(" and ".join(plain_text(title_of(run)) for run in chosen), anchor=False)
            st.button("Close", key="compare-close", on_click=st.session_state.update, kwargs={"runs_compared": []})
        if len(chosen) == 1:
            st.write("Choose **Compare** on a second run to see both on one chart.")
        else:
            _charts(chosen)


def _charts(runs: list[Run]) -> None:
    grouping = sum(groups(run.config) for run in runs)
    measure = "mse" if all(points(events_of(run), "mse") for run in runs) else "validation"
    losses, found = [] if grouping else _lines(runs, measure), _lines(runs, "retrieval")
    log = not grouping and st.toggle("Log scale", key="compare-log", help="Show the losses on a logarithmic scale.")
    left, right = st.columns(2, gap="medium")
    with left:
        if grouping:
            _agreements(runs)
        else:
            titled("Validation MSE" if measure == "mse" else "Validation loss")
            alt = " ".join(spoken(line.title, line) for line in losses)
            draw(loss_chart(losses, log=log), key="compare-loss", alt=alt)
    with right:
        titled("Retrieval")
        if all(line.points for line in found):
            alt = " ".join(spoken(line.title, line, "{:.1%}") for line in found)
            draw(retrieval_chart(found, chance=_chance(runs)), key="compare-retrieval", alt=alt)
        else:
            st.caption("Not measured for both.")
    st.caption(plain_text(verdict(runs, losses, found)))


def _agreements(runs: list[Run]) -> None:
    """How well the clusters of both agree with the labels; their losses measure different tasks."""
    titled("NMI of clusters and labels")
    lines = [line for line in _lines(runs, "label_nmi") if line.points]
    if len(lines) == len(runs):
        draw(agreement_chart(lines), key="compare-agreement",
             alt=" ".join(spoken(line.title, line, "{:.2f}") for line in lines))  # fmt: skip
    else:
        st.caption("One of the runs makes no clusters, or there are no labels. Their losses are not comparable either.")


def _lines(runs: list[Run], name: str) -> list[Line]:
    looks = (("first", "solid"), ("second", "dash"))
    return [Line(title_of(run), points(events_of(run), name), *look) for run, look in zip(runs, looks, strict=False)]


def _chance(runs: list[Run]) -> float | None:
    """The chance level, if it is the same for both."""
    probes = [probe_of(run) for run in runs]
    found = {round(probe.chance, 6) if probe else None for probe in probes}
    return found.pop() if len(found) == 1 else None


def verdict(runs: list[Run], losses: list[Line], found: list[Line]) -> str:
    """Which of two runs reconstructs better and which searches better, and what follows from it."""
    if collection_of(runs[0]) != collection_of(runs[1]):
        return "The runs were trained on different collections, so their figures are not comparable."
    if any(runs[0].config.get(name) != runs[1].config.get(name) for name in _DRAWN_BY):
        return "The runs were measured on different pictures: seed, max. pictures, validation share or probe differ."
    if not all(line.points for line in (*losses, *found)):
        return ""
    kept = [retrieval_of(run) or (0.0, 0.0) for run in runs]  # of the weights that a search would use
    searches = _better([(value, line.title) for (_, value), line in zip(kept, found, strict=True)])
    if not losses:
        return f"{searches} searches better." if searches else "Both search equally well."
    reconstructs = _better([(-min(y for _, y in line.points), line.title) for line in losses])
    if not reconstructs or not searches:
        return (
            f"Both {'search' if reconstructs else 'reconstruct'} equally well."
            if reconstructs or searches
            else "Both are equally good."
        )
    if reconstructs == searches:
        return f"{reconstructs} has the lower reconstruction error and searches better."
    return (
        f"{reconstructs} has the lower reconstruction error, {searches} searches better: the loss says nothing about "
        "retrieval."
    )


def _better(figures: list[tuple[float, str]]) -> str:
    """The title with the larger figure, "" where both are the same."""
    (one, first), (other, second) = figures
    return "" if one == other else first if one > other else second

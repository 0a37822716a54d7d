"""Two runs on one chart: how well each reconstructs, and how well each searches."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.core.errors import BenzerError
from engine.evaluation.statistics.decision import Decision
from engine.evaluation.statistics.paired import paired_difference
from engine.evaluation.statistics.shares import mean_shares
from engine.runs.run import Run
from ui.pages.train.state import (
    collection_of,
    events_of,
    groups,
    probe_of,
    reconstructs,
    retrieval_of,
    title_of,
    watched_of,
)
from ui.session.opened import images_of
from ui.shared.charts import Line, agreement_chart, draw, loss_chart, points, retrieval_chart, spoken, titled
from ui.shared.plain_text import plain_text

_DRAWN_BY = ("seed", "limit", "validation", "probe")  # what decides which pictures a run is measured with
_BY_LABELS = "precision@8"
_ROUNDED = 1e-6  # a noted mean that differs by more is of other labels


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
    comparable = all(reconstructs(run.config) for run in runs)
    measure = "mse" if all(points(events_of(run), "mse") for run in runs) else "validation"
    losses, found = _lines(runs, measure) if comparable else [], _lines(runs, "retrieval")
    log = comparable and st.toggle("Log scale", key="compare-log", help="Show the losses on a logarithmic scale.")
    left, right = st.columns(2, gap="medium")
    with left:
        if any(groups(run.config) for run in runs):
            _agreements(runs)
        elif not comparable:
            _copies(runs)
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


def _copies(runs: list[Run]) -> None:
    """How many altered copies both find; their losses measure different tasks."""
    titled("Altered copy found")
    lines = _lines(runs, "recognition")
    if all(line.points for line in lines):
        alt = " ".join(spoken(line.title, line, "{:.1%}") for line in lines)
        draw(retrieval_chart(lines, chance=None), key="compare-copies", alt=alt)
    else:
        st.caption("Not measured for both, and their losses are not comparable.")


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
    """Which of two runs searches better, where their query pictures decide it, and their lowest losses."""
    if collection_of(runs[0]) != collection_of(runs[1]):
        return "The runs were trained on different collections, so their figures are not comparable."
    if any(runs[0].config.get(name) != runs[1].config.get(name) for name in _DRAWN_BY):
        return "The runs were measured on different pictures: seed, max. pictures, validation share or probe differ."
    if not all(line.points for line in found):
        return ""
    parts = [_searched(retrieval_decision(runs), [line.title for line in found])]
    if losses and all(line.points for line in losses):
        lowest = " and ".join(f"{min(y for _, y in line.points):.4g}" for line in losses)
        parts.append(f"Lowest losses: {lowest}; how they vary between pictures and seeds was not measured.")
    return " ".join(filter(None, parts))


def _searched(decision: Decision | None, titles: list[str]) -> str:
    """Which checkpoint searches better, as far as their query pictures decide it."""
    if decision is None:
        return ""
    difference = f"difference in retrieval {decision.text('+.3f')} over {decision.cases:,} query pictures"
    if not decision.decided:
        return f"Which of the two searches better is not decided: {difference}."
    better = titles[0] if decision.outcome == "better" else titles[1]
    return f"{better} searches better: {difference}. This is about these two checkpoints; another seed may change it."


def retrieval_decision(runs: list[Run]) -> Decision | None:
    """The difference of the checkpoints that a search would use; paired by query where single figures were kept."""
    kept, probes = [retrieval_of(run) for run in runs], [probe_of(run) for run in runs]
    if None in kept or None in probes or not all(probe and len(probe.ids) for probe in probes):
        return None
    single = [_of_each_query(run) for run in runs]
    if single[0] is not None and single[1] is not None and len(single[0]) == len(single[1]):
        return paired_difference(single[0], single[1])
    means = [value for found in kept if found for value in found[1:]]
    return mean_shares(*means, min(len(probe.ids) for probe in probes if probe))


def _of_each_query(run: Run) -> NDArray[np.float64] | None:
    """(p,) precision@8 of the query pictures with the kept checkpoint; None if labels have changed since, or gone."""
    probe, kept, epoch = probe_of(run), retrieval_of(run), int(run.card.get("best_epoch", -1))
    watched = watched_of(run, epoch)
    if probe is None or kept is None or watched is None or watched.neighbours is None or probe.measure != _BY_LABELS:
        return None
    try:
        images = images_of(collection_of(run))
    except BenzerError:
        return None
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    if len(watched.neighbours) != len(probe.ids):
        return None
    pairs = zip(probe.ids.tolist(), watched.neighbours.tolist(), strict=True)
    found = np.array([np.mean([labels.get(id) == labels.get(own, "") for id in near]) for own, near in pairs])
    return found if abs(found.mean() - kept[1]) < _ROUNDED else None

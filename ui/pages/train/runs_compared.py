"""Several runs on common charts: how well each reconstructs and searches, and where their settings differ."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BadParameter
from engine.core.humanize import percent
from engine.runs.run import Run
from engine.training.compared import MOST, ComparedRuns
from engine.training.judged import Judged
from ui.pages.train.names import setting, shown
from ui.pages.train.state import collection_of, events_of, groups, probe_of, reconstructs, title_of
from ui.session.opened import workbench
from ui.shared.charts import draw, titled
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.shared.training_curves import Line, agreement_chart, loss_chart, points, retrieval_chart, spoken

_COLOURS, _DASHES = ("first", "second", "third"), ("solid", "dash", "dot")
_compared: Cache[ComparedRuns] = Cache(8)


def compared() -> list[str]:
    """The names of the runs chosen to compare."""
    names: list[str] = st.session_state.setdefault("runs_compared", [])
    return names


def toggle(name: str) -> None:
    """Choose a run to compare, or leave it out again; one too many takes the place of the first."""
    names = compared()
    st.session_state.runs_compared = [n for n in names if n != name] if name in names else [*names, name][-MOST:]


def comparison_of_runs(runs: list[Run]) -> None:
    """Draw the chosen runs on common charts; with one chosen, ask for another."""
    chosen = [run for name in compared() for run in runs if run.name == name]
    if not chosen:
        return
    with st.container(border=True, key="runs-compared"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(_heading(chosen), anchor=False)
            st.button("Close", key="compare-close", on_click=st.session_state.update, kwargs={"runs_compared": []})
        if len(chosen) == 1:
            st.write(f"Choose **Compare** on another run to see both on one chart, or on up to {MOST}.")
            return
        try:
            found = compared_of(chosen, runs)
        except BadParameter as error:
            show_error(error)
            return
        _charts(chosen)
        _table(found)
        for sentence in found.sentences([title_of(run) for run in found.runs]):
            st.markdown(f"- {plain_text(sentence)}")
        for about in _about(found):
            st.caption(about)


def compared_of(runs: list[Run], every: list[Run]) -> ComparedRuns:
    """The comparison, made again when runs or labels have changed; BadParameter where it means nothing.

    Args:
        every: all runs there are, of which those with the same settings and other seeds are taken in.
    """
    stamps = [file_stamp(run.folder / "events.jsonl", run.folder / "run.json") for run in runs]
    catalogue = catalogue_stamp(workbench().home.datasets / collection_of(runs[0]))
    finished = tuple(run.name for run in every if run.state == "done")
    key = (tuple(run.name for run in runs), tuple(stamps), catalogue, finished)
    return _compared.get(key, lambda: workbench().compare_runs([run.name for run in runs]))


def _heading(runs: list[Run]) -> str:
    titles = [plain_text(title_of(run)) for run in runs]
    return " and ".join(titles) if len(titles) < 3 else f"{len(titles)} runs"


# ── curves ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _charts(runs: list[Run]) -> None:
    comparable = all(reconstructs(run.config) for run in runs)
    log = comparable and st.toggle("Log scale", key="compare-log", help="Show the losses on a logarithmic scale.")
    left, right = st.columns(2, gap="medium")
    with left:
        if any(groups(run.config) for run in runs):
            _agreements(runs)
        elif not comparable:
            _copies(runs)
        else:
            _losses(runs, log)
    with right:
        _retrieval(runs)


def _losses(runs: list[Run], log: bool) -> None:
    measure = "mse" if all(points(events_of(run), "mse") for run in runs) else "validation"
    losses = _lines(runs, measure)
    titled("Validation MSE" if measure == "mse" else "Validation loss")
    draw(loss_chart(losses, log=log), key="compare-loss", alt=" ".join(spoken(line.title, line) for line in losses))
    st.caption("How a loss varies between pictures and seeds was not measured: the lowest need not be the best.")


def _retrieval(runs: list[Run]) -> None:
    measures = {probe.measure for run in runs if (probe := probe_of(run))}
    titled(measures.pop() if len(measures) == 1 else "Retrieval")
    found = _lines(runs, "retrieval")
    if all(line.points for line in found):
        alt = " ".join(spoken(line.title, line, partial(percent, digits=1)) for line in found)
        draw(retrieval_chart(found, chance=_chance(runs)), key="compare-retrieval", alt=alt)
    else:
        st.caption("Not measured in all of them.")


def _copies(runs: list[Run]) -> None:
    """How many altered copies each finds; their losses measure different tasks."""
    titled("Altered copy found")
    lines = _lines(runs, "recognition")
    if all(line.points for line in lines):
        alt = " ".join(spoken(line.title, line, partial(percent, digits=1)) for line in lines)
        draw(retrieval_chart(lines, chance=None), key="compare-copies", alt=alt)
    else:
        st.caption("Not measured in all of them, and their losses are not comparable.")


def _agreements(runs: list[Run]) -> None:
    """How well the clusters of each agree with the labels; their losses measure different tasks."""
    titled("NMI of clusters and labels")
    lines = [line for line in _lines(runs, "label_nmi") if line.points]
    if len(lines) == len(runs):
        draw(agreement_chart(lines), key="compare-agreement",
             alt=" ".join(spoken(line.title, line, "{:.2f}".format) for line in lines))  # fmt: skip
    else:
        st.caption("One of the runs makes no clusters, or there are no labels. Their losses are not comparable either.")


def _lines(runs: list[Run], name: str) -> list[Line]:
    looks = [(colour, dash) for dash in _DASHES for colour in _COLOURS]
    return [Line(title_of(run), points(events_of(run), name), *look) for run, look in zip(runs, looks, strict=False)]


def _chance(runs: list[Run]) -> float | None:
    """The chance level, if it is the same for all."""
    probes = [probe_of(run) for run in runs]
    found = {round(probe.chance, 6) if probe else None for probe in probes}
    return found.pop() if len(found) == 1 else None


# ── settings and figures ─────────────────────────────────────────────────────────────────────────────────────────────


def _table(found: ComparedRuns) -> None:
    """A row for each run: its figure, then the settings in which the runs differ."""
    titled("Figures, and settings that differ")
    measure = next((one.measure for one in found.figures if one), "precision@8")
    columns: dict[str, list[Any]] = {"Run": [plain_text(title_of(run)) for run in found.runs]}
    columns[f"{plain_text(measure)}, 95 % interval"] = [_figure(one) for one in found.figures]
    columns["Untrained"] = [percent(one.untrained, 1) if one else "–" for one in found.figures]
    for name, values in found.settings:
        columns[setting(name)] = [plain_text(shown(value)) for value in values]
    st.table(columns, border="horizontal", hide_index=True)
    if not found.settings:
        st.caption("No setting differs.")


def _figure(one: Judged | None) -> str:
    return f"{percent(one.kept, 1)} [{percent(one.interval[0], 1)}, {percent(one.interval[1], 1)}]" if one else "–"


def _about(found: ComparedRuns) -> list[str]:
    """What the sentences are about, for captions."""
    about = []
    if found.pairs:
        several = f", corrected for {len(found.pairs)} pairs (Holm)" if len(found.pairs) > 1 else ""
        about.append(
            f"Differences of the kept weights over the same {found.pairs[0][2].cases:,} query pictures with 95 % "
            f"intervals{several}. This is about these weights; another seed may change it."
        )
    if any(one.decision for one in found.plans):
        about.append(
            "Settings are compared over all finished runs with them: two that were judged on the same pictures, mostly "
            "those of the same seed, make one difference. The interval is that of Student's t over the seeds, widened "
            "by the variation of the pictures that the seeds share."
        )
    return about

"""An experiment at work or after it: how far it is, Stop, Go on, and what can be done with the whole of it."""

from __future__ import annotations

import time

import streamlit as st

from engine.errors import BenzerError
from ui.components.job_progress import progress_sentence
from ui.components.literal import literal
from ui.components.messages import errors_shown, show_error
from ui.components.typed import typed
from ui.experiment_state import Seen, collection_title, count_of, exported, measure, open_experiment, outdated

_EXPORTS = {
    "csv": ("CSV", "text/csv", "A line for each recipe."),
    "html": ("HTML report", "text/html", "One page with all tables and charts that needs no network."),
    "json": ("JSON", "application/json", "The plan, and everything that was measured."),
}


def experiment_head(view: Seen) -> None:
    """The title, when it was made, and what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(literal(view.plan.title), anchor=False)
        with st.container(horizontal=True, width="content", gap="small"):
            _exports(view)
            with st.popover("More", key=f"experiment-more-{view.name}", on_change="rerun") as panel:
                if panel.open:
                    _more(view)
            st.button("Close", key="experiment-close", icon=":material/close:", on_click=open_experiment, args=(None,))
    st.caption(literal(summary(view)))


def summary(view: Seen) -> str:
    """For example "Animal faces · 12 of 36 recipes measured · 1 failed · 21 November 2026, 05:12"."""
    parts = [
        collection_title(view.plan.collection),
        f"{len(view.measured)} of {count_of(view.total, 'recipe')} measured",
    ]
    parts += [f"{view.failed} failed"] if view.failed else []
    if view.plan.queries:
        parts.append(f"at most {view.plan.queries:,} queries")
    return " · ".join([*parts, made_text(view.made)])


def made_text(made: float) -> str:
    """A moment as people write it."""
    moment = time.localtime(made)
    return f"{moment.tm_mday} {time.strftime('%B %Y, %H:%M', moment)}"


def experiment_status(view: Seen) -> None:
    """What it does right now with Stop, or how it ended with Go on; nothing for one that is complete."""
    if view.alive:
        _running(view)
    elif view.state == "done":
        _complete(view)
    else:
        _ended(view)


def _running(view: Seen) -> None:
    with st.container(border=True, key="experiment-now"):
        if view.job is None:
            st.write("Being measured from the command line; it is stopped there.")
            return
        progress = view.job.progress
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(len(view.rows) / view.total, text=literal(progress_sentence(progress)))
        stopping = (view.job.folder / "stop").exists()
        right.button(
            "Stopping …" if stopping else "Stop", key=f"experiment-stop-{view.job.id}", icon=":material/stop_circle:",
            on_click=view.job.stop, disabled=stopping, help="What is finished is kept; it can go on later.",
            width="stretch",
        )  # fmt: skip
        st.caption("Finished recipes appear below. You may leave this page or close the browser: the work goes on.")


def _complete(view: Seen) -> None:
    if outdated(view):
        _warn(view, "The pictures or their labels have changed since this was measured.", "Measure again")
    elif view.failed:
        _warn(view, f"{count_of(view.failed, 'recipe')} could not be measured; the table says why.", "Try again")


def _warn(view: Seen, sentence: str, label: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(sentence, icon=":material/error:")
        _go_on(view, label)


def _ended(view: Seen) -> None:
    left = count_of(view.total - len(view.rows), "recipe")
    texts = {
        "stopped": f"It was stopped. {left} not measured yet.",
        "interrupted": f"It was cut off. What was measured is kept; {left} not measured yet.",
        "planned": f"It has not been started. {left} to measure.",
    }
    with st.container(border=True, key="experiment-ended"):
        if view.state == "failed" and view.job is not None:
            st.error(literal(view.job.error), icon=":material/error:")
        else:
            icon = ":material/pause_circle:" if view.state == "stopped" else ":material/power_off:"
            st.markdown(f"{icon} {texts.get(view.state, literal(view.state))}")
        _go_on(view, "Start" if view.state == "planned" else "Go on")


def _go_on(view: Seen, label: str) -> None:
    if st.button(label, key=f"experiment-go-on-{view.name}", type="primary", icon=":material/resume:"):
        with errors_shown():
            measure(view.experiment)
            st.rerun()


# ── the whole of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def _exports(view: Seen) -> None:
    with st.popover("Export", icon=":material/download:", key=f"experiment-export-{view.name}", disabled=not view.rows):
        for kind, (label, mime, help) in _EXPORTS.items():
            st.download_button(
                label, lambda kind=kind: exported(view, kind), f"{view.name}.{kind}", mime,
                key=f"experiment-{kind}-{view.name}", on_click="ignore", help=help, width="stretch",
            )  # fmt: skip


def _more(view: Seen) -> None:
    title = typed(
        "Title", view.plan.title, key=f"experiment-name-{view.name}", button="Rename",
        button_key=f"experiment-rename-{view.name}", max_chars=100,
    )  # fmt: skip
    if title:
        with errors_shown():
            view.experiment.rename(title)
            st.rerun()
    if st.button("Delete …", key=f"experiment-delete-{view.name}", icon=":material/delete:", disabled=view.alive):
        _ask_to_delete(view)


@st.dialog("Delete this experiment?")
def _ask_to_delete(view: Seen) -> None:
    st.write(
        f"**{literal(view.plan.title)}** with {count_of(len(view.rows), 'measured recipe')} will be gone for good. "
        "Encoders that were trained for it stay."
    )
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary", key="experiment-delete-yes"):
            try:
                view.experiment.remove()
            except BenzerError as error:
                show_error(error)
            else:
                open_experiment(None)
                st.rerun()
        if st.button("Keep it", key="experiment-delete-no"):
            st.rerun()

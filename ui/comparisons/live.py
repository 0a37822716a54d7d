"""An open comparison, running or ended: its progress, Stop, Continue, exports, and how to rename or delete it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.core.humanize import count_of
from ui.comparisons.state import Seen, exported, measure, open_one, seen
from ui.shared.job_progress import REFRESH, progress_sentence
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.rename_delete import confirm_buttons, rename_field


def comparison_view(view: Seen, results: Callable[[Seen], None]) -> None:
    """Draw a comparison with its `results`, refresh both while it runs, then redraw the page."""
    alive, state, kind = view.alive, view.state, view.kind

    @st.fragment(run_every=REFRESH if alive else None, key=f"{kind.key}-view-{view.name}-{alive}")
    def watch() -> None:
        if "go_to" in st.session_state or st.session_state.get(kind.key) != view.name:
            st.rerun()
        later = seen(kind, view.comparison)
        if later.state != state and not later.alive:
            st.rerun()
        for part in (comparison_head, comparison_status, results):
            with errors_shown():
                part(later)

    watch()


def comparison_head(view: Seen) -> None:
    """The title, the creation time, and the actions."""
    key = view.kind.key
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(plain_text(view.title), anchor=False)
        with st.container(horizontal=True, width="content", gap="small"):
            _exports(view)
            with st.popover("More", key=f"{key}-more-{view.name}", on_change="rerun") as panel:
                if panel.open:
                    _more(view)
            st.button("Close", key=f"{key}-close", icon=":material/close:", on_click=open_one, args=(view.kind, None))
    st.caption(plain_text(summary(view)))


def summary(view: Seen) -> str:
    """For example "Animal faces · 12 of 36 configurations measured · 1 failed · 21 November 2026, 05:12"."""
    before, after = view.kind.parts(view)
    parts = [*before, f"{len(view.measured)} of {count_of(view.total, view.kind.cell)} measured"]
    parts += [f"{view.failed} failed"] if view.failed else []
    return " · ".join([*parts, *after, made_text(view.made)])


def made_text(made: float) -> str:
    """A formatted point in time."""
    moment = time.localtime(made)
    return f"{moment.tm_mday} {time.strftime('%B %Y, %H:%M', moment)}"


def comparison_status(view: Seen) -> None:
    """Its progress with Stop, or its outcome with Continue; nothing if it is complete."""
    if view.alive:
        _running(view)
    elif view.state == "done":
        _complete(view)
    else:
        _ended(view)


def _running(view: Seen) -> None:
    with st.container(border=True, key=f"{view.kind.key}-now"):
        if view.job is None:
            st.write("Started from the command line; stop it there.")
            return
        progress = view.job.progress
        row = st.container(horizontal=True, vertical_alignment="center")
        done = len(view.rows) / view.total if view.total else progress.fraction
        row.progress(done, text=plain_text(progress_sentence(progress)))
        stopping = (view.job.folder / "stop").exists()
        row.button(
            "Stopping …" if stopping else "Stop", key=f"{view.kind.key}-stop-{view.job.id}",
            icon=":material/stop_circle:", on_click=view.job.stop, disabled=stopping,
            help="Finished results are kept; you can continue later.",
        )  # fmt: skip
        leave = "Runs in the background; you can leave this page."
        st.caption(f"Finished {view.kind.cell}s appear below. {leave}")


def _complete(view: Seen) -> None:
    if outdated := view.kind.outdated(view):
        _warn(view, outdated, "Measure again")
    elif view.failed:
        _warn(view, f"{count_of(view.failed, view.kind.cell)} failed; the table says why.", "Try again")


def _warn(view: Seen, sentence: str, label: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(sentence, icon=":material/error:")
        _go_on(view, label)


def _ended(view: Seen) -> None:
    left = count_of(view.total - len(view.rows), view.kind.cell)
    texts = {
        "stopped": f"Stopped. {left} left to measure.",
        "interrupted": f"Interrupted. Finished results are kept; {left} left to measure.",
        "planned": f"Not started yet. {left} to measure.",
    }
    with st.container(border=True, key=f"{view.kind.key}-ended"):
        if view.state == "failed" and view.job is not None:
            st.error(plain_text(view.job.error), icon=":material/error:")
        else:
            icon = ":material/pause_circle:" if view.state == "stopped" else ":material/power_off:"
            st.markdown(f"{icon} {texts.get(view.state, plain_text(view.state))}")
        _go_on(view, "Start" if view.state == "planned" else "Continue")


def _go_on(view: Seen, label: str) -> None:
    if st.button(label, key=f"{view.kind.key}-go-on-{view.name}", type="primary", icon=":material/resume:"):
        with errors_shown():
            measure(view.kind, view.comparison)
            st.rerun()


# ── the whole of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def _exports(view: Seen) -> None:
    key = view.kind.key
    with st.popover("Export", icon=":material/download:", key=f"{key}-export-{view.name}", disabled=not view.rows):
        for export in view.kind.exports:
            st.download_button(
                export.title, partial(exported, view, export.ending), f"{view.name}.{export.ending}", export.mime,
                key=f"{key}-{export.ending}-{view.name}", on_click="ignore", help=export.summary, width="stretch",
                disabled=not export.offered(view.rows),
            )  # fmt: skip


def _more(view: Seen) -> None:
    key = view.kind.key
    rename_field("Title", view.title, view.comparison.rename, f"{key}-name-{view.name}", f"{key}-rename-{view.name}")
    if st.button("Delete …", key=f"{key}-delete-{view.name}", icon=":material/delete:", disabled=view.alive):
        _ask_to_delete(view)


def _ask_to_delete(view: Seen) -> None:
    st.dialog(f"Delete this {view.kind.noun}?")(_delete)(view)


def _delete(view: Seen) -> None:
    count = count_of(len(view.rows), f"measured {view.kind.cell}")
    st.write(f"**{plain_text(view.title)}** with {count} will be permanently deleted. {view.kind.kept}".strip())
    close = partial(open_one, view.kind, None)
    confirm_buttons(f"Delete {view.kind.noun}", view.comparison.remove, f"{view.kind.key}-delete", then=close)

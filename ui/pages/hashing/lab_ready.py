"""What must be prepared before vectors can be hashed: explained and offered."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.errors import NotReady
from engine.core.recipe import Recipe
from ui.session.opened import job_about, workbench
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text


def prepare_first(recipe: Recipe, error: NotReady) -> None:
    """Say what is missing; offer to do it unless it is under way."""
    if job_about(recipe.collection) is not None:
        st.info("Codes appear here when preparation finishes.", icon=":material/hourglass_top:")
        return
    st.info(plain_text(error.message), icon=":material/construction:")
    ready = workbench().readiness(recipe.but(method="exact", options=()))
    if ready.action == "train":
        go = partial(st.session_state.update, go_to="train")
        st.button("Go to Train", type="primary", key="lab-train", on_click=go)
    elif ready.action in ("embed", "fetch"):
        label = f"Download ({ready.megabytes} MB)" if ready.action == "fetch" else f"Prepare {ready.missing:,} pictures"
        st.button(
            label, type="primary", key="lab-prepare", icon=":material/play_arrow:", on_click=_start,
            args=(ready.action, recipe), help="Runs in the background; you can leave this page.",
        )  # fmt: skip


def _start(kind: str, recipe: Recipe) -> None:
    with errors_shown():
        workbench().start(kind, recipe=recipe.as_dict())

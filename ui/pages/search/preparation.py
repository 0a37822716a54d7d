"""What must be prepared before a search: explained, offered, and started automatically if it is quick."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.core.cache import catalogue_stamp
from engine.core.humanize import count_of, duration
from engine.core.recipe import Recipe
from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from engine.workbench.workbench import Readiness
from ui.session.opened import images_of, recent_jobs, workbench
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text

_FEW = 20  # pictures that are prepared while the page waits: those of an act, or of a rescan


def not_ready(recipe: Recipe, job: Job | None) -> None:
    """Explain what has to be prepared first, and offer it."""
    if job is not None:
        st.info("Results appear here when preparation finishes.", icon=":material/hourglass_top:")
        return
    readiness = workbench().readiness(recipe)
    if readiness.ready:  # it has just been prepared
        st.rerun()
    if _starts_by_itself(recipe, readiness):
        with errors_shown():
            if readiness.missing <= _FEW and readiness.missing < len(images_of(recipe.collection).ids):
                with st.spinner("Preparing …"):
                    workbench().run("embed", recipe=recipe.as_dict())
            else:
                workbench().start("embed", recipe=recipe.as_dict())
            st.rerun()
    _failed_before(recipe)
    st.info(plain_text(readiness.sentence), icon=":material/construction:")
    if readiness.action in kinds_that_make("vectors", "weights"):
        st.button(
            _build_label(readiness),
            type="primary",
            on_click=build,
            args=(readiness.action, recipe),
            icon=":material/play_arrow:",
        )
    elif readiness.action == "train":  # a callback works even if a quick click overtakes the new address
        go = partial(st.session_state.update, go_to="train")
        st.button("Go to Train", type="primary", icon=":material/model_training:", on_click=go)


def _starts_by_itself(recipe: Recipe, readiness: Readiness) -> bool:
    """Whether quick preparation starts by itself: once per session for the same vectors of the same pictures, unless
    the last try failed."""
    started: set[tuple[object, ...]] = st.session_state.setdefault("prepared_by_itself", set())
    pictures = catalogue_stamp(workbench().home.datasets / recipe.collection)
    vectors = (str(recipe.but(metric="cosine", method="exact", k=1)), pictures)
    last = _last_try(recipe)
    if not readiness.quick or vectors in started or (last is not None and last.state != "done"):
        return False
    started.add(vectors)
    return True


def _build_label(readiness: Readiness) -> str:
    if readiness.action == "fetch":
        return f"Download ({readiness.megabytes} MB)"
    about = f" (about {duration(readiness.seconds)})" if readiness.seconds else ""
    return (
        f"Prepare {count_of(readiness.missing, 'picture')}" if readiness.action == "embed" else "Build the index"
    ) + about


def build(kind: str, recipe: Recipe) -> None:
    with errors_shown():
        workbench().start(kind, recipe=recipe.as_dict())


def _failed_before(recipe: Recipe) -> None:
    """The error of the last attempt, if nothing has happened to this collection since."""
    last = _last_try(recipe)
    if last is not None and last.error:
        st.error(plain_text(last.error), icon=":material/error:")


def _last_try(recipe: Recipe) -> Job | None:
    kinds = kinds_that_make("vectors", "weights")
    return next((job for job in recent_jobs() if job.kind in kinds and _is_about(job, recipe)), None)


def _is_about(job: Job, recipe: Recipe) -> bool:
    wanted = job.config["arguments"].get("recipe", {})
    return bool(wanted.get("collection") == recipe.collection and wanted.get("encoder") == recipe.encoder)

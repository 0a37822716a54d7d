"""What needs the nearest neighbours of every picture under a recipe: drawn when they are there, else offered."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.core.errors import BenzerError, NotReady, NotTrained, NoWeights
from engine.core.recipe import Recipe
from engine.grouping.neighbourhoods.neighbourhoods import NearDuplicates
from engine.jobs.job import Job
from ui.session.opened import images_of, job_about, recent_jobs, workbench
from ui.shared.first_ways import add_pictures
from ui.shared.messages import empty_state, errors_shown, show_error
from ui.shared.plain_text import plain_text


def with_neighbours(recipe: Recipe, what: str, draw: Callable[[NearDuplicates], None]) -> None:
    """Call `draw` with the duplicates at the suggested distance, in a fragment of its own.

    What is missing is said and offered instead. `what` is sought, "duplicates" or "outliers"; the recipe's search
    method and k do not matter. The surrounding page shows running jobs.
    """
    count = len(images_of(recipe.collection).ids)
    if count < 2:
        few = "This collection is empty." if not count else "This collection has only one picture."
        empty_state(f"No {what}", few, {"Add pictures": add_pictures}, key=f"no-{what}")
        return
    job = job_about(recipe.collection)

    @st.fragment(key=f"{what}-{neighbours_key(recipe)}")
    def shown() -> None:
        if "go_to" in st.session_state or st.session_state.pop("redraw", False):
            st.rerun()
        _answer(recipe, what, job, draw)

    shown()


def neighbours_key(recipe: Recipe) -> str:
    """The part of the recipe that the answer depends on, for keys."""
    return "/".join((recipe.collection, recipe.encoder, recipe.weights, recipe.embedding, recipe.metric))


def _answer(recipe: Recipe, what: str, job: Job | None, draw: Callable[[NearDuplicates], None]) -> None:
    try:
        with st.spinner("Finding the nearest neighbours …"):
            first = workbench().duplicates(recipe)
    except (NotTrained, NoWeights) as error:
        _no_encoder(recipe, what, error, job)
    except NotReady as error:
        _not_ready(recipe, what, error, job)
    except BenzerError as error:
        show_error(error)
    else:
        with errors_shown():
            draw(first)


def _no_encoder(recipe: Recipe, what: str, error: NotReady, job: Job | None) -> None:
    st.info(plain_text(error.message), icon=":material/construction:")
    if job is None and isinstance(error, NoWeights):
        label = f"Download ({error.megabytes} MB)"
        st.button(label, type="primary", key=f"{what}-fetch", on_click=_start, args=("fetch", recipe))
    elif isinstance(error, NotTrained):
        go = partial(st.session_state.update, go_to="train")
        st.button("Go to Train", type="primary", key=f"{what}-train", on_click=go)


def _not_ready(recipe: Recipe, what: str, error: NotReady, job: Job | None) -> None:
    """Explain what is missing and offer to prepare it, unless that is in progress."""
    if job is not None:
        st.info(f"{what.capitalize()} appear here when preparation finishes.", icon=":material/hourglass_top:")
        return
    mine = (job for job in recent_jobs("duplicates") if job.config["arguments"]["recipe"] == recipe.as_dict())
    last = next(mine, None)
    if last is not None and last.error:
        st.error(plain_text(last.error), icon=":material/error:")
    st.info(plain_text(error.message), icon=":material/construction:")
    st.button(
        f"Find {what}",
        type="primary",
        key=f"{what}-start",
        icon=":material/play_arrow:",
        on_click=_start,
        args=("duplicates", recipe),
        help="Prepares missing vectors first. Runs in the background; you can leave this page.",
    )


def _start(kind: str, recipe: Recipe) -> None:
    with errors_shown():
        workbench().start(kind, recipe=recipe.as_dict())
        st.session_state.redraw = True

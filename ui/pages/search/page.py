"""The search page: a picture or words in, the most similar pictures out, and the cost of the search."""

from __future__ import annotations

import streamlit as st

from engine.core.humanize import count_of
from engine.core.recipe import MAX_K, Recipe
from ui.pages.search.acting import bar_of_selection
from ui.pages.search.break_it import ask_what_breaks, breaking_dialog
from ui.pages.search.browse import browse
from ui.pages.search.filters import drop_unknown_label
from ui.pages.search.first_visit import first_visit
from ui.pages.search.method_comparison import comparison
from ui.pages.search.preparation import build
from ui.pages.search.query_bar import query_bar
from ui.pages.search.query_words import way_to_words, words_bar
from ui.pages.search.results import results
from ui.pages.search.saved import remember
from ui.pages.search.why import ask_why, can_be_asked, why_dialog, words_can_be_asked
from ui.session.address import write_address
from ui.session.opened import (
    collection_cards,
    images_of,
    job_about,
    workbench,
)
from ui.session.query import current_query, propose_image, shown_results
from ui.shared.job_progress import job_progress
from ui.shared.messages import show_complaint
from ui.shared.plain_text import plain_text
from ui.shared.titles import collection_title

_LEFT_OUT_SHOWN = 50
_STYLE = """
.stMainBlockContainer { max-width: none; }
.stMainBlockContainer h1 { font-size: 1.35rem; padding: 0 0 0.5rem; }
.st-key-query-uploads, .stLayoutWrapper:has(> .st-key-query-uploads) { display: none; }
.stElementContainer:has(> .stHtml > style) { display: none; }
.stMainBlockContainer .st-key-words-typed label {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
}
.st-key-words-typed input { font-size: 1rem; }
.st-key-words-typed [data-testid="InputInstructions"] { display: none; }
.st-key-answer-head h2 { padding: 0.2rem 0 0.3rem; font-size: 1.1rem; }
@media (max-width: 640px) {
  .st-key-answer-head { flex-wrap: wrap; }
  .st-key-answer-head > :first-child { flex: 1 1 100%; }
}
[data-testid="stPopoverBody"] [class*="st-key-Last"] button { justify-content: flex-start; text-align: start; }
.st-key-receipt { min-height: 2.5rem; }
"""


def page() -> None:
    """Draw the page for the recipe in the sidebar and the session's query."""
    st.html(f"<style>{_STYLE}</style>")
    recipe: Recipe | None = st.session_state.recipe
    where = f" in {plain_text(collection_title(recipe.collection))}" if recipe is not None else ""
    st.title(f"Find similar pictures{where}", anchor=False)
    show_complaint()
    if recipe is None:
        if not collection_cards():
            first_visit()
        return
    job = job_about(recipe.collection)
    if job is not None:
        job_progress(job, key="search")
    images = images_of(recipe.collection)
    if not len(images.ids):
        first_visit()
        return
    if current_query() is None:
        propose_image(int(images.ids[0]))
    _settle(recipe)
    words_bar(recipe)
    query_bar(recipe)
    shown = recipe.but(k=min(max(recipe.k, shown_results()), MAX_K))
    answer = results(shown, job)
    way_to_words(recipe)
    if answer is not None:
        _left_out(recipe)
        comparison(recipe)
    browse(recipe)
    bar_of_selection(recipe.collection)
    why_dialog(recipe, current_query())
    breaking_dialog(recipe, current_query())
    if answer is not None:
        remember(answer)


def _settle(recipe: Recipe) -> None:
    """Leave out what suits neither collection nor query, and write the address.

    It is written before anything is drawn, because the next click ends the drawing, and Back would pass over this step.
    """
    drop_unknown_label(recipe.collection)
    query = current_query()
    if query is not None and not can_be_asked(query):
        ask_what_breaks(None)
        if not words_can_be_asked(query):
            ask_why(None)
    write_address(recipe)


# ── below the results ────────────────────────────────────────────────────────────────────────────────────────────────


def _left_out(recipe: Recipe) -> None:
    """Say which pictures are not searched, if any."""
    left_out = workbench().left_out(recipe)
    if not left_out:
        return
    skipped = f"{count_of(len(left_out), 'picture')} skipped: could not be read"
    with st.expander(skipped, icon=":material/hide_image:", key="left-out"):
        st.markdown(
            "\n".join(f"- {plain_text(name)}: {plain_text(reason)}" for name, reason in left_out[:_LEFT_OUT_SHOWN])
        )
        if len(left_out) > _LEFT_OUT_SHOWN:
            st.caption(f"… and {len(left_out) - _LEFT_OUT_SHOWN:,} more.")
        st.button("Try again", key="left-out-again", on_click=build, args=("embed", recipe))

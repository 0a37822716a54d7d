"""The results of a search: the pictures, then the cost and quality of the search."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.collections.reading.safely import READABLE
from engine.core.errors import BenzerError, Corrupt, NotFound, NothingKnown, NotReady, Unreadable, UnreadableImage
from engine.core.recipe import MAX_K, Recipe
from engine.jobs.job import Job
from engine.workbench.workbench import Answer
from ui.pages.search.acting import act_on, known_facts
from ui.pages.search.break_it import ACTION as BREAK
from ui.pages.search.confidence import how_sure, scaling_chosen, verdict
from ui.pages.search.filters import clear_filters, filters
from ui.pages.search.preparation import build, not_ready
from ui.pages.search.query_bar import facts_of, query_buttons
from ui.pages.search.query_words import SEEN, query_title, reads_words, unknown_words
from ui.pages.search.tiles import result_pictures
from ui.pages.search.why import ACTION as WHY
from ui.pages.search.why import FOUND as WHY_FOUND
from ui.pages.search.why import can_be_asked, words_can_be_asked
from ui.session.opened import workbench
from ui.session.query import EVERYTHING, SessionQuery, current_query, set_query_image, shown_results
from ui.shared.browser import copy_link
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.widgets.picture_grid import FIRST, STEP, picture_grid

_OTHER_FORMATS = ("not-a-picture", "not-read")  # codes of files that another program can save as a picture
_KEYS = (
    "Keys on a picture: arrows move, Enter searches with it, Space looks at it, + and - add it as an example, "
    "I shows its facts, X selects it, Shift and arrows select several, 1 to 5 give stars and 0 removes them. {reasons}"
)


def results(recipe: Recipe, job: Job | None) -> Answer | None:
    """Search and draw the results; None if there are none to draw."""
    query = current_query()
    if query is None:
        return None
    include, label, where = filters(recipe.collection, query.pictured)
    with st.container(horizontal=True, vertical_alignment="center", key="answer-head"):
        heading = st.container(width="stretch")
        query_buttons(recipe)
    try:
        with st.spinner("Searching …"):
            ways = {"local_scaling": True} if scaling_chosen(query.as_query().pictured) else {}
            answer = workbench().search(
                recipe, query.as_query(), include_query=include, label=label or None, where=where, **ways
            )
    except NotReady:
        heading.header("Not searched yet", anchor=False)
        not_ready(workbench().to_prepare(recipe, query.as_query()), job)
    except (NotFound, Unreadable) as error:
        heading.header(f"{plain_text(query.name)} cannot be used" if query.data else "Picture not found", anchor=False)
        _unusable_query(error)
    except NothingKnown as error:
        heading.header("Nothing found", anchor=False)
        st.info(plain_text(str(error)), icon=":material/search_off:")
        if label or where:
            st.button("Clear filters", key="clear-filters", on_click=clear_filters, args=(recipe.collection,))
    except BenzerError as error:
        heading.header("Search failed", anchor=False)
        show_error(error)
        if isinstance(error, Corrupt) and error.way_out.startswith("Prepare") and job is None:
            again = workbench().to_prepare(recipe, query.as_query())
            st.button("Prepare again", type="primary", icon=":material/play_arrow:", key="prepare-again",
                      on_click=build, args=("embed", again))  # fmt: skip
    else:
        _draw_answer(recipe, query, answer, heading)
        return answer
    return None


def _unusable_query(error: BenzerError) -> None:
    show_error(error)
    if isinstance(error, UnreadableImage) and error.code in _OTHER_FORMATS and READABLE not in error.message:
        st.write(f"Supported formats: {READABLE}.")
    st.button("Choose another picture", on_click=set_query_image, args=(None,), type="primary")


def _draw_answer(recipe: Recipe, query: SessionQuery, answer: Answer, heading: DeltaGenerator) -> None:
    answer = _with_further(answer)
    name, label = facts_of(recipe, query)
    by_words = not query.pictured and not reads_words(recipe)
    found = "Best matches for" if by_words else f"{len(answer.hits)} most similar to"
    heading.header(f"{found} {query_title(query, name)}", anchor=False, help=SEEN if by_words else None)
    if by_words and answer.note:
        st.info(plain_text(answer.note[0].upper() + answer.note[1:]), icon=":material/info:")
    verdict(answer)
    if unknown := unknown_words(recipe, query):
        st.warning(plain_text(unknown), icon=":material/info:")
    if len(answer.hits) < min(recipe.k, answer.receipt.total) and not by_words:
        st.info(_fewer(recipe, answer), icon=":material/info:")
    if answer.hits:
        pictures = result_pictures(recipe, answer.hits, label, answer.calibration)
        picture_grid(
            recipe.collection, pictures, key="answers", title="Results", more=_more(answer),
            on_act=partial(act_on, recipe.collection), facts=known_facts(recipe.collection),
            further=_reasons(query, answer),
        )  # fmt: skip
    if answer.written:
        _written(recipe, answer, label)
    _receipt(recipe, query, answer)
    how_sure(recipe, answer)


def _written(recipe: Recipe, answer: Answer, label: str) -> None:
    """The pictures whose names, labels or texts contain the words of the query."""
    st.subheader("By what is written", anchor=False, help="File names, labels and texts that contain the words.")
    pictures = [replace(picture, distance=None) for picture in result_pictures(recipe, answer.written, label)]
    picture_grid(
        recipe.collection, pictures, key="written", title="Results by what is written",
        on_act=partial(act_on, recipe.collection), facts=known_facts(recipe.collection),
    )  # fmt: skip


def _reasons(query: SessionQuery, answer: Answer) -> list[tuple[str, str, str]]:
    """The explanations on offer for a result: why it is near or was found, and what breaks the match."""
    if words_can_be_asked(query) and answer.words:
        return [WHY_FOUND]
    return [WHY, BREAK] if can_be_asked(query) and not answer.words else []


def _with_further(answer: Answer) -> Answer:
    """The answer with the requested results beyond the maximum of one search."""
    wanted = min(shown_results(), answer.receipt.total)
    if len(answer.hits) < MAX_K or wanted <= len(answer.hits):
        return answer
    further = workbench().further(answer, wanted - len(answer.hits))
    return replace(answer, hits=(*answer.hits, *further))


def _more(answer: Answer) -> list[tuple[str, str]]:
    """The buttons below the results; none if all are shown."""
    found, total = len(answer.hits), min(answer.receipt.total, EVERYTHING)
    if found >= total or found < min(FIRST, answer.receipt.wanted) or found < shown_results():
        return []
    clear = min(workbench().clearly_shown(answer), total) if answer.words else 0
    buttons = [(f"first-{clear}", f"Show the {clear:,} that clearly show it")] if clear > found else []
    buttons.append(("more", f"Show {min(STEP, total - found)} more"))
    return buttons + ([("all", f"Show all {total:,}")] if total - found > STEP and total < EVERYTHING else [])


def _receipt(recipe: Recipe, query: SessionQuery, answer: Answer) -> None:
    """Draw one line: what was compared, how good the results are, and the exports."""
    with st.container(horizontal=True, vertical_alignment="center", key="receipt"):
        reasons = "".join(f"{key}: {title} " for _, title, key in _reasons(query, answer))
        st.caption(plain_text(answer.sentence()), width="stretch", help=_KEYS.format(reasons=reasons))
        copy_link()
        stem = f"benzer-{recipe.collection}"
        st.download_button("CSV", answer.to_csv().encode("utf-8-sig"), f"{stem}.csv", "text/csv", on_click="ignore")
        st.download_button("JSON", answer.to_json(), f"{stem}.json", "application/json", on_click="ignore")
        st.download_button(
            "Report", partial(workbench().search_report, answer), f"{stem}.html", "text/html", on_click="ignore",
            help="One page with the pictures inside, which opens without Benzer.",
        )  # fmt: skip
        with st.popover("Command", icon=":material/terminal:"):
            st.write("The same search on the command line:")
            st.code(answer.command(kept=True), language="bash", wrap_lines=True)


def _fewer(recipe: Recipe, answer: Answer) -> str:
    found = len(answer.hits)
    return f"This search method found only {found} of {recipe.k} results. Exact search finds all of them."

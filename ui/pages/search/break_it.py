"""What breaks a match: a dialog in which the query is altered, and the match looked for."""

from __future__ import annotations

import base64
from dataclasses import replace

import streamlit as st

from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.core.storage import json_text
from engine.core.tables import csv_text
from engine.evidence.alterations import ALTERATIONS, Alteration
from engine.evidence.breaking import SHOWN, Breaking, Standing, lost_unaltered
from engine.search.answer import Query
from ui.pages.search.break_chart import breaking_chart, spoken_breaking
from ui.pages.search.why import can_be_asked
from ui.session.opened import images_of, picture_name, row_of, workbench
from ui.session.query import SessionQuery
from ui.shared.charts import draw
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import thumbnail_url

ACTION = ("break", "What breaks it?", "B")  # of a picture of the results
_FIRST = next(iter(ALTERATIONS))
_STYLE = """
.altered { display: flex; height: min(40vh, 22rem); align-items: center; justify-content: center; }
.altered img { max-width: 100%; max-height: 100%; object-fit: contain; border-radius: 0.4rem; }
/* In a narrow window they stay side by side, so that the slider is seen together with what it does. */
@media (max-width: 640px) {
  .st-key-break-pictures .stHorizontalBlock { flex-wrap: nowrap; gap: 0.5rem; }
  .st-key-break-pictures .stHorizontalBlock > .stColumn { min-width: 0; }
  .altered { height: 30vw; }
}
"""


def ask_what_breaks(id: int | None) -> None:
    """Open the dialog for a result, or close it."""
    st.session_state["break"] = id


def breaking_dialog(recipe: Recipe, query: SessionQuery | None) -> None:
    """Draw the dialog if it is open."""
    id = st.session_state.get("break")
    if id is None or st.session_state.get("why") is not None:  # one dialog at a time
        return
    if query is not None and can_be_asked(query):
        _dialog(recipe, replace(query.as_query(), text="", share=None), int(id))


@st.dialog("What breaks it?", width="large", on_dismiss=lambda: ask_what_breaks(None))
def _dialog(recipe: Recipe, query: Query, id: int) -> None:
    name = st.pills(
        "Alteration", list(ALTERATIONS), format_func=lambda name: ALTERATIONS[name].title, default=_FIRST,
        required=True, key="break-alteration", label_visibility="collapsed",
    )  # fmt: skip
    way = ALTERATIONS[name or _FIRST]
    percent = st.slider("Strength", 0, 100, 30, key=f"break-{way.name}", format="%d %%")
    try:
        at = workbench().standing(recipe, query, id, way.name, percent / 100)
        _pictures(recipe, query, id, way, at)
        _points(recipe, query, id, way, at)
    except BenzerError as error:
        show_error(error)


# ── one strength ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _pictures(recipe: Recipe, query: Query, id: int, way: Alteration, at: Standing) -> None:
    """The altered query, the match with its rank and distance, and the nearest picture if the match is not it."""
    st.html(f"<style>{_STYLE}</style>")
    with st.container(key="break-pictures"):
        columns = st.columns(3)
    altered = workbench().altered(recipe.collection, query, way.name, at.strength)
    with columns[0]:
        _picture(f"data:image/png;base64,{base64.b64encode(altered).decode()}", "The altered query")
        st.caption(f"Query, {way.title.lower()}: {way.in_words(at.strength)}" if at.strength else "Query, unaltered")
    with columns[1]:
        _picture(_thumbnail(recipe, id), "The match")
        st.caption(f"{standing_in_words(at)} · distance {at.distance:.4f}")
    with columns[2]:
        if at.nearest not in (id, -1):
            _picture(_thumbnail(recipe, at.nearest), "The nearest picture")
            st.caption(f"Nearer: {plain_text(picture_name(recipe.collection, at.nearest))}")


def standing_in_words(at: Standing) -> str:
    """The rank of a match in words."""
    if not at.rank:
        return "The match is not among the first 1,000"
    return f"The match is number {at.rank:,}" + ("" if at.among(SHOWN) else f", beyond the first {SHOWN}")


def _picture(src: str, alt: str) -> None:
    st.html(f'<div class="altered"><img src="{src}" alt="{alt}"></div>')


def _thumbnail(recipe: Recipe, id: int) -> str:
    return thumbnail_url(recipe.collection, id, images_of(recipe.collection).hashes[row_of(recipe.collection, id)])


# ── breaking points ──────────────────────────────────────────────────────────────────────────────────────────────────


def _points(recipe: Recipe, query: Query, id: int, way: Alteration, at: Standing) -> None:
    """The breaking points of every alteration, as far as they were found, and the curve of the chosen one."""
    asked = (str(recipe), query.image_id, query.sha256, query.crop, id)
    key, found = st.session_state.get("breaking", (None, {}))
    found = found if key == asked else {}
    if len(found) < len(ALTERATIONS) and st.button(
        "Find the breaking points", key="break-find", icon=":material/straighten:",
        help="Tries 17 strengths of each alteration and narrows the first loss down by bisection. "
        "Moving the slider stops it; what is found stays.",
    ):  # fmt: skip
        found = _find(recipe, query, id, asked, found)
    if way.name in found:
        one = found[way.name]
        draw(breaking_chart(one, at.strength), key=f"break-curve-{way.name}", alt=spoken_breaking(one))
    if found:
        _table(list(found.values()), f"benzer-breaking-{id}")


def _find(recipe: Recipe, query: Query, id: int, asked: object, known: dict[str, Breaking]) -> dict[str, Breaking]:
    """The breaking points of the alterations that have none yet, kept one by one."""
    found = dict(known)
    missing = [name for name in ALTERATIONS if name not in found]
    bar = st.progress(0.0, text="Altering the query …")
    for one in workbench().breaking(recipe, query, id, missing):
        found[one.alteration] = one
        st.session_state.breaking = (asked, dict(found))
        bar.progress(len(found) / len(ALTERATIONS), text=f"{ALTERATIONS[one.alteration].title}: done")
    bar.empty()
    return {name: found[name] for name in ALTERATIONS if name in found}


_HEAD = ("Alteration", "Another picture is nearer at", f"Leaves the {SHOWN} at")


def _table(found: list[Breaking], stem: str) -> None:
    if nothing := lost_unaltered(found):
        st.write(nothing)
        return
    lines = [(ALTERATIONS[one.alteration].title, *points_in_words(one)) for one in found]
    st.table({head: list(cells) for head, cells in zip(_HEAD, zip(*lines, strict=True), strict=True)}, hide_index=True)
    back = any(point.back is not None for one in found for point in (one.first, one.shown))
    st.caption(
        "The weakest strength found; a shorter loss between two of the 17 strengths can go unnoticed."
        + " “Back at” names a stronger alteration under which the match is found again." * back
    )
    with st.container(horizontal=True):
        told = json_text([one.as_dict() for one in found], indent=1)
        st.download_button(
            "CSV", csv_text(_HEAD, lines).encode("utf-8-sig"), f"{stem}.csv", "text/csv", on_click="ignore"
        )
        st.download_button("JSON", told, f"{stem}.json", "application/json", on_click="ignore")


def points_in_words(one: Breaking) -> tuple[str, str]:
    """Both breaking points in words."""
    way = ALTERATIONS[one.alteration]
    return one.first.in_words(way), one.shown.in_words(way)

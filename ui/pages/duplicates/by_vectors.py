"""Duplicates by the vectors of an encoder: pictures within a distance of the one that is kept."""

from __future__ import annotations

import math
from functools import partial

import streamlit as st

from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.grouping.neighbourhoods.near_duplicates import highest
from engine.grouping.neighbourhoods.neighbourhoods import NearDuplicates
from ui.pages.duplicates.by_vectors_chart import nearest_chart
from ui.session.opened import images_of, workbench
from ui.session.recipe import use_recipe
from ui.shared.charts import draw
from ui.shared.messages import errors_shown
from ui.shared.neighbours import neighbours_key, with_neighbours
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field
from ui.widgets.copies import copies

_GROUPS_A_PAGE = 10
_STEPS = 50  # of the slider up to the suggested threshold
_MOST_STEPS = 500
_SHOWN_SHARE = 0.9  # of the nearest distances lie within the chart


def by_vectors(recipe: Recipe) -> None:
    """Draw the duplicates by the vectors of the recipe; its search method and k do not matter."""
    with_neighbours(recipe, "duplicates", lambda first: _duplicates(recipe, first))


# ── the threshold ────────────────────────────────────────────────────────────────────────────────────────────────────


def _duplicates(recipe: Recipe, first: NearDuplicates) -> None:
    if highest(first.nearness) <= 0:  # too few pictures, or too many equal ones, to choose a threshold
        st.info(plain_text(first.suggestion.reason), icon=":material/info:")
        return
    threshold, top = _threshold(recipe, first)
    found = workbench().duplicates(recipe, threshold, _keepers(recipe))
    chart = nearest_chart(found.nearness.nearest, threshold, first.suggestion.threshold, top)
    near = f"Histogram of the distance to the nearest other picture. {found.share.sentence()}"
    draw(chart, key=f"nearest-{neighbours_key(recipe)}", alt=near)
    st.markdown(plain_text(found.share.sentence()))
    st.caption(_why(first, threshold))
    st.subheader(plain_text(found.sentence()), anchor=False)
    if not found.groups:
        st.caption("A larger distance finds more duplicates.")
        return
    _take_away(recipe, found)
    _groups(recipe, found)


def _threshold(recipe: Recipe, first: NearDuplicates) -> tuple[float, float]:
    """The slider's value, and the end of its scale."""
    step, top = scale(first)
    suggested = first.suggestion.threshold
    key = f"threshold-{neighbours_key(recipe)}-{top:.6g}"
    st.session_state.setdefault(key, min(suggested, top))
    digits = max(0, 1 - math.floor(math.log10(step)))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        value = st.slider(
            "Maximum distance of a duplicate",
            0.0,
            top,
            step=step,
            format=f"%.{digits}f",
            key=key,
            persist_state="session",
        )
        if not math.isclose(value, suggested, abs_tol=step / 2):
            st.button(
                "Use suggested",
                key=f"{key}-back",
                icon=":material/restart_alt:",
                on_click=partial(st.session_state.update, {key: min(suggested, top)}),
            )
    return min(float(value), top), top


def scale(first: NearDuplicates) -> tuple[float, float]:
    """The step of the slider and its end: a whole number of steps, the suggested threshold being one of them."""
    import numpy as np

    nearest, most = first.nearness.nearest, highest(first.nearness)
    suggested = first.suggestion.threshold
    end = min(max(float(np.quantile(nearest, _SHOWN_SHARE)), 2 * suggested), most) or most
    step = max(suggested / _STEPS, end / _MOST_STEPS) if suggested > 0 else end / _STEPS
    if suggested > 0:
        step = suggested / max(1, round(suggested / step))
    return step, step * max(1, math.floor(end / step + 1e-9))


def _why(first: NearDuplicates, threshold: float) -> str:
    suggested = first.suggestion.threshold
    same = math.isclose(threshold, suggested, rel_tol=1e-6, abs_tol=1e-12)
    reason = first.suggestion.reason
    return (
        f"{'This distance' if same else f'{suggested:.3g}'} is suggested: {plain_text(reason[0].lower() + reason[1:])}"
    )


# ── the groups ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _groups(recipe: Recipe, duplicates: NearDuplicates) -> None:
    pages = -(-len(duplicates.groups) // _GROUPS_A_PAGE)
    key = f"copies-page-{neighbours_key(recipe)}"
    if not 1 <= int(st.session_state.get(key) or 1) <= pages:
        st.session_state[key] = 1
    numbered = list(enumerate(duplicates.groups, 1))
    page = int(st.session_state.get(key) or 1)
    st.caption(
        "Most certain groups first. Click a picture to search with it. Duplicates lie within the maximum distance of "
        "the kept picture, so choosing another keeper may change the group."
    )
    shown = numbered[(page - 1) * _GROUPS_A_PAGE : page * _GROUPS_A_PAGE]
    keep = partial(_keep, recipe, duplicates)
    copies(
        duplicates,
        shown,
        key=f"copies-{neighbours_key(recipe)}",
        on_pick=partial(use_recipe, str(recipe)),
        on_keep=keep,
    )
    if pages > 1:
        st.pagination(pages, key=key)


def _keepers(recipe: Recipe) -> tuple[int, ...]:
    """The keepers chosen in this session, if they still exist."""
    here = images_of(recipe.collection).ids
    chosen = st.session_state.get(f"keepers-{recipe.collection}", ())
    return tuple(id for id in chosen if id in here)


def _keep(recipe: Recipe, duplicates: NearDuplicates, id: int) -> None:
    """Make this picture the only keeper of its group."""
    group = next((group for group in duplicates.groups if id in group.copies), None)
    if group is not None:
        others = {group.keeper, *group.copies}
        kept = [one for one in _keepers(recipe) if one not in others]
        st.session_state[f"keepers-{recipe.collection}"] = (*kept, id)


def _take_away(recipe: Recipe, duplicates: NearDuplicates) -> None:
    with st.container(horizontal=True, key="copies-take-away"):
        st.download_button(
            "CSV",
            lambda: duplicates.to_csv().encode("utf-8-sig"),
            f"benzer-{recipe.collection}-duplicates.csv",
            "text/csv",
            key="copies-csv",
            on_click="ignore",
            help="One line per picture of a group: its distance and whether it is kept.",
        )
        with st.popover("New collection without duplicates", icon=":material/library_add:"):
            _without_copies(recipe, duplicates)
        if _keepers(recipe):
            forget = partial(st.session_state.pop, f"keepers-{recipe.collection}", None)
            st.button("Reset choices", key="keepers-forget", on_click=forget, type="tertiary")


def _without_copies(recipe: Recipe, duplicates: NearDuplicates) -> None:
    left = count_of(len(duplicates.nearness) - len(duplicates.copies), "picture")
    st.write(f"Creates a collection of {left}; this one stays unchanged.")
    text_field(
        "Collection name",
        f"{recipe.collection} without duplicates",
        key=f"without-{recipe.collection}",
        button="Create collection",
        button_key="without-copies",
        primary=True,
        same=True,
        on_sent=partial(_extract, recipe, duplicates),
    )


def _extract(recipe: Recipe, duplicates: NearDuplicates, title: str) -> None:
    with errors_shown():
        parts = [{"label": None, "ids": duplicates.kept}]
        job = workbench().start("extract", collection=recipe.collection, title=title, parts=parts)
        st.session_state["duplicates-job"] = job.id if job else ""
        st.session_state.redraw = True

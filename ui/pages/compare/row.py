"""One row of the results, opened: its figures in words, 'Use this recipe', and its worst queries as galleries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from engine.collections.collection import Images
from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.leads import Leads, between, difference_sentence
from engine.core.errors import NotFound
from ui.comparisons.state import Seen
from ui.session.opened import images_of
from ui.session.recipe import use_recipe
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import Tile, gallery, thumbnail_url
from ui.widgets.results_table import Named


def opened_row(row: ExperimentRow, name: Named, view: Seen, leads: Leads, names: Mapping[str, Named]) -> None:
    """Draw the details of a row of a comparison; a click on a picture searches with it by the row's recipe.

    Args:
        names: of all rows, by their keys.
    """
    with st.container(border=True, key="experiment-row"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(plain_text(name.whole), anchor=False)
            with st.container(horizontal=True, width="content", gap="small"):
                st.button(
                    "Use this configuration", key="experiment-use", type="primary", icon=":material/search:",
                    on_click=use_recipe, args=(row.recipe,), disabled=bool(row.error),
                    help="Selects it in the sidebar and opens Search.",
                )  # fmt: skip
                st.button("Hide", key="experiment-row-close", on_click=_close, icon=":material/unfold_less:")
        st.caption(plain_text(row.recipe))
        if row.error:
            st.error(plain_text(row.error), icon=":material/error:")
            return
        st.markdown(plain_text(" ".join(filter(None, [in_words(row), leads.row_sentence(row.key)]))))
        _beside(row, view, names)
        _worst(row, view.plan.collection)


def _beside(row: ExperimentRow, view: Seen, names: Mapping[str, Named]) -> None:
    """The row against any other that the visitor chooses, over the same queries."""
    others = {other.key: other for other in view.measured if other.key != row.key}
    if not others:
        return
    chosen = st.selectbox(
        "Compare with", list(others), index=None, format_func=lambda key: names[key].whole, key=f"beside-{row.key}",
        placeholder="Another configuration",
    )  # fmt: skip
    if chosen:
        with errors_shown():
            found = between((view.comparison, row), (view.comparison, others[chosen]))
            st.write(plain_text(f"{names[row.key].whole}: {difference_sentence(row, others[chosen], found)}"))


def _close() -> None:
    st.session_state.experiment_row = None


def in_words(row: ExperimentRow) -> str:
    """The figures of a row as sentences."""
    low, high = row.interval
    text = (
        f"On average {row.k * row.precision:.1f} of the {row.k} results have the query's label: "
        f"precision@{row.k} is {row.precision:.3f} (95 % interval {low:.3f} to {high:.3f}; chance level "
        f"{row.chance:.3f}), over {row.queries:,} queries among {row.images:,} pictures."
    )
    if row.per_class:
        hard = min(row.per_class, key=row.per_class.__getitem__)
        easy = max(row.per_class, key=row.per_class.__getitem__)
        if hard != easy:
            text += f" Hardest: {hard} ({row.per_class[hard]:.2f}); easiest: {easy} ({row.per_class[easy]:.2f})."
    return text + _losses(row.losses)


def _losses(losses: Mapping[str, float | None] | None) -> str:
    known = {name: value for name, value in (losses or {}).items() if value is not None}
    titles = {"mse": "MSE", "ssim": "1 − SSIM"}
    parts = [f"{titles[name]} {known[name]:.4f}" for name in titles if name in known]
    return f" Lowest validation loss in training: {' and '.join(parts)}." if parts else ""


def _worst(row: ExperimentRow, collection: str) -> None:
    if not row.worst:
        return
    st.markdown("**Worst queries**")
    st.caption("The framed picture is the query; ✓ marks results with its label. Click a picture to search with it.")
    images = images_of(collection)
    drawn = 0
    for number, asked in enumerate(row.worst):
        tiles = worst_tiles(collection, images, asked)
        if tiles:
            title = f"Worst query {number + 1}: {tiles[0].name}"
            on_pick = partial(_ask, row.recipe)
            gallery(tiles, key=f"worst-{row.key}-{number}", title=title, kind="strip small", on_pick=on_pick)
            drawn += 1
    if drawn < len(row.worst):
        st.caption("Pictures that have been deleted since then are not shown.")


def _ask(recipe: str, query: int) -> None:
    use_recipe(recipe, query)


def worst_tiles(collection: str, images: Images, asked: Mapping[str, Any]) -> list[Tile]:
    """The query and its results as tiles; [] if the query has been deleted since."""
    try:
        query = _tile(collection, images, int(asked["query"]), "", selected=True)
    except NotFound:
        return []
    tiles = [query]
    for rank, id in enumerate(asked["answers"], 1):
        try:
            tiles.append(_tile(collection, images, int(id), query.label or "", rank=rank))
        except NotFound:
            continue
    return tiles


def _tile(
    collection: str, images: Images, id: int, label: str, *, rank: int | None = None, selected: bool = False
) -> Tile:
    row = images.row(id)
    if row is None:
        raise NotFound(f"Picture {id} is not in this collection any more.")
    own, src = images.labels[row], thumbnail_url(collection, id, images.hashes[row])
    same = own == label if own and rank else None
    return Tile(id=id, src=src, name=images.names[row], rank=rank, label=own, same=same, selected=selected)

"""The map of a grouping of very many pictures: by density, and a part of it picture by picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import streamlit as st

from engine.core.distances import Matrix
from engine.grouping.stored.density import Density
from engine.grouping.stored.palette import NOISE
from ui.pages.groups.state import Rows, Seen, Way, select, select_also, selected, state_key
from ui.session.maps import offer
from ui.shared.plain_text import plain_text
from ui.widgets.density_map import Box, density_map
from ui.widgets.gallery import served_below

DOTS = 100_000  # pictures up to which a map has a dot for each
_PART = 50_000  # pictures of a part that is shown picture by picture
_MARKED = 4_000  # selected pictures that are drawn over the density, at 8 bytes each with every drawing of the page


def by_density(view: Seen, by: str, way: Way, height: int, dots: Callable[[Rows], None]) -> None:
    """Draw the whole map by density, or by `dots` the part that is open."""
    colours, palette, legend = way
    key = (state_key(view), by)
    name, density = offer(key, [*palette, NOISE], lambda: Density(_within(view.grouping.points), colours))
    part = st.session_state.get(_part(view))
    rows = density.inside(*part) if part is not None else None
    if rows is not None and 0 < len(rows) <= _PART:
        st.button("Back to the whole map", key=f"map-whole-{view.key}", icon=":material/zoom_out_map:",
                  on_click=_open, args=(view, None))  # fmt: skip
        dots(rows)
        return
    if rows is not None:
        few = f"{len(rows):,} pictures are in sight; zoom in to at most {_PART:,}." if len(rows) else "Nothing is here."
        st.info(plain_text(few), icon=":material/zoom_in:")
        _open(view, None)  # said once
    ids = view.groups.ids
    chosen = np.intersect1d(ids, selected()).tolist()  # a selection may hold pictures that the grouping does not know
    density_map(
        key=f"density-{view.key}", title=f"Map of {view.title}", count=len(ids), palette=palette, legend=legend,
        tiles=f"{served_below('maps', name)}/{{theme}}/{{z}}/{{x}}/{{y}}.png", selected=len(chosen), height=height,
        marks=density.points[marked_rows(ids, chosen)],
        on_box=lambda box, adds: (select_also if adds else select)(ids[density.inside(*box)].tolist()),
        on_pick=lambda x, y, within: select([] if (row := density.nearest(x, y, within)) is None else [int(ids[row])]),
        on_open=lambda box: _open(view, box),
    )  # fmt: skip
    st.caption("The more pictures at a place, the stronger the colour, which is that of most of them.")


def marked_rows(ids: Rows, chosen: list[int]) -> Rows:
    """The rows of the chosen ids, of very many a sample that is the same for the same ones."""
    rows = np.flatnonzero(np.isin(ids, chosen)) if chosen else np.zeros(0, np.int64)
    if len(rows) <= _MARKED:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, _MARKED, replace=False))


def _within(points: Matrix) -> Matrix:
    """The points centred, the larger half-axis 1, as imported ones need not be."""
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    moved: Matrix = points - middle
    return moved / max(float(np.abs(moved).max()), 1e-12)


def _open(view: Seen, box: Box | None) -> None:
    st.session_state[_part(view)] = box


def _part(view: Seen) -> str:
    return f"map-part-{view.key}"

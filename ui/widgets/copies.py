"""Groups of copies as rows of pictures: the keeper first and marked, every other one with a button to keep it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engine.core.humanize import count_of, file_size
from engine.grouping.neighbourhoods.near_duplicates import NearDuplicateGroup
from engine.grouping.neighbourhoods.neighbourhoods import NearDuplicates
from ui.widgets.component import component
from ui.widgets.gallery import thumbnail_url

_SHOWN = 24  # pictures of one group

_copies = component("copies", "copies.css", "copies.js")


def copies(
    duplicates: NearDuplicates,
    groups: Sequence[tuple[int, NearDuplicateGroup]],
    *,
    key: str,
    on_pick: Callable[[int], None],
    on_keep: Callable[[int], None],
) -> None:
    """Draw numbered groups; a click on a picture calls `on_pick(id)`, a click on its button `on_keep(id)`."""

    def acted(name: str, act: Callable[[int], None]) -> None:
        id = getattr(st.session_state.get(key), name, None)
        if isinstance(id, int):
            act(id)

    _copies(
        data=copies_data(duplicates, groups),
        key=key,
        on_pick_change=lambda: acted("pick", on_pick),
        on_keep_change=lambda: acted("keep", on_keep),
    )


def copies_data(duplicates: NearDuplicates, groups: Sequence[tuple[int, NearDuplicateGroup]]) -> dict[str, Any]:
    """What the browser needs to draw the groups."""
    return {"groups": [_group(duplicates, number, group) for number, group in groups]}


def _group(duplicates: NearDuplicates, number: int, group: NearDuplicateGroup) -> dict[str, Any]:
    members = [(group.keeper, 0.0), *zip(group.copies, group.distances, strict=True)]
    count = count_of(len(group.copies), "duplicate")
    items = [_item(duplicates, id, far, id == group.keeper) for id, far in members[:_SHOWN]]
    more = f"and {len(members) - _SHOWN:,} more" if len(members) > _SHOWN else ""
    return {"title": f"Group {number} · {count}", "items": items, "more": more}


def _item(duplicates: NearDuplicates, id: int, distance: float, keep: bool) -> dict[str, Any]:
    row = duplicates.pictures[id]
    return {
        "id": id,
        "src": thumbnail_url(duplicates.recipe.collection, id, row.hash),
        "name": row.name,
        "facts": f"{row.width} × {row.height} · {file_size(row.size)}",
        "away": "" if keep else f"distance {distance:.3g}",
        "keep": keep,
    }

"""The map of a grouping: a point for every picture, coloured by group, label or other attribute; and the selection."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.grouping.stored.palette import COLOURS, NOISE
from ui.pages.groups.density import DOTS, by_density
from ui.pages.groups.selection import selection_bar
from ui.pages.groups.state import Rows, Seen, Way, kept, names_of, rows_of, select, selected, state_key
from ui.session.opened import images_of
from ui.widgets.gallery import thumbnails_of
from ui.widgets.picture_map import LegendEntry, picture_map

HEIGHT = 620
_MOST_KINDS = len(COLOURS)
_BANDS = 6  # of a quantity
# From low to high, legible in both themes and for the colour-blind.
_RAMP = (
    ("#c2d6e8", "#2c4964"), ("#9dbfdc", "#386489"), ("#74a5ce", "#4682b0"),
    ("#4c8abf", "#5ea2d3"), ("#2b6da8", "#86c1e8"), ("#134d86", "#b7dff7"),
)  # fmt: skip
_OTHERS = "others"


def map_tab(view: Seen) -> None:
    """Draw the map, its colours, and the actions on the selection."""
    ways = kept(("ways", state_key(view)), lambda: _ways(view))
    by = st.segmented_control(
        "Colour by", list(ways), default="Group", key=f"map-by-{view.key}", required=True, persist_state="session"
    )
    by = by if by in ways else "Group"
    selection_bar(view, "map")
    if len(view.groups.ids) > DOTS:
        by_density(view, by, ways[by], HEIGHT, partial(_dots, view, ways[by]))
    else:
        _dots(view, ways[by], np.arange(len(view.groups.ids)))
    st.caption("Nearby pictures are similar; distances between clusters are not meaningful. Select with box or lasso.")


def _dots(view: Seen, way: Way, rows: Rows) -> None:
    """A dot for each of these pictures."""
    colours, palette, legend = way
    ids = view.groups.ids[rows]
    picture_map(
        key=f"map-{view.key}", title=f"Map of {view.title}", ids=ids, points=view.grouping.points[rows],
        colours=colours[rows], palette=palette, names=names_of(view.collection, ids), legend=legend,
        thumbs=f"{thumbnails_of(view.collection)}/{{id}}.webp", selected=set(selected()), on_select=select,
        on_pick=_pick, height=HEIGHT,
    )  # fmt: skip


def _pick(id: int) -> None:
    select([id])


# ── colours ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ways(view: Seen) -> dict[str, Way]:
    """Colourings by group, and by every known attribute that varies among the pictures."""
    images, rows = images_of(view.collection), rows_of(view.collection, view.groups.ids)
    facts = {"Label": images.labels, "Text": images.texts, "Folder": _folders(images), "File type": _types(images)}
    ways: dict[str, Way] = {"Group": _by_group(view)}
    for name, values in facts.items():
        found = [values[row] if row >= 0 else "" for row in rows.tolist()]
        kinds = len(set(found))
        # Unique texts are useless as colours, and the folder is often the label.
        telling = 1 < kinds <= max(_MOST_KINDS, len(found) // 4)
        if telling and not (name == "Folder" and found == [images.labels[row] if row >= 0 else "" for row in rows]):
            ways[name] = by_kind(found)
    return ways | _by_size(view, rows)


def _by_group(view: Seen) -> Way:
    numbers = {group.number: group.colour for group in view.groups.groups}
    colours = np.array([numbers[label] for label in view.groups.labels.tolist()], dtype=np.int64)
    legend = [(group.colour, group.title, len(group)) for group in view.groups.groups]
    return colours, [*COLOURS, NOISE], legend


def by_kind(values: list[str]) -> Way:
    """A colour for each of the most common values; the rest, and missing ones, are grey."""
    counts = Counter(value for value in values if value)
    shown = [value for value, _ in counts.most_common(_MOST_KINDS)]
    numbers = {value: number for number, value in enumerate(shown)}
    colours = np.array([numbers.get(value, -1) for value in values], dtype=np.int64)
    legend: list[LegendEntry] = [(number, value, counts[value]) for value, number in numbers.items()]
    rest = int((colours < 0).sum())
    return colours, [*COLOURS, NOISE], legend + ([(-1, _OTHERS, rest)] if rest else [])


def by_amount(values: NDArray[Any], named: Any) -> Way | None:
    """Equally populated bands of a quantity, from low to high; None if all values are equal."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BANDS + 1)))
    if len(edges) < 3:
        return None
    bands = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    step = (len(_RAMP) - 1) / max(1, len(edges) - 2)
    palette = [_RAMP[round(band * step)] for band in range(len(edges) - 1)]
    legend = [
        (band, f"{named(edges[band])} to {named(edges[band + 1])}", int((bands == band).sum()))
        for band in range(len(edges) - 1)
    ]
    return bands, palette, legend


def _by_size(view: Seen, rows: NDArray[np.int64]) -> dict[str, Way]:
    sizes = np.ones((len(rows), 2), dtype=np.int64)
    sizes[rows >= 0] = images_of(view.collection).shapes[rows[rows >= 0]]  # the others are deleted
    pixels = by_amount(np.where(rows >= 0, sizes.prod(1), 0).astype(float), _megapixels)
    wide, high = sizes[:, 0] > 1.1 * sizes[:, 1], sizes[:, 1] > 1.1 * sizes[:, 0]
    shapes = np.where(wide, "landscape", np.where(high, "portrait", "square")).tolist()
    found = {"Size": pixels} if pixels is not None else {}
    return found | ({"Shape": by_kind(shapes)} if len(set(shapes)) > 1 else {})


def _megapixels(pixels: float) -> str:
    return f"{pixels / 1e6:.2g} MP"


def _folders(images: Images) -> list[str]:
    return [str(PurePosixPath(name).parent) if "/" in name else "" for name in images.names]


def _types(images: Images) -> list[str]:
    return [PurePosixPath(name).suffix.lower().lstrip(".") for name in images.names]

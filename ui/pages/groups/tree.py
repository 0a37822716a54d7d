"""The tree of a hierarchical grouping: cut it, inspect a branch, see the distances, download it as a picture."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from engine.core.humanize import count_of
from engine.core.tables import csv_text
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.dendrogram_svg import dendrogram_svg
from engine.grouping.stored.palette import COLOURS, NOISE, colour_of
from engine.grouping.tree import Drawing, Tree
from ui.pages.groups.form import use_encoder, use_plan
from ui.pages.groups.selection import selection_bar
from ui.pages.groups.stability import stability_fields, with_shares
from ui.pages.groups.state import Seen, edit, kept, names_of, open_grouping, rows_of, select, state_key, tiles, toggle
from ui.session.opened import images_of, open_collection
from ui.shared.messages import empty_state
from ui.shared.titles import metric_title
from ui.widgets.dendrogram import dendrogram
from ui.widgets.distance_matrix import distance_matrix
from ui.widgets.gallery import gallery, thumbnail_url

LEAVES = 60
MEMBERS = 64
_MOST_LEAVES = 400
_COLUMNS = 8
_MATRIX = 120
_STEPS = 200


def tree_tab(view: Seen) -> None:
    """Draw the tree with its cut; a sentence if the grouping has no tree."""
    tree = view.grouping.tree
    if tree is None or len(tree.leaves) < 2:
        _no_tree(view)
        return
    _cut(view, tree)
    most = _leaves_shown(view, tree)
    drawing = kept(("drawing", most, state_key(view)), lambda: tree.drawing(most, view.groups.labels))
    shown = stability_fields(view, tree)
    leaves, joins = _leaves(view, drawing), with_shares(_joins(drawing), shown, tree)
    height = float((view.grouping.cut_now or (1, 0.0))[1])
    dendrogram(
        key=f"dendrogram-{view.key}", title=f"Tree of {view.title}", leaves=leaves, joins=joins, height_now=height,
        palette=[*COLOURS, NOISE], on_cut=partial(_cut_at, view), on_pick=_pick,
        measure=_measure(view),
    )  # fmt: skip
    st.caption(_explained(view, tree, drawing))
    _branch(view, tree)
    with st.expander("Distance matrix", icon=":material/grid_on:", key="groups-matrix", on_change="rerun") as panel:
        if panel.open:
            _matrix(view)
    _picture(view, leaves, joins, height)


def _measure(view: Seen) -> str:
    """The meaning of the tree's heights."""
    if dict(view.grouping.plan.clustering.options).get("linkage") == "ward":
        return "increase in variance (Ward)"
    return _distance(view)


def _distance(view: Seen) -> str:
    return f"{metric_title(view.grouping.metric).lower()} distance"


def _no_tree(view: Seen) -> None:
    if view.grouping.tree is not None:
        st.write("A tree needs at least two different pictures.")
        return
    empty_state(
        "No tree",
        "Only hierarchical clustering produces a tree.",
        {"Cluster hierarchically": partial(_wish_for_a_tree, view)},
        key="groups-no-tree",
    )


def _wish_for_a_tree(view: Seen) -> None:
    use_encoder(view.grouping.recipe)
    use_plan(GroupingPlan(Step("hierarchical")))
    open_grouping(view.collection, None)


# ── the cut ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _cut(view: Seen, tree: Tree) -> None:
    """The height as a slider, the number of groups, and how many leaves are drawn."""
    groups, height = view.grouping.cut_now or (1, 0.0)
    top = float(tree.heights[-1]) * 1.05 or 1.0
    left, middle, right = st.columns([3, 1, 1], gap="medium", vertical_alignment="bottom")
    stamp = f"{view.key}-{view.edited}"
    left.slider(
        "Cut height", 0.0, top, min(float(height), top), top / _STEPS, key=f"groups-height-{stamp}",
        format="%.3f", on_change=_cut_by, args=(view, f"groups-height-{stamp}", "height"),
        help="Branches that join below the line form one group.",
    )  # fmt: skip
    middle.number_input(
        "Number of groups", 1, len(tree.leaves), int(groups), 1, key=f"groups-number-{stamp}",
        on_change=_cut_by, args=(view, f"groups-number-{stamp}", "groups"),
    )  # fmt: skip
    if len(tree.leaves) > LEAVES:
        right.number_input(
            "Leaves shown", 2, min(_MOST_LEAVES, len(tree.leaves)), LEAVES, 10, key=f"groups-leaves-{view.key}",
            help="The deepest branches are folded; a folded leaf shows how many pictures it holds.",
        )  # fmt: skip
    others = [change for change in view.grouping.edits() if change["kind"] != "cut"]
    if others:
        st.caption("A new cut discards names, merges and moves. Undo restores them.")


def _leaves_shown(view: Seen, tree: Tree) -> int:
    return min(int(st.session_state.get(f"groups-leaves-{view.key}") or LEAVES), len(tree.leaves))


def _cut_by(view: Seen, key: str, what: str) -> None:
    value = st.session_state.get(key)
    if value is not None:
        edit(view, {"kind": "cut", what: int(value) if what == "groups" else float(value)})


def _cut_at(view: Seen, height: float) -> None:
    edit(view, {"kind": "cut", "height": max(0.0, height)})


# ── the drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _leaves(view: Seen, drawing: Drawing) -> list[dict[str, Any]]:
    images = images_of(view.collection)
    ids = view.groups.ids[[leaf.row for leaf in drawing.leaves]]
    rows, names = rows_of(view.collection, ids), names_of(view.collection, ids)
    found = []
    for leaf, id, row, name in zip(drawing.leaves, ids.tolist(), rows.tolist(), names, strict=True):
        src = thumbnail_url(view.collection, id, images.hashes[row]) if row >= 0 else ""
        label = f"{name} · {images.labels[row]}" if row >= 0 and images.labels[row] else name
        found.append(
            {
                "node": leaf.node, "id": id, "name": label, "count": leaf.count, "src": src,
                "colour": -1 if leaf.group is None else colour_of(leaf.group),
            }
        )  # fmt: skip
    return found


def _joins(drawing: Drawing) -> list[dict[str, Any]]:
    return [
        {
            "node": join.node, "left": join.left, "right": join.right, "height": join.height, "x": join.x,
            "count": join.count, "colour": -1 if join.group is None else colour_of(join.group),
        }
        for join in drawing.joins
    ]  # fmt: skip


def _explained(view: Seen, tree: Tree, drawing: Drawing) -> str:
    images, leaves = len(view.groups.ids), len(tree.leaves)
    parts = ["Drag the line to cut. Click a branch or a picture to see its pictures."]
    if leaves < images:
        parts.append(f"Built on {leaves:,} pictures that represent small clusters of all {images:,}.")
    if drawing.collapsed:
        parts.append(f"Drawn with {len(drawing.leaves)} leaves: the deepest branches are folded.")
    return " ".join(parts)


def _pick(node: int) -> None:
    st.session_state.tree_node = node
    select([])


def _branch(view: Seen, tree: Tree) -> None:
    """The pictures below the clicked node."""
    node = st.session_state.get("tree_node")
    if node is None or not 0 <= node < 2 * len(tree.leaves) - 1:
        return
    ids = view.groups.ids[tree.members(node)]
    with st.container(horizontal=True, vertical_alignment="center", key="tree-branch"):
        st.subheader(f"This branch: {count_of(len(ids), 'picture')}", anchor=False)
        st.button("Select all", key="tree-select", on_click=select, args=(ids.tolist(),))
        st.button("Close", key="tree-close", icon=":material/close:", on_click=_close_branch, type="tertiary")
    selection_bar(view, "tree")
    gallery(
        tiles(view.collection, ids[:MEMBERS]), key=f"tree-members-{view.key}-{node}", title="Pictures of this branch",
        columns=_COLUMNS, kind="browse", on_pick=toggle, scroll=False,
    )  # fmt: skip
    if len(ids) > MEMBERS:
        st.caption(f"… and {len(ids) - MEMBERS:,} more.")


def _close_branch() -> None:
    st.session_state.tree_node = None
    select([])


# ── distances, and the picture ───────────────────────────────────────────────────────────────────────────────────────


def _matrix(view: Seen) -> None:
    ids, apart = kept(("matrix", state_key(view)), lambda: view.grouping.distance_matrix(_MATRIX))
    names = names_of(view.collection, ids)
    numbers = [int(view.groups.labels[row]) for row in np.searchsorted(view.groups.ids, ids)]
    images, rows = images_of(view.collection), rows_of(view.collection, ids).tolist()
    pairs = zip(ids.tolist(), rows, strict=True)
    sources = [thumbnail_url(view.collection, id, images.hashes[row]) if row >= 0 else "" for id, row in pairs]
    distance_matrix(
        key=f"matrix-{view.key}", title=f"Distances in {view.title}", names=names, matrix=apart, groups=numbers,
        sources=sources, measure=_distance(view),
    )  # fmt: skip
    if len(ids) < len(view.groups.ids):
        st.caption(f"{len(ids)} pictures, sampled evenly along the tree.")
    st.download_button(
        "CSV", lambda: _matrix_csv(names, apart), f"{view.name}-distances.csv", "text/csv", on_click="ignore",
        key=f"matrix-csv-{view.key}", icon=":material/download:",
    )  # fmt: skip


def _matrix_csv(names: list[str], apart: Any) -> bytes:
    rows = ([name, *map(float, np.round(line, 6))] for name, line in zip(names, apart, strict=True))
    return csv_text(["file", *names], rows).encode("utf-8-sig")


def _picture(view: Seen, leaves: list[dict[str, Any]], joins: list[dict[str, Any]], height: float) -> None:
    """The tree as a self-contained SVG."""

    def made() -> str:
        collection = open_collection(view.collection)
        there = [leaf["id"] for leaf in leaves if leaf["src"]]
        pictures = {id: collection.thumbnail(id) for id in there}
        colours, measure = [*COLOURS, NOISE], _measure(view)
        return dendrogram_svg(
            leaves, joins, colours, pictures, cut=height, title=view.title, measure=measure, names=True
        )

    st.download_button(
        "Tree as SVG", lambda: kept(("svg", len(leaves), _stamp_of(joins), state_key(view)), made),
        f"{view.name}.svg", "image/svg+xml", key=f"tree-svg-{view.key}", icon=":material/download:",
        on_click="ignore",
    )  # fmt: skip


def _stamp_of(joins: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Changes with the shares that are drawn."""
    return tuple(join.get("share") for join in joins)

"""Manual changes to groups: a list of small edits, applied in order to the clustering result.

    {"kind": "name", "group": 3, "title": "Cats"}       name a group ("" removes the name)
    {"kind": "names", "titles": {"3": "Cats", …}}       name several groups at once
    {"kind": "merge", "groups": [0, 4]}                 merge groups; the first one's name stays
    {"kind": "move", "ids": [17, 20], "to": 2}          move images to another group, −1 for none, "new" for a new one
    {"kind": "split", "group": 1, "into": 2, "parts": {"17": 0, …}}    cluster a group again; the parts are recorded
    {"kind": "cut", "groups": 5} or {"kind": "cut", "height": 0.4}     recut the tree; names and moves start over

Undo removes the last edit; the clustering result itself never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.settings import is_whole
from engine.grouping.clusterer import NOISE, Labels, by_size
from engine.grouping.tree import Tree

Edit = Mapping[str, Any]

KINDS = ("name", "names", "merge", "move", "split", "cut")
_LONGEST_TITLE = 80
_MOST_PARTS = 100


@dataclass
class State:
    """The current groups: (n,) labels, given names by number, and the number of the next new group."""

    labels: Labels
    titles: dict[int, str] = field(default_factory=dict)
    next: int = 0

    @classmethod
    def of(cls, labels: NDArray[Any]) -> State:
        """The groups before any edit."""
        labels = np.array(labels, dtype=np.int64)
        return cls(labels, {}, int(labels.max(initial=-1)) + 1)


def applied(found: Labels, tree: Tree | None, ids: NDArray[np.int64], edits: Iterable[Edit]) -> State:
    """The groups after all edits.

    Raises:
        BadParameter: an invalid edit: no such kind, group, image or tree, an empty or overlong name.
    """
    state = State.of(found)
    for edit in edits:
        state = _apply(state, edit, tree, ids)
    return state


def cut_in_force(edits: Sequence[Edit]) -> Edit | None:
    """The last cut among the edits, None if the original cut is in force."""
    return next((edit for edit in reversed(edits) if edit["kind"] == "cut"), None)


def _apply(state: State, edit: Edit, tree: Tree | None, ids: NDArray[np.int64]) -> State:
    kind = edit.get("kind")
    if kind == "name":
        _name(state, edit)
    elif kind == "names":
        _name_several(state, edit)
    elif kind == "merge":
        _merge(state, edit)
    elif kind == "move":
        _move(state, edit, ids)
    elif kind == "split":
        _split(state, edit, ids)
    elif kind == "cut":
        return _cut(edit, tree)
    else:
        raise BadParameter("kind", "a change of groups", "one of " + ", ".join(KINDS), kind)
    return state


def _name(state: State, edit: Edit) -> None:
    group, title = known_group(state, edit.get("group")), edit.get("title")
    if not isinstance(title, str) or len(title) > _LONGEST_TITLE:
        raise BadParameter("name", "a group", f"a text of at most {_LONGEST_TITLE} characters", title)
    title = " ".join(title.split())
    taken = {name for number, name in state.titles.items() if number != group}
    if title in taken:
        raise BadParameter("name", "a group", "one that no other group has", title, way_out="Or merge the two groups.")
    state.titles.pop(group, None)
    if title:
        state.titles[group] = title


def _name_several(state: State, edit: Edit) -> None:
    titles = edit.get("titles")
    if not isinstance(titles, Mapping) or not titles:
        raise BadParameter("names", "groups", "by the number of each group, for at least one", titles)
    for number, title in titles.items():
        _name(state, {"group": int(number) if str(number).isdecimal() else number, "title": title})


def _merge(state: State, edit: Edit) -> None:
    groups = [known_group(state, group) for group in edit.get("groups") or ()]
    if len(set(groups)) < 2:
        raise BadParameter("groups", "merging", "at least two different ones", groups)
    first, *others = groups
    state.labels[np.isin(state.labels, others)] = first
    names = [state.titles.pop(group) for group in groups if group in state.titles]
    if names:
        state.titles[first] = names[0]


def _move(state: State, edit: Edit, ids: NDArray[np.int64]) -> None:
    rows, to = _rows(edit.get("ids") or (), ids), edit.get("to")
    if to == "new":
        to, state.next = state.next, state.next + 1
    elif to != NOISE or isinstance(to, bool):
        to = known_group(state, to)
    state.labels[rows] = to
    _forget_empty(state)


def _split(state: State, edit: Edit, ids: NDArray[np.int64]) -> None:
    group = known_group(state, edit.get("group"))
    parts = {int(id): int(part) for id, part in edit.get("parts", {}).items()}
    for part in sorted(set(parts.values()) - {0}):  # the first part keeps its group
        rows = _rows([id for id, number in parts.items() if number == part], ids)
        state.labels[rows[state.labels[rows] == group]] = state.next
        state.next += 1


def _cut(edit: Edit, tree: Tree | None) -> State:
    if tree is None:
        raise BadParameter("grouping", "a cut", "a hierarchical one: others have no tree", "one without a tree")
    return State.of(by_size(tree.cut(groups=edit.get("groups"), height=edit.get("height"))))


def known_group(state: State, group: Any) -> int:
    """The number of a non-empty group; BadParameter for any other."""
    if not is_whole(group) or group < 0 or not (state.labels == group).any():
        raise BadParameter("group", "a change of groups", "one that has pictures", group)
    return int(group)


def checked_parts(into: Any, members: int) -> int:
    """The number of parts to split a group into; BadParameter if it cannot be."""
    most = min(_MOST_PARTS, members)
    if not is_whole(into) or not 2 <= into <= most:
        wanted = f"from 2 to {most}" if most >= 2 else "left out: a group of one picture cannot be split"
        raise BadParameter("parts", "splitting a group", wanted, into)
    return int(into)


def _rows(wanted: Sequence[int], ids: NDArray[np.int64]) -> NDArray[np.int64]:
    inside = [id for id in wanted if is_whole(id) and 0 <= id <= ids[-1]]
    asked = np.array(inside, dtype=np.int64)
    rows = np.searchsorted(ids, asked)
    if not inside or len(inside) < len(wanted) or (ids[rows] != asked).any():
        raise BadParameter("pictures", "a change of groups", "at least one, all of this grouping", list(wanted)[:5])
    return rows


def _forget_empty(state: State) -> None:
    there = set(np.unique(state.labels).tolist())
    state.titles = {group: title for group, title in state.titles.items() if group in there}

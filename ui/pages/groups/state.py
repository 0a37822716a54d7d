"""State of the groups page: existing groupings, the open one, its current groups, and its pictures.

Folders are the source of truth, and are reread only when they change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.collections.label_sources import own_labels
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BenzerError, NotFound
from engine.core.settings import AnySetting, Choice, Value
from engine.grouping import Clusterer, Projection, clusterers, projections
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.grouping import Group, Grouping, Groups
from engine.jobs.job import Job
from engine.search.examples import Example
from ui.session.opened import images_of, open_collection, recent_jobs, row_of, workbench
from ui.session.query import set_examples
from ui.session.recipe import use_recipe
from ui.shared.messages import show_error
from ui.widgets.gallery import Tile, thumbnail_url
from ui.widgets.picture_map import LegendEntry

Rows = NDArray[np.int64]
Way = tuple[Rows, list[tuple[str, str]], list[LegendEntry]]  # colours of the pictures, the palette and its legend

TABS = ("Groups", "Tree", "Map", "Vectors", "Outliers")

OWN_LABELS = "groups-own-labels"  # in the session: whether labels that a classifier wrote are left out
_groupings: Cache[list[Grouping]] = Cache(4)
_seen: Cache[Seen] = Cache(4)
_matrices: Cache[Any] = Cache(16)


@dataclass(frozen=True)
class Seen:
    """A snapshot of a grouping, edits applied. `stale`: a sentence if the pictures have changed since."""

    collection: str
    grouping: Grouping
    title: str
    groups: Groups
    quality: dict[str, float]
    chance: dict[str, float]
    stale: str
    edited: int

    @property
    def name(self) -> str:
        return self.grouping.name

    @property
    def key(self) -> str:
        """A prefix for widget keys specific to this grouping."""
        return f"{self.collection}-{self.name}"

    @property
    def real(self) -> list[Group]:
        """The groups without the ungrouped pictures."""
        return [group for group in self.groups.groups if group.number >= 0]

    @property
    def alone(self) -> int:
        """How many pictures are ungrouped."""
        return sum(len(group) for group in self.groups.groups if group.number < 0)


def listed(collection: str) -> list[Grouping]:
    """Every readable grouping of a collection, newest first."""
    root = workbench().home.datasets / collection / "groupings"
    found = sorted(root.glob("*/person.json"))
    key = (collection, tuple((path.parent.name, file_stamp(path, path.parent / "current.json")) for path in found))
    return _groupings.get(key, lambda: workbench().groupings(collection))


def seen(collection: str, name: str) -> Seen | None:
    """A snapshot of the grouping of that name, None if it no longer exists.

    Raises:
        Corrupt: one of its files is damaged.
    """
    try:
        folder = workbench().grouping(collection, name).folder
    except NotFound:
        return None
    own = bool(st.session_state.get(OWN_LABELS))
    files = file_stamp(folder / "current.json", folder / "person.json")
    key = (folder, files, catalogue_stamp(folder.parent.parent), own)
    return _seen.get(key, lambda: _read(collection, name, own))


def _read(collection: str, name: str, own: bool) -> Seen:
    grouping, images = workbench().grouping(collection, name), images_of(collection)
    names = own_labels(open_collection(collection)) if own else images.labels
    labels = dict(zip(images.ids.tolist(), names, strict=True))
    truth = [labels.get(id, "") for id in grouping.ids.tolist()]
    stale = grouping.stale(open_collection(collection))
    judged = (grouping.quality(truth), grouping.chance(truth))
    facts = (grouping.groups(), *judged, stale, len(grouping.edits()))
    return Seen(collection, grouping, grouping.title, *facts)


def steps_text(plan: GroupingPlan) -> str:
    """The steps of a plan for display, "UMAP (dimensions 10) → HDBSCAN", without the map."""
    steps: list[tuple[Step | None, Mapping[str, type[Projection] | type[Clusterer]]]]
    steps = [(plan.reduction, projections()), (plan.clustering, clusterers())]
    return " → ".join(_step_text(step, known.get(step.name)) for step, known in steps if step)


def _step_text(step: Step, method: type[Projection] | type[Clusterer] | None) -> str:
    if method is None:  # from another version
        return str(step)
    known = {setting.name: setting for setting in method.settings}
    said = ", ".join(_setting_text(known.get(name), name, value) for name, value in step.options)
    return f"{method.title} ({said})" if said else method.title


def _setting_text(setting: AnySetting | None, name: str, value: Value) -> str:
    title = setting.title.lower() if setting else name
    if isinstance(setting, Choice):
        return f"{title}: {setting.options.get(str(value), value)}"
    return f"{title} {value if isinstance(value, str) else format(value, 'g')}"


# ── which one is open ────────────────────────────────────────────────────────────────────────────────────────────────


def open_grouping(collection: str, name: str | None) -> None:
    """Open a grouping of the collection, or none, with no open group and no selection."""
    st.session_state.setdefault("groupings_open", {})[collection] = name or ""
    st.session_state.group_open = None
    st.session_state.tree_node = None
    select([])


def opened_parts(view: Seen) -> dict[str, str]:
    """What of a grouping is open, as the address names it: the grouping, the tab and the group."""
    tab, group = st.session_state.get("groups-tab"), st.session_state.get("group_open")
    parts = {"grouping": view.name}
    if tab in TABS[1:]:
        parts["tab"] = _tab_word(tab)
    if group is not None:
        parts["group"] = str(group)
    return parts


def open_parts(address: dict[str, str]) -> None:
    """Open the tab and the group that an address names; what it does not name is closed."""
    named = {_tab_word(tab): tab for tab in TABS}
    st.session_state["groups-tab"] = named.get(address.get("tab", ""), TABS[0])
    group = address.get("group", "")
    st.session_state.group_open = int(group) if re.fullmatch("-?[0-9]{1,9}", group) else None


def _tab_word(tab: str) -> str:
    return tab.lower().partition(" ")[0]


def opened(collection: str) -> str | None:
    """The name of the open grouping of a collection, "" for none; None if nothing has been chosen yet."""
    name: str | None = st.session_state.get("groupings_open", {}).get(collection)
    return name


def jobs_about(collection: str, *kinds: str) -> list[Job]:
    """The latest jobs of these kinds on a collection, newest first."""
    found = [job for kind in kinds for job in recent_jobs(kind)]
    return sorted((job for job in found if collection_of(job) == collection), key=lambda job: job.id, reverse=True)


def collection_of(job: Job) -> str:
    """The collection that a job works on."""
    arguments = job.config["arguments"]
    return str(arguments.get("collection") or (arguments.get("recipe") or {}).get("collection", ""))


# ── actions ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def edit(view: Seen, change: dict[str, Any]) -> bool:
    """Apply an edit; whether it succeeded. Errors are shown at the top of the page in the next run."""
    try:
        view.grouping.edit(change)
    except BenzerError as error:
        st.session_state.groups_complaint = error
        return False
    select([])
    return True


def undo(view: Seen) -> None:
    """Undo the last edit."""
    try:
        view.grouping.undo()
    except BenzerError as error:
        st.session_state.groups_complaint = error


def panel_key(name: str) -> str:
    """The key of a panel over the page; `close_panels` changes it, which closes the panel."""
    return f"{name}-{st.session_state.get('panels_closed', 0)}"


def close_panels() -> None:
    """Close every open panel, so that it does not cover a dialog or what was started from it."""
    st.session_state.panels_closed = st.session_state.get("panels_closed", 0) + 1


def ask(question: str) -> None:
    """Close the panels and ask a question in the next run; see `asked_for`."""
    close_panels()
    st.session_state.groups_question = question


def asked_for(question: str) -> bool:
    """Whether to ask that question now; true only once."""
    if st.session_state.get("groups_question") != question:
        return False
    del st.session_state["groups_question"]
    return True


def complain() -> None:
    """Show what went wrong in a callback."""
    error = st.session_state.pop("groups_complaint", None)
    if error is not None:
        show_error(error)


def selected() -> list[int]:
    """The pictures currently selected in the map, the tree or a group."""
    found: list[int] = st.session_state.get("groups_selected", [])
    return found


def select(ids: Iterable[int]) -> None:
    """Select exactly these pictures."""
    st.session_state.groups_selected = [int(id) for id in ids]


def toggle(id: int) -> None:
    """Select or deselect a picture."""
    now = selected()
    select([other for other in now if other != id] if id in now else [*now, id])


def select_also(ids: Iterable[int]) -> None:
    """Select these pictures besides those that are selected."""
    select(dict.fromkeys([*selected(), *ids]))


def search_for(view: Seen, ids: Sequence[int]) -> None:
    """Open the search page with these pictures as examples, and with the grouped vectors."""
    try:
        for id in ids:
            row_of(view.collection, id)
    except NotFound as error:
        st.session_state.groups_complaint = error
        return
    use_recipe(str(view.grouping.recipe), ids[0])
    set_examples([Example(image_id=int(id)) for id in ids])


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def rows_of(collection: str, ids: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """(k,) the rows of images in `images_of`, −1 for deleted ones."""
    known, wanted = images_of(collection).ids, np.asarray(ids, dtype=np.int64)
    if not len(known):
        return np.full(len(wanted), -1)
    rows = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[rows] == wanted, rows, -1)


def names_of(collection: str, ids: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """The names of the pictures; a deleted one is named by its number."""
    names = images_of(collection).names
    pairs = zip(np.asarray(ids).tolist(), rows_of(collection, ids).tolist(), strict=True)
    return [names[row] if row >= 0 else f"picture {id}" for id, row in pairs]


def tiles(
    collection: str, ids: Sequence[int] | NDArray[np.int64], distances: Sequence[float] | None = None
) -> list[Tile]:
    """A tile for each existing picture, with its label and distance; selected ones are marked."""
    images, marked = images_of(collection), set(selected())
    found = []
    for place, (id, row) in enumerate(zip(np.asarray(ids).tolist(), rows_of(collection, ids).tolist(), strict=True)):
        if row >= 0:
            src = thumbnail_url(collection, id, images.hashes[row])
            label = images.labels[row] or images.names[row]
            near = float(distances[place]) if distances is not None else None
            found.append(
                Tile(id=id, src=src, name=images.names[row], label=label, distance=near, selected=id in marked)
            )
    return found


def kept(key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """A cache for slow results until the key changes: matrices, tables, files for download."""
    return _matrices.get(key, make)


def state_key(view: Seen) -> tuple[Any, ...]:
    """Changes with every edit of the grouping and every change of the collection."""
    folder = view.grouping.folder
    return (folder, file_stamp(folder / "current.json", folder / "person.json"), catalogue_stamp(folder.parent.parent))

"""How often branches of the open tree come back from resampled data: measured on demand, drawn on the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.core.cache import Cache, file_stamp
from engine.core.errors import BenzerError
from engine.core.tables import csv_text
from engine.grouping.stability import BOUND, ROUNDS, WAYS, Stability
from engine.grouping.stored.stability import branches, measured, sentence
from engine.grouping.tree import Tree
from ui.pages.groups.state import Seen, jobs_about
from ui.session.opened import workbench
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text

FEWEST = 3  # leaves
_EXACTLY, _NEARLY = "the same pictures", f"nearly the same (Jaccard ≥ {BOUND})"
_LEGEND = "Figures on the tree are percent of the resampled trees; a branch below 50 is dashed."
_OF_DRAWN = "Branches are compared over the pictures that were drawn."
_measured: Cache[Stability | None] = Cache(8)


@dataclass(frozen=True)
class Shown:
    """What is drawn on the tree: the share of each branch that came back, by the tree's merges, and the measurement."""

    shares: NDArray[np.float64]
    found: Stability

    def of(self, node: int, leaves: int) -> float | None:
        """The share of the branch at a node; None for a leaf, for the whole tree, and where nothing is known."""
        number = node - leaves
        if not 0 <= number < len(self.shares) - 1 or np.isnan(self.shares[number]):
            return None
        return float(self.shares[number])


def stability_fields(view: Seen, tree: Tree) -> Shown | None:
    """Draw the fields, which measure on request, and return what to draw; None if nothing was measured."""
    if len(tree.leaves) < FEWEST:
        return None
    panel = st.expander("Stability of branches", icon=":material/verified:", key="groups-stability", on_change="rerun")
    try:
        if panel.open:
            with panel:
                _fields(view, len(tree.leaves))
        return _shown(view)
    except BenzerError as error:
        show_error(error)
        return None


def _shown(view: Seen) -> Shown | None:
    found = _known(view, st.session_state.get("stability-by") or "dimensions")
    if found is None:
        return None
    return Shown(found.share(exactly=st.session_state.get("stability-same") == _EXACTLY), found)


def with_shares(joins: Sequence[dict[str, Any]], shown: Shown | None, tree: Tree) -> list[dict[str, Any]]:
    """The joins of a drawing, each with the share of the resamplings in which its branch came back."""
    if shown is None:
        return list(joins)
    return [{**join, "share": shown.of(int(join["node"]), len(tree.leaves))} for join in joins]


def _fields(view: Seen, leaves: int) -> None:
    st.caption(
        "The tree is built again from resampled data, many times. A branch that comes back nearly always does not "
        "depend on which dimensions or pictures there happen to be; one that seldom does should not be relied on."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        by = st.segmented_control(
            "Resample", list(WAYS), format_func=str.capitalize, key="stability-by", required=True,
            default="dimensions", persist_state="session",
        )  # fmt: skip
        rounds = st.number_input("Trees", 20, 1000, ROUNDS, 20, key="stability-rounds", width=140)
        found = _known(view, str(by))
        st.button(
            "Measure again" if found else "Measure", key="stability-start", icon=":material/play_arrow:",
            type="secondary" if found else "primary", on_click=_start, args=(view, str(by), int(rounds)),
            disabled=any(job.alive for job in jobs_about(view.collection, "stability")),
        )  # fmt: skip
    if found is None:
        return
    st.segmented_control(
        "Comes back with", [_NEARLY, _EXACTLY], key="stability-same", required=True, default=_NEARLY,
        persist_state="session",
    )  # fmt: skip
    st.markdown(plain_text(sentence(found)))
    st.caption(
        " ".join(filter(None, [_LEGEND, _OF_DRAWN if found.by == "pictures" else "", _leaves_note(view, leaves)]))
    )
    st.download_button(
        "CSV", lambda: _csv(view, found), f"{view.name}-branches.csv", "text/csv", on_click="ignore",
        key=f"stability-csv-{view.key}", icon=":material/download:",
    )  # fmt: skip


def _leaves_note(view: Seen, leaves: int) -> str:
    """For a tree whose leaves stand for several pictures."""
    return "The small clusters at the leaves stay the same." if leaves < len(view.groups.ids) else ""


def _known(view: Seen, by: str) -> Stability | None:
    path = view.grouping.folder / f"stability-{by}.json"
    return _measured.get((path, file_stamp(path)), lambda: measured(view.grouping, by))


def _start(view: Seen, by: str, rounds: int) -> None:
    with errors_shown():
        names = {"collection": view.collection, "name": view.name, "title": view.title}
        workbench().start("stability", **names, by=by, rounds=rounds)


def _csv(view: Seen, found: Stability) -> bytes:
    rows = (
        [branch.node, len(branch.ids), branch.height, branch.exact, branch.near, branch.jaccard]
        for branch in branches(view.grouping, found)
    )
    header = ["branch", "pictures", "height", "the same", "nearly the same", "mean Jaccard"]
    return csv_text(header, rows).encode("utf-8-sig")

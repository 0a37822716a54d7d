"""Groups of duplicates to go through by keyboard or mouse, two of them side by side, and the bar that acts on them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import streamlit as st

from engine.core.humanize import count_of, file_size
from engine.duplicates.groups import DuplicateGroup, Member
from ui.widgets.component import component
from ui.widgets.gallery import thumbnail_url, thumbnails_of

_SHOWN = 24  # pictures of one group
_LARGE = 1920  # pixels of the longer side of a picture that is compared

Offered = Literal["all", "identical", ""]

_culling = component("culling", "culling.css", "culling.js", "culling_compare.js")


@dataclass(frozen=True)
class Marks:
    """What was chosen against the rule: the ids to keep (True) or drop (False), and the names of reviewed groups."""

    keep: Mapping[int, bool] = field(default_factory=dict)
    done: frozenset[str] = frozenset()

    @classmethod
    def received(cls, value: Any, version: str) -> Marks | None:
        """The marks sent by the browser; None for anything else, and for marks of an outdated list of groups."""
        if not isinstance(value, dict) or value.get("version") != version:
            return None
        keep = {int(id): bool(kept) for id, kept in value.get("keep", {}).items()}
        return cls(keep, frozenset(map(str, value.get("done", []))))

    def kept(self, member: Member) -> bool:
        """Whether a picture stays."""
        return member.protected or self.keep.get(member.row.id, member.keep)


def culling(
    collection: str,
    groups: Sequence[tuple[int, DuplicateGroup]],
    marks: Marks,
    *,
    key: str,
    version: str,
    elsewhere: Sequence[DuplicateGroup] = (),
    taken: Mapping[str, str] | None = None,
    offered: Offered = "all",
    on_marks: Callable[[Marks], None],
    on_act: Callable[[str, Marks], None],
    on_apart: Callable[[str], None],
) -> None:
    """Draw numbered groups.

    Args:
        version: changes whenever the groups do; marks of another one are forgotten.
        elsewhere: groups that are not drawn but acted on as well.
        taken: when pictures were taken, by the hashes of their contents, as far as that is known.
        offered: what moves them all at once: "all", "identical" as long as only such files are listed, or "" for
            nothing, as when more groups are about to follow.
        on_marks: called with what was chosen so far. on_act: with "all", "reviewed" or "link" and that.
        on_apart: with the name of a group whose pictures are no duplicates.
    """

    def value_of(name: str) -> Any:
        return getattr(st.session_state.get(key), name, None)

    def marked() -> None:
        if (found := Marks.received(value_of("marks"), version)) is not None:
            on_marks(found)

    def acted() -> None:
        value = value_of("act")
        if (found := Marks.received(value, version)) is not None:
            on_act(str(value.get("what")), found)

    def parted() -> None:
        if isinstance(name := value_of("apart"), str):
            on_apart(name)

    _culling(
        data={**culling_data(collection, groups, marks, version, elsewhere, taken or {}), "offered": offered},
        key=key,
        on_marks_change=marked,
        on_act_change=acted,
        on_apart_change=parted,
    )


def culling_data(
    collection: str,
    groups: Sequence[tuple[int, DuplicateGroup]],
    marks: Marks,
    version: str,
    elsewhere: Sequence[DuplicateGroup],
    taken: Mapping[str, str],
) -> dict[str, Any]:
    """What the browser needs to draw the groups; it takes the marks when it begins, and with a new version."""
    here = {group.name for group in (*elsewhere, *(group for _, group in groups))}
    reviewed = [group for group in elsewhere if group.name in marks.done]
    away = {**_totals(elsewhere, marks), "reviewed": _totals(reviewed, marks), "open": len(elsewhere) - len(reviewed)}
    return {
        "version": version,
        "marks": {str(id): kept for id, kept in marks.keep.items()},
        "done": sorted(marks.done & here),
        "groups": [_group(collection, number, group, taken) for number, group in groups],
        "elsewhere": away,
        "equal": any(len(group.members) > len(group.contents) for group in (*elsewhere, *(g for _, g in groups))),
    }


def _totals(groups: Sequence[DuplicateGroup], marks: Marks) -> dict[str, int]:
    dropped = [member.row.size for group in groups for member in group.members if not marks.kept(member)]
    return {"files": len(dropped), "bytes": sum(dropped)}


def _group(collection: str, number: int, group: DuplicateGroup, taken: Mapping[str, str]) -> dict[str, Any]:
    what = "identical files" if group.exact else f"likeness {math.floor(100 * group.likeness) / 100:.2f}"
    title = f"Group {number} · {count_of(len(group.members), 'picture')} · {what}"
    more = f"and {len(group.members) - _SHOWN:,} more" if len(group.members) > _SHOWN else ""
    items = [_item(collection, member, taken.get(member.row.hash, "")) for member in group.members[:_SHOWN]]
    return {"name": group.name, "title": title, "items": items, "more": more}


def _item(collection: str, member: Member, taken: str) -> dict[str, Any]:
    row = member.row
    folder, _, name = row.name.rpartition("/")
    changed = time.strftime("%Y-%m-%d", time.localtime(row.mtime_ns / 1e9))
    facts = [
        f"{row.width} × {row.height}",
        file_size(row.size),
        f"taken {taken}" if taken else "",
        f"changed {changed}",
    ]
    return {
        "id": row.id,
        "src": thumbnail_url(collection, row.id, row.hash),
        "large": f"{pictures_of(collection)}/{row.id}.jpg?side={_LARGE}&v={row.hash[:12]}",
        "name": name,
        "folder": folder,
        "path": row.name,
        "facts": " · ".join(filter(None, facts)),
        "difference": member.difference.words,
        "keep": member.keep,
        "protected": member.protected,
        "bytes": row.size,
    }


def pictures_of(collection: str) -> str:
    """The address that those of a collection's originals begin with."""
    return thumbnails_of(collection).replace("/thumbs/", "/pictures/")

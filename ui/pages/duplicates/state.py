"""Page state of duplicates: the choices, the marks, and the pictures to remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import streamlit as st

from engine.core.cache import Cache, catalogue_stamp
from engine.core.errors import BadParameter, BenzerError
from engine.core.storage import digest_of
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.trash import Outcome
from engine.duplicates.decisions import say_apart
from engine.duplicates.groups import DuplicateGroup, FoundDuplicates
from engine.duplicates.job import ACTS
from engine.duplicates.review import Review, keep_review, review_of
from engine.duplicates.rules import KEEP, STRENGTHS, Rule, folders_of, least_likeness
from ui.session.opened import images_of, open_collection, workbench
from ui.shared.messages import errors_shown
from ui.widgets.culling import Marks

_folders: Cache[list[str]] = Cache(4)
AT_ONCE = 200  # files moved while the page waits; more are moved by a job


def chosen_strength(collection: str) -> float:
    """The least likeness: that of the chosen strength, or a custom number."""
    number = st.session_state.get(f"likeness-{collection}")
    name = str(st.session_state.get("duplicates-strength") or "normal")
    return least_likeness(float(number) if name == "own" and number else STRENGTHS.get(name, STRENGTHS["normal"]))


def chosen_rule(collection: str) -> Rule:
    """Which picture is kept."""
    keep = str(st.session_state.get("duplicates-keep") or "largest")
    folder = str(st.session_state.get(f"keep-folder-{collection}") or "")
    return Rule(keep if keep in KEEP else "largest", folder if keep == "folder" else "")


def folders_in(collection: str) -> list[str]:
    """Every folder of a collection with a file in it, without the source itself; kept until something changes."""
    key = (collection, catalogue_stamp(workbench().home.datasets / collection))
    return _folders.get(key, lambda: folders_of(open_collection(collection)))


def found_duplicates(collection: str) -> FoundDuplicates:
    """The groups under the chosen strength and rule."""
    return workbench().duplicate_groups(collection, chosen_strength(collection), chosen_rule(collection))


def version_of(duplicates: FoundDuplicates) -> str:
    """A version that changes whenever the groups, or the pictures that the rule keeps, change."""
    parts = [f"{g.name}:{','.join(str(m.row.id) for m in g.members if m.keep)}" for g in duplicates.groups]
    return digest_of(duplicates.collection, duplicates.least, *parts)


def when_taken(collection: str, groups: Sequence[DuplicateGroup]) -> dict[str, str]:
    """The days when pictures of these groups were taken, as their EXIF says, by the hashes of their contents."""
    images, exif = images_of(collection), workbench().picture_table(collection).exif
    members = [member.row for group in groups for member in group.members]
    known = {member.hash: row for member in members if (row := images.row(member.id)) is not None}
    return {hash: exif[row].taken[:10] for hash, row in known.items() if exif[row].taken}


# ── marks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def marks_of(collection: str) -> Marks:
    """The marks so far; they name pictures and groups, so they survive a change of the list, and a closed window."""
    key = f"marks-{collection}"
    if key not in st.session_state:
        review = review_of(open_collection(collection))
        st.session_state[key] = Marks(review.keep, review.done)
    found: Marks = st.session_state[key]
    return found


def keep_marks(collection: str, marks: Marks) -> None:
    """Remember the marks, here and with the collection."""
    if marks == marks_of(collection):
        return
    st.session_state[f"marks-{collection}"] = marks
    with errors_shown():
        keep_review(open_collection(collection), Review(marks.keep, marks.done))


def drops_of(duplicates: FoundDuplicates, marks: Marks, *, reviewed: bool = False, equal: bool = False) -> list[Drop]:
    """What is to be taken away, each with a picture that stays; of a group of which nothing would stay, nothing.

    Args:
        reviewed: only of reviewed groups. equal: only files of which an equal one stays.
    """
    groups = [group for group in duplicates.groups if not reviewed or group.name in marks.done]
    drops = [drop for group in groups for drop in _drops(group, marks)]
    hashes: dict[int | None, str] = {member.row.id: member.row.hash for group in groups for member in group.members}
    return [drop for drop in drops if not equal or hashes[drop.keeper] == drop.hash]


def _drops(group: DuplicateGroup, marks: Marks) -> list[Drop]:
    kept = [member.row for member in group.members if marks.kept(member)]
    twins = {row.hash: row.id for row in reversed(kept)}
    gone = [member.row for member in group.members if not marks.kept(member)] if kept else []
    return [Drop(row.id, row.hash, twins.get(row.hash, kept[0].id)) for row in gone]


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def act(duplicates: FoundDuplicates, what: str, marks: Marks) -> None:
    """Move pictures to the trash, those of all groups or of reviewed ones, or let equal files share one."""
    keep_marks(duplicates.collection, marks)
    kind = "link" if what == "link" else "trash"
    drops = drops_of(duplicates, marks, reviewed=what == "reviewed", equal=kind == "link")
    if len(drops) > AT_ONCE:
        arguments = [[drop.id, drop.hash, drop.keeper] for drop in drops]
        with errors_shown():
            job = workbench().start("tidy", collection=duplicates.collection, act=kind, drops=arguments)
            st.session_state["duplicates-job"] = job.id if job else ""
        return
    tell(kind, lambda: workbench().drop_duplicates(duplicates.collection, drops, link=kind == "link"))


def restore(collection: str, batch: str, paths: Sequence[str] | None = None) -> None:
    """Restore the files that an action removed, or those of these paths alone."""
    tell("restore", lambda: workbench().restore_dropped(collection, batch, paths))


def tell(kind: str, do: Callable[[], Outcome]) -> None:
    """Run an action and show its outcome on the page."""
    try:
        outcome = do()
    except BenzerError as error:
        st.session_state["duplicates-news"] = ("error", str(error), "", [])
        return
    refused = [[refusal.name, refusal.sentence] for refusal in outcome.refused]
    undo = outcome.batch if kind != "restore" else ""
    st.session_state["duplicates-news"] = ("success", outcome.sentence(ACTS[kind]), undo, refused)


def part(duplicates: FoundDuplicates, name: str) -> None:
    """Remember that the pictures of a group are no duplicates."""
    if (group := duplicates.group(name)) is None:
        return
    with errors_shown():
        say_apart(open_collection(duplicates.collection), group.contents)


def read_link() -> None:
    """Take over the strength that the address names, once."""
    name = st.query_params.get("strength")
    if not name or "duplicates-strength" in st.session_state:
        return
    with suppress(BadParameter):
        likeness = least_likeness(name)
        st.session_state["duplicates-strength"] = name if name in STRENGTHS else "own"
        if name not in STRENGTHS:
            st.session_state[f"likeness-{st.query_params.get('collection', '')}"] = likeness

"""What is done with pictures of a grid and with selected ones, what came of it, and taking it back."""

from __future__ import annotations

from functools import partial

import streamlit as st

from engine.collections.labelling import undo_labels, write_labels
from engine.core.errors import BadParameter, BenzerError
from engine.core.humanize import count_of
from engine.search.examples import Example
from ui.pages.search.why import ask_why
from ui.session.filters import facts_stamp, filter_values
from ui.session.opened import open_collection, workbench
from ui.session.paths import folder_under_roots, roots
from ui.session.query import EVERYTHING, add_example, set_examples, set_query_image, show_more, show_results
from ui.widgets.picture_grid import STEP
from ui.widgets.selection_bar import Notice, selection_bar

_KNOWN = 200  # values to choose from
_EXAMPLES = 20  # most pictures that a selection is searched with


def act_on(collection: str, what: str, ids: list[int], value: object) -> None:
    """Do what was asked for in a grid of pictures."""
    if what == "more":
        show_more(STEP)
    elif what == "all":
        show_results(EVERYTHING)
    elif what == "similar" and ids:
        set_query_image(ids[0])
    elif what == "why" and ids:
        ask_why(ids[0])
    elif what in ("plus", "minus") and ids:
        add_example(Example(image_id=ids[0], weight=1 if what == "plus" else -1))
    else:
        act_on_selection(collection, what, ids, value)


def act_on_selection(collection: str, what: str, ids: list[int], value: object) -> None:
    """Do something with pictures, and note what came of it."""
    if what == "dismiss":
        st.session_state.act_notice = None
    elif what == "examples":
        set_examples([Example(image_id=id) for id in ids[:_EXAMPLES]])
    elif what == "undo":
        _noted(_undo, collection)
    else:
        _noted(_do, collection, what, ids, value)


def bar_of_selection(collection: str) -> None:
    """The bar at the foot of the window."""
    values = filter_values(collection)
    known = {what: [value for value, _ in values.get(what, [])[:_KNOWN]] for what in ("tag", "label")}
    folder = st.session_state.get("copied_to") or str(roots()[0] / "Pictures" / "Benzer")
    selection_bar(
        collection,
        key="selection",
        known=known,
        folder=folder,
        notice=st.session_state.get("act_notice"),
        on_act=partial(act_on_selection, collection),
    )


def known_facts(collection: str) -> str:
    """Changes with everything that is known of a collection's pictures."""
    return f"{hash(facts_stamp(collection)):x}"


def _noted(act: object, *arguments: object) -> None:
    """Act, and keep the sentence on what came of it."""
    number = st.session_state.get("act_number", 0) + 1
    try:
        text, undo = act(*arguments)  # type: ignore[operator]
    except BenzerError as error:
        text, undo = " ".join(filter(None, [error.message, error.way_out])), ""
        notice = Notice(number, text, wrong=True)
    else:
        st.session_state.act_undo = undo
        notice = Notice(number, text, undo=bool(undo))
    st.session_state.act_number, st.session_state.act_notice = number, notice


def _do(collection: str, what: str, ids: list[int], value: object) -> tuple[str, str]:
    """A sentence on what was done, and how it is taken back ("": not)."""
    bench = workbench()
    if what == "tag":
        changed = bench.mark(collection, ids, add=[str(value)])
        return f"Tagged {count_of(changed, 'picture')} “{value}”.", "marks"
    if what == "untag":
        changed = bench.mark(collection, ids, remove=[str(value)])
        return f"Removed the tag “{value}” from {count_of(changed, 'picture')}.", "marks"
    if what == "stars" and isinstance(value, int):
        changed = bench.mark(collection, ids, stars=value)
        return f"{count_of(value, 'star')} for {count_of(changed, 'picture')}.", "marks"
    if what == "label":
        changed = write_labels(open_collection(collection), dict.fromkeys(ids, str(value)), "the search page")
        return f"Changed the label of {count_of(changed, 'picture')} to “{value}”.", "labels"
    if what == "suggested" and ids:
        changed = bench.accept_suggested(collection, ids[0], str(value))
        return f"Labelled {count_of(changed, 'picture')} “{value}”, as suggested.", "labels"
    if what == "files":
        return _copy(collection, ids, str(value)), ""
    raise BadParameter("act", "the selection", "one that is offered", what)


def _copy(collection: str, ids: list[int], text: str) -> str:
    """Copy files to a folder on this computer, which is created if its parent exists."""
    parent, _, name = text.rstrip("/").rpartition("/")
    folder = folder_under_roots(parent) / name if parent and name else folder_under_roots(text)
    folder.mkdir(exist_ok=True)
    done = workbench().run("files", collection=collection, ids=ids, folder=str(folder_under_roots(str(folder))))
    st.session_state.copied_to = text
    left_out = f" {count_of(len(done['left_out']), 'file')} could not be read." if done["left_out"] else ""
    return f"Copied {count_of(done['count'], 'file')} to {folder}.{left_out}"


def _undo(collection: str) -> tuple[str, str]:
    if st.session_state.get("act_undo") == "labels":
        changed = undo_labels(open_collection(collection))
        return f"The former labels of {count_of(changed, 'picture')} are back.", ""
    return f"The former tags and stars of {count_of(workbench().undo_mark(collection), 'picture')} are back.", ""

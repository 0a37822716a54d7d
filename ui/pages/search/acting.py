"""Actions on pictures of a grid and on selected ones, their outcome, and undo."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.collections.labelling import undo_labels, write_labels
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.humanize import count_of
from engine.search.examples import Example
from ui.pages.search.break_it import ask_what_breaks
from ui.pages.search.files import Done, copy_files, ended, move_to_trash, result_of, take_back, write_sidecars
from ui.pages.search.why import ask_why
from ui.session.filters import facts_stamp, filter_values
from ui.session.opened import open_collection, workbench
from ui.session.paths import roots
from ui.session.query import EVERYTHING, add_example, set_examples, set_query_image, show_more, show_results
from ui.widgets.picture_grid import STEP
from ui.widgets.selection_bar import Notice, selection_bar

_KNOWN = 200  # values to choose from
_EXAMPLES = 20  # most pictures that a selection is searched with


def act_on(collection: str, what: str, ids: list[int], value: object) -> None:
    """Carry out the action requested in a grid of pictures."""
    if what == "more":
        show_more(STEP)
    elif what == "all":
        show_results(EVERYTHING)
    elif (first := what.removeprefix("first-")) != what and first.isdecimal():
        show_results(min(int(first), EVERYTHING))
    elif what == "similar" and ids:
        set_query_image(ids[0])
    elif what == "why" and ids:
        ask_what_breaks(None)
        ask_why(ids[0])
    elif what == "break" and ids:
        ask_why(None)
        ask_what_breaks(ids[0])
    elif what in ("plus", "minus") and ids:
        add_example(Example(image_id=ids[0], weight=1 if what == "plus" else -1))
    else:
        act_on_selection(collection, what, ids, value)


def act_on_selection(collection: str, what: str, ids: list[int], value: object) -> None:
    """Apply an action to pictures, and keep a notice of its outcome."""
    if what == "dismiss":
        st.session_state.act_notice = None
    elif what == "examples":
        set_examples([Example(image_id=id) for id in ids[:_EXAMPLES]])
    elif what == "undo":
        _noted(collection, _undo, collection)
    else:
        _noted(collection, _do, collection, what, ids, value)


def bar_of_selection(collection: str) -> None:
    """The bar at the bottom of the window, with the outcome of the last action on this collection."""
    if (job := ended(collection)) is not None:
        _noted(collection, result_of, job, collection)
    notice = st.session_state.get("act_notice") if st.session_state.get("act_on") == collection else None
    values = filter_values(collection)
    known = {what: [value for value, _ in values.get(what, [])[:_KNOWN]] for what in ("tag", "label")}
    folder = st.session_state.get("copied_to") or str(roots()[0] / "Pictures" / "Benzer")
    selection_bar(
        collection,
        key="selection",
        known=known,
        folder=folder,
        notice=notice,
        trash_refused=workbench().trash_refused(collection),
        on_act=partial(act_on_selection, collection),
    )


def known_facts(collection: str) -> str:
    """Changes with everything that is known of a collection's pictures."""
    return f"{hash(facts_stamp(collection)):x}"


def _noted(collection: str, act: Callable[..., Done], *arguments: object) -> None:
    """Run an action and keep a notice of its outcome."""
    try:
        _tell(collection, act(*arguments))
    except BenzerError as error:
        _tell(collection, Done(" ".join(filter(None, [error.message, error.way_out]))), wrong=True)


def _tell(collection: str, done: Done, *, wrong: bool = False) -> None:
    number = st.session_state.get("act_number", 0) + 1
    if not wrong:
        st.session_state.act_undo = done.undo
    notice = Notice(number, done.text, undo=done.undo is not None, wrong=wrong, gone=tuple(done.gone))
    st.session_state.update(act_number=number, act_on=collection, act_notice=notice)


def _do(collection: str, what: str, ids: list[int], value: object) -> Done:
    bench, made = workbench(), time.time()  # by which it is found when it is taken back: others may act meanwhile
    marked, labelled = ("marks", made), ("labels", made)
    if what == "tag":
        changed = bench.mark(collection, ids, add=[str(value)], made=made)
        return _done(f"Tagged {count_of(changed, 'picture')} “{value}”.", changed, marked)
    if what == "untag":
        changed = bench.mark(collection, ids, remove=[str(value)], made=made)
        return _done(f"Removed the tag “{value}” from {count_of(changed, 'picture')}.", changed, marked)
    if what == "stars" and isinstance(value, int):
        changed = bench.mark(collection, ids, stars=value, made=made)
        return _done(f"{count_of(value, 'star')} for {count_of(changed, 'picture')}.", changed, marked)
    if what == "label":
        labels = dict.fromkeys(ids, str(value))
        changed = write_labels(open_collection(collection), labels, "the search page", made=made)
        return _done(f"Changed the label of {count_of(changed, 'picture')} to “{value}”.", changed, labelled)
    if what == "suggested" and ids:
        changed = bench.accept_suggested(collection, ids[0], str(value), made)
        return _done(f"Labelled {count_of(changed, 'picture')} “{value}”, as suggested.", changed, labelled)
    if what == "files":
        return copy_files(collection, ids, str(value))
    if what == "trash":
        return move_to_trash(collection, ids)
    if what == "sidecars":
        return write_sidecars(collection, ids)
    raise BadParameter("act", "the selection", "one that is offered", what)


def _done(text: str, changed: int, undo: tuple[str, float]) -> Done:
    return Done(text, undo if changed else None)


def _undo(collection: str) -> Done:
    """Undo the action of the notice; later actions, even of other tabs, are kept."""
    if (undo := st.session_state.get("act_undo")) is None:
        raise NotFound("There is nothing to take back.")
    what, value = undo
    if what == "labels":
        return _taken_back("labels", undo_labels(open_collection(collection), value))
    if what == "marks":
        return _taken_back("tags and stars", workbench().undo_mark(collection, value))
    return take_back(collection, what, value)


def _taken_back(what: str, changed: int) -> Done:
    if not changed:
        return Done(f"These {what} have been changed again since, so they stay.")
    return Done(f"The former {what} of {count_of(changed, 'picture')} are back.")

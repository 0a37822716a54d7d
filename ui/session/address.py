"""The session in the page's address, and back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlencode

import streamlit as st

from engine.collections.facts.where import print_where
from engine.core.errors import BenzerError
from engine.core.recipe import MAX_K, Recipe
from engine.search.examples import parse_examples, print_examples
from engine.workbench.workbench import Workbench
from ui.session.filters import set_where, where_of
from ui.session.history import has_had, is_followed, note_address
from ui.session.opened import DEFAULT_K, LAST, OPENED, collection_cards, workbench
from ui.session.query import (
    EVERYTHING,
    MOST_WORDS,
    SessionQuery,
    current_query,
    set_examples,
    set_query_image,
    show_results,
    shown_results,
)
from ui.session.recipe import choose_embedding, choose_encoder, choose_method

DIALOGS = ("why", "break")  # about a result, whose id they have in session and address
_SEARCH, GROUPS = "search", "groups"  # kinds of addresses
# Of what an address opens: the collection that it was measured on, or something that is none.
_ABOUT: dict[str, Callable[[Workbench, str], str]] = {
    "classification": lambda bench, name: bench.classification(name).plan.collection,
    "experiment": lambda bench, name: bench.experiment(name).plan.collection,
    "invariance": lambda bench, name: bench.invariance_table(name).plan.collection,
    "study": lambda bench, name: bench.study(name).plan.source.partition("/")[0],
}


def read_address() -> None:
    """Apply the address unless this session wrote it itself (i.e. for a link, or Back)."""
    chosen = st.session_state.pop("collection_chosen", None)  # by a dialog, which may not change the sidebar itself
    if chosen is not None:
        st.session_state.collection = chosen
        set_query_image(None)
    address = {name: st.query_params[name] for name in st.query_params}
    if not st.session_state.get("begun") and not address:
        _read_last()
    st.session_state.begun = True
    # Where no grouping is open, the groups page writes the collection alone.
    if "grouping" in address or (address.keys() == {"collection"} and has_had(GROUPS, address)):
        _read_grouping(address)
        return
    if address.keys() & OPENED:
        _read_opened(address)
        return
    if address and is_followed(_SEARCH, address):
        _read_search(address)


def _read_search(address: dict[str, str]) -> None:
    """Apply the choices and the query of a link; what cannot be read is ignored, and that is said."""
    note_address(_SEARCH, address)
    st.session_state.linked = True
    for choice in ("collection", "metric", "method", "label"):
        if choice in address:
            st.session_state[choice] = address[choice]
    if "encoder" in address:
        choose_encoder(address["encoder"])
    if "embedding" in address:
        choose_embedding(address["embedding"])
    try:
        _read_details(address)
    except (BenzerError, ValueError):
        st.session_state.complaint = "Part of this link could not be read and was ignored."


def _read_opened(address: dict[str, str]) -> None:
    """Choose the collection of what a link opens, so that the sidebar says what the page is about."""
    there = {card.name for card in collection_cards()}
    for kind in address.keys() & _ABOUT.keys():
        if is_followed(kind, {kind: address[kind]}):
            with suppress(BenzerError):
                about = _ABOUT[kind](workbench(), address[kind])
                st.session_state.update({"collection": about} if about in there else {})


def _read_last() -> None:
    """In a new tab without an address, restore the last choices of this browser, as far as they still exist."""
    last = dict(parse_qsl(unquote(str(st.context.cookies.get(LAST, "")))))
    if last.get("collection") not in {card.name for card in collection_cards()}:
        return
    with suppress(BenzerError, ValueError, KeyError):
        choose_method(last.get("method", "exact"))
        for choice in ("collection", "metric"):
            st.session_state[choice] = last[choice]
        choose_embedding(last["embedding"])
        st.session_state.encoder = last["encoder"]


def last_used(recipe: Recipe) -> str:
    """What a new tab of this browser opens with: the choices of the sidebar as a query string."""
    return urlencode(choices_of(recipe))


def choices_of(recipe: Recipe) -> dict[str, str]:
    """A recipe as the address names it, without the number of results."""
    encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    return {
        "collection": recipe.collection,
        "encoder": encoder,
        "embedding": recipe.embedding,
        "metric": recipe.metric,
        "method": recipe.method_text,
    }


def _read_grouping(address: dict[str, str]) -> None:
    """Apply the collection and the grouping of a link; the groups page opens it."""
    state = st.session_state
    if is_followed(GROUPS, address):
        note_address(GROUPS, address)
        state.collection = address.get("collection", state.get("collection"))
        state.grouping_linked, state.linked = address.get("grouping", ""), True
        state.grouping_parts = {name: address[name] for name in ("tab", "group") if name in address}


def _read_details(address: dict[str, str]) -> None:
    if "method" in address:
        choose_method(address["method"])
    if "label" not in address:
        st.session_state.label = ""
    st.session_state.include_query = address.get("self") == "1"
    st.session_state.local_scaling = address.get("scaling") == "1"
    if "collection" in address:
        set_where(address["collection"], address.get("where", ""))
    st.session_state.k = min(max(int(address.get("k", DEFAULT_K)), 1), MAX_K)
    _read_query(address)
    for dialog in DIALOGS:
        st.session_state[dialog] = int(address[dialog]) if dialog in address else None
    show_results(min(max(int(address.get("shown", 0)), 0), EVERYTHING))


def _read_query(address: dict[str, str]) -> None:
    """The pictures and the words of an address."""
    before = current_query()
    words = SessionQuery(words=" ".join(address.get("words", "")[:MOST_WORDS].split()), share=_share(address))
    if "examples" in address:
        set_examples(list(parse_examples(address["examples"], workbench().kept_example)))
    elif "q" in address or "upload" in address:
        crop = tuple(float(side) for side in address["crop"].split(",")) if "crop" in address else None
        wanted = replace(words, crop=crop)  # type: ignore[arg-type]
        if "q" in address:
            wanted = replace(wanted, image_id=int(address["q"]))
        else:
            kept = workbench().kept_example(address["upload"])
            wanted = replace(wanted, data=kept.data, name=kept.name)
        wanted.as_query()
        set_query_image(wanted.image_id)
        st.session_state.query = wanted
    elif words.words:
        set_query_image(None)
        st.session_state.query = words
    elif before is not None and not before.proposed:
        set_query_image(None)


def _share(address: dict[str, str]) -> int | None:
    """The weight of the words in an address; ValueError if it is not a percentage."""
    if not address.get("words", "").strip() or "share" not in address:
        return None
    share = int(address["share"])
    if not 0 <= share <= 100:
        raise ValueError(share)
    return share


def write_address(recipe: Recipe) -> None:
    """Write the recipe and the query to the address if they have changed."""
    address = choices_of(recipe)
    if recipe.k != DEFAULT_K:
        address["k"] = str(recipe.k)
    if shown_results() > recipe.k:
        address["shown"] = str(shown_results())
    if label := st.session_state.get("label"):
        address["label"] = label
    if st.session_state.get("include_query"):
        address["self"] = "1"
    if st.session_state.get("local_scaling"):
        address["scaling"] = "1"
    if where := where_of(recipe.collection):
        address["where"] = print_where(where)
    address |= of_query(current_query())
    for dialog in DIALOGS:
        if (opened := st.session_state.get(dialog)) is not None:
            address[dialog] = str(opened)
    write_opened(address)


def write_opened(address: dict[str, str]) -> None:
    """Write what a page shows to the address if it has changed."""
    note_address(_SEARCH, address)
    if {name: st.query_params[name] for name in st.query_params} != address:
        st.query_params.from_dict(address)


def of_query(query: SessionQuery | None) -> dict[str, str]:
    """The part of the address that names the query."""
    if query is None:
        return {}
    if query.examples:
        return {"examples": print_examples(query.examples)}
    named = {}
    if query.image_id is not None:
        named["q"] = str(query.image_id)
    if query.data is not None:
        named["upload"] = query.as_query().sha256[:16]
    if query.crop and query.pictured:
        named["crop"] = ",".join(f"{side:.4f}" for side in query.crop)
    if query.words:
        named["words"] = query.words
        if query.share is not None and query.pictured:
            named["share"] = str(query.share)
    return named

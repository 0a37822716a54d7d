"""The filter of a session: one for each collection, in the engine's written form."""

from __future__ import annotations

import streamlit as st

from engine.collections.facts import marks
from engine.collections.facts.where import Condition, Where, parse_condition, parse_where, print_where
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from ui.session.opened import workbench

Values = dict[str, list[tuple[str, int]]]

_values: Cache[Values] = Cache(4)


def filter_values(collection: str) -> Values:
    """What a filter can choose from, by field, each value with its count; kept until something changes."""
    return _values.get((collection, *facts_stamp(collection)), lambda: workbench().filter_values(collection))


def facts_stamp(collection: str) -> tuple[object, ...]:
    """Changes with everything that is known of a collection's pictures."""
    folder = workbench().home.datasets / collection
    return catalogue_stamp(folder), file_stamp(folder / marks.FILE)


def where_of(collection: str) -> Where:
    """The conditions that the results of a collection must meet, besides the label."""
    kept: dict[str, str] = st.session_state.get("where", {})
    return parse_where(kept.get(collection, ""))


def set_where(collection: str, text: str) -> None:
    """Filter a collection by these conditions; BadParameter if they are invalid."""
    conditions = parse_where(text)
    st.session_state.where = {**st.session_state.get("where", {}), collection: print_where(conditions)}


def narrow(collection: str, field: str, conditions: list[tuple[str, str]]) -> None:
    """Replace the conditions on one field; BadParameter if one of them is none."""
    others = [one for one in where_of(collection) if one.field != field]
    added = [_condition(field, sign, value) for sign, value in conditions]
    set_where(collection, print_where([*others, *added]))


def _condition(field: str, sign: str, value: str) -> Condition:
    return parse_condition(print_where([Condition(field, sign, value)]))

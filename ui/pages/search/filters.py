"""The row of filters: label, folder, date, camera, size, tag and the collection's further columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine.collections.facts.where import Condition, Where
from engine.core.errors import BenzerError
from engine.core.humanize import count_of
from ui.session.filters import Values, filter_values, narrow, set_where, where_of
from ui.session.opened import has_texts, images_of, workbench
from ui.widgets.filter_bar import Conditions, Filter, filter_bar

_SIZES = [(f"{number}MP", f"{count_of(number, 'megapixel')} and more") for number in (1, 4, 12, 24)]
_TITLES = {"label": "Label", "folder": "Folder", "date": "Date", "camera": "Camera", "lens": "Lens", "tag": "Tag"}
_RARE = {"lens"}


def filters(collection: str, pictured: bool) -> tuple[bool, str, Where]:
    """Draw the row; whether the query picture is included, the label ("": all), and the other conditions."""
    state = st.session_state
    values = filter_values(collection)
    where, missing = where_of(collection), workbench().facts_missing(collection)
    unlabelled = sum(count for _, count in values.get("label", [])) < len(images_of(collection).ids)
    filter_bar(
        row_of_filters(values, str(state.get("label") or ""), where, has_texts(collection), unlabelled),
        key="filters",
        include=bool(state.get("include_query")) if pictured else None,
        on_filter=partial(_filtered, collection),
        on_include=lambda included: state.update(include_query=included),
        on_clear=partial(clear_filters, collection),
        offer=f"Read dates and cameras of {count_of(missing, 'picture')}" if missing else "",
        on_offer=partial(_read_facts, collection),
    )
    return bool(state.get("include_query")) and pictured, str(state.get("label") or ""), where


def drop_unknown_label(collection: str) -> None:
    """Search among all labels if the chosen one is that of another collection."""
    known = [value for value, _ in filter_values(collection).get("label", [])]
    if st.session_state.get("label", "") not in ["", *known]:
        st.session_state.label = ""


def clear_filters(collection: str) -> None:
    """Let every picture of the collection be found again."""
    st.session_state.label = ""
    set_where(collection, "")


def _read_facts(collection: str) -> None:
    """Read the facts that were not read when the pictures were imported."""
    try:
        workbench().start("facts", collection=collection)
    except BenzerError as error:
        st.session_state.complaint = error.message


def _filtered(collection: str, field: str, conditions: Conditions) -> None:
    if field == "label":
        st.session_state.label = conditions[0][1] if conditions else ""
        conditions = [] if st.session_state.label else conditions  # those without a label
    try:
        narrow(collection, field, conditions)
    except BenzerError as error:
        st.session_state.complaint = error.message


def row_of_filters(
    values: Values, label: str, where: Sequence[Condition], texts: bool, unlabelled: bool = False
) -> list[Filter]:
    """The filters that a collection with these values, and with `texts` or without, has; and those in force.

    `unlabelled`: some pictures have no label.
    """
    without = {"tag": "without a tag"} | ({"label": "without a label"} if unlabelled else {})

    def chosen(field: str) -> list[tuple[str, str]]:
        if field == "label" and label:
            return [("=", label)]
        return [(one.operator, one.value) for one in where if one.field == field]

    def choice(field: str, title: str, rare: bool = False) -> Filter:
        counted = sorted(values[field]) if field in ("label", "folder", "date") else values[field]
        said = [(value, f"{value} ({count:,})") for value, count in counted]
        said += [("", without[field])] if field in without else []
        return Filter(field, title, "dates" if field == "date" else "choice", said, chosen(field), rare)

    found = [choice(field, title, field in _RARE) for field, title in _TITLES.items() if _worth(values, field)]
    if "stars" in values:
        stars = [(str(number), f"{count_of(number, 'star')} and more") for number in range(1, 5)] + [("5", "5 stars")]
        found.append(Filter("stars", "Stars", "least", stars, chosen("stars")))
    found.append(Filter("size", "Size", "least", _SIZES, chosen("size")))
    if texts:
        found.append(Filter("text", "Text contains", "contains", (), chosen("text")))
    found.append(Filter("name", "File name contains", "contains", (), chosen("name"), rare=True))
    columns = [field for field in values if field not in {*_TITLES, "stars"}]
    found += [choice(field, _heading(field), rare=True) for field in columns]
    known = {one.field for one in found}
    others = dict.fromkeys(one.field for one in where if one.field not in known)
    return found + [Filter(field, field.capitalize(), "choice", (), chosen(field)) for field in others]


def _worth(values: Values, field: str) -> bool:
    """Whether there is something to choose: a single folder for everything is none."""
    return field in values and (field != "folder" or len(values[field]) > 1)


def _heading(field: str) -> str:
    """What a column of a table is called on the page: "Base colour" for baseColour or base_colour, "ISBN" as it is."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])|_+", " ", field.removeprefix("column.")).split()
    text = " ".join(word if word.isupper() else word.lower() for word in words)
    return text[:1].upper() + text[1:]

"""The examples of the query as chips, and adding some by choice, drop or paste."""

from __future__ import annotations

import random
from pathlib import PurePosixPath

import streamlit as st

from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.search.examples import Example
from ui.pages.search.saved import saved_searches
from ui.session.opened import images_of, row_of, shown, workbench
from ui.session.query import (
    SessionQuery,
    add_example,
    change_example,
    current_query,
    examples_of,
    set_query_image,
    set_query_upload,
)
from ui.shared.browser import PICTURE_TYPES
from ui.widgets.gallery import thumbnail_url
from ui.widgets.query_line import MEGABYTES, Chip, query_line

_SIGNS = {"uploader": 0, "plus": 1, "minus": -1}  # what a picture is to be: the query itself, like or unlike results
_SHOWN_KEPT = 24  # small versions of uploads


def query_bar(recipe: Recipe) -> None:
    """The chips, and the uploaders that drops and pasted pictures go to, which are not shown."""
    with st.container(key="query-uploads"):
        for name in _SIGNS:
            _uploader(name)
    query_line(_chips(recipe), PICTURE_TYPES, key="query-line", on_change=_changed)


def query_buttons(recipe: Recipe) -> None:
    """Former searches, a random picture, and back to the beginning."""
    with st.container(horizontal=True, width="content", key="query-buttons"):
        saved_searches(recipe)
        st.button("Random picture", icon=":material/casino:", type="tertiary", on_click=_random, args=(recipe,))
        st.button("Reset", icon=":material/restart_alt:", type="tertiary", on_click=set_query_image, args=(None,))


def _uploader(name: str) -> None:
    with st.container(key=f"query-{name}"):
        key = f"upload-{name}-{st.session_state.get('uploader', 0)}"
        st.file_uploader(
            "Search with a picture",
            type=PICTURE_TYPES,
            key=key,
            on_change=_uploaded,
            args=(key, _SIGNS[name]),
            accept_multiple_files=True,
            max_upload_size=MEGABYTES,
        )


def facts_of(recipe: Recipe, query: SessionQuery) -> tuple[str, str]:
    """The name and the label of the query's picture; "" if it has none, or several."""
    if query.data is not None or not query.pictured or query.examples:
        return query.name or query.words, ""
    row = row_of(recipe.collection, int(query.image_id or 0))
    images = images_of(recipe.collection)
    return images.names[row], images.labels[row]


def file_name(recipe: Recipe, example: Example) -> str:
    """The name of an example's file, with its folder; NotFound if it is no longer in the collection."""
    if example.image_id is None:
        return example.name
    return images_of(recipe.collection).names[row_of(recipe.collection, example.image_id)]


def _uploaded(key: str, sign: int) -> None:
    files = st.session_state.get(key) or []
    for number, file in enumerate(files):
        data = file.getvalue()
        try:
            workbench().keep_upload(data, file.name)
        except BenzerError as error:  # the search works, but its link will not
            st.session_state.complaint = error.message
        if sign == 0 and number == 0:
            set_query_upload(data, file.name)
        else:
            add_example(Example(data=data, name=file.name, weight=sign or 1))


def _random(recipe: Recipe) -> None:
    set_query_image(int(random.choice(images_of(recipe.collection).ids)), keep_words=True)


def _changed(place: int, what: str, value: object) -> None:
    if what == "crop":
        change_example(place, crop=value)
    elif what == "weight" and isinstance(value, int | float):
        change_example(place, weight=float(value))


def _chips(recipe: Recipe) -> list[Chip]:
    """A chip for each example that can be shown: of one that cannot, the results say why."""
    examples = examples_of(current_query())
    found = []
    for place, one in enumerate(examples):
        try:
            if not one.text:
                name = file_name(recipe, one)
                facts = PurePosixPath(name).name, name, one.crop, one.weight
                found.append(Chip(place, _small(recipe, one), *facts))
            elif len(examples) > 1:
                found.append(Chip(place, "", f"“{one.text}”", "", None, one.weight))
        except BenzerError:
            continue
    return found


def _small(recipe: Recipe, example: Example) -> str:
    """The address of an example's thumbnail."""
    if example.image_id is not None:
        hashes = images_of(recipe.collection).hashes
        digest = hashes[row_of(recipe.collection, example.image_id)]
        return thumbnail_url(recipe.collection, example.image_id, digest)
    kept: dict[str, str] = st.session_state.setdefault("uploads_shown", {})
    if example.sha256 not in kept:
        while len(kept) >= _SHOWN_KEPT:
            kept.pop(next(iter(kept)))
        kept[example.sha256] = shown(example.data or b"")
    return kept[example.sha256]

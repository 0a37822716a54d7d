"""What the encoder sees of the query and a result: reconstructions and the way between them, or its channels."""

from __future__ import annotations

import io

import streamlit as st
from PIL import Image

from engine.core.errors import BenzerError
from engine.core.humanize import percent
from engine.core.recipe import Recipe
from engine.core.storage import json_text
from engine.evidence.channels import Channels
from engine.evidence.decoded import Decoded, Reconstruction
from engine.evidence.sheets import channel_tiles, reconstruction_tiles, strongest_error
from engine.search.answer import Query
from ui.session.opened import images_of, workbench
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.widgets.gallery import thumbnail_url
from ui.widgets.picture_strips import Strip, StripPicture, inline, picture_strips


def sights_view(recipe: Recipe, query: Query, id: int) -> None:
    """Draw what the encoder sees in both pictures; a sentence for a picture without features."""
    bench, result = workbench(), Query.image(id)
    try:
        with st.spinner("Looking through the encoder …"):
            found = bench.sights(recipe, query, result)
            strips = _decoded(recipe, found) if isinstance(found, Decoded) else _channels(recipe, found, query, result)
    except BenzerError as error:
        show_error(error)
        return
    st.caption(plain_text(found.sentence()))
    picture_strips(strips, key=f"sights-{id}")
    with st.container(horizontal=True):
        stem = f"benzer-seen-{id}"
        st.download_button(
            "PNG", lambda: bench.drawn_sights(recipe, found, query, result), f"{stem}.png", "image/png",
            key="sights-png", on_click="ignore",
        )  # fmt: skip
        told = json_text(found.as_dict(), indent=1)
        st.download_button("JSON", told, f"{stem}.json", "application/json", key="sights-json", on_click="ignore")


def _decoded(recipe: Recipe, found: Decoded) -> list[Strip]:
    strongest = strongest_error(found)
    steps = [
        StripPicture(inline(Image.fromarray(step.drawn)), f"{percent(step.share)} of the way", percent(step.share))
        for step in found.path
    ]
    nearest = [_of(recipe, step.nearest, f"{step.distance:.3f}") for step in found.path]
    return [
        _ends("Query", found.first, strongest),
        _ends("Result", found.second, strongest),
        Strip("Between them", "latents mixed, then decoded", steps),
        Strip("Nearest picture", "to each step, with its distance", nearest),
    ]


def _ends(title: str, one: Reconstruction, strongest: float) -> Strip:
    names = ("as the encoder gets it", "reconstructed", f"error, mean {percent(one.mean_error, 1)}")
    tiles = zip(reconstruction_tiles(one, strongest), names, strict=True)
    return Strip(title, "", [StripPicture(inline(tile), f"{title}, {name}", name) for tile, name in tiles])


def _channels(recipe: Recipe, found: Channels, query: Query, result: Query) -> list[Strip]:
    shown = [workbench().shown(recipe.collection, one) for one in (query, result)]
    first, second = (Image.open(io.BytesIO(data)) for data in shown)
    strips = []
    for one in found.strongest:
        tiles = zip(channel_tiles(first, second, one.first, one.second), ("query", "result"), strict=True)
        own = [StripPicture(inline(tile), f"channel {one.number} in the {name}", name) for tile, name in tiles]
        exciting = [_of(recipe, id) for id in one.ids.tolist()]
        note = f"adds {one.amount:.4f}"
        strips.append(Strip(f"Channel {one.number}", note, [*own, *exciting]))
    return strips


def _of(recipe: Recipe, id: int, caption: str = "") -> StripPicture:
    images = images_of(recipe.collection)
    row = images.row(id)
    if row is None:
        return StripPicture("", f"picture {id}", caption)
    name = images.names[row].rpartition("/")[2]
    return StripPicture(thumbnail_url(recipe.collection, id, images.hashes[row]), name, caption or name)

"""The hash lab: the code of a picture as bits, planes and buckets, and what codes find at what price."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.comparisons.hashlab.code import Code, Flips, Plane
from engine.comparisons.hashlab.hashed import BITS, FAMILIES, PROBES, TABLES, Hashing
from engine.comparisons.hashlab.lab import Change, HashLab, as_dict
from engine.comparisons.hashlab.price import Price
from engine.core.errors import BenzerError, NotReady
from engine.core.humanize import count_of, percent
from engine.core.recipe import Recipe
from engine.core.storage import json_text
from engine.search.answer import Query
from ui.pages.hashing import charts, lab_state
from ui.pages.hashing.lab_ready import prepare_first
from ui.session.opened import images_of, picture_name, workbench
from ui.session.query import current_query, set_query_image
from ui.session.recipe import use_recipe
from ui.shared.charts import draw, titled
from ui.shared.first_ways import add_pictures
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.titles import method_title
from ui.widgets.gallery import Tile, gallery, thumbnail_url
from ui.widgets.hash_code import ShownBit, hash_code

_SHOWN = 12  # pictures of a group
_COLUMNS = 6
_PICTURE = 200  # pixels of the width of the one asked with, at most


@dataclass(frozen=True)
class Asked:
    """The picture whose code is shown: as a query, its (1, d) vector, and its name."""

    query: Query
    vector: NDArray[np.float32]
    name: str

    @property
    def id(self) -> int:
        """Its id; −1 for one from outside."""
        return -1 if self.query.image_id is None else self.query.image_id


def lab_view(recipe: Recipe | None) -> None:
    """Draw the lab for the sidebar's vectors, and put it into the address."""
    st.write(
        "Hash codes put pictures into buckets, so that a search looks into few of them. Flip a bit of a picture's code "
        "and see which pictures come and go; move bits, tables and probes and see what is found, at what price."
    )
    if recipe is None:
        st.caption("There is no collection yet.")
        st.button("Add pictures", key="lab-add", on_click=add_pictures)
        return
    try:
        with st.spinner("Hashing …", show_time=False):
            asked = _asked(recipe)
            lab = workbench().hash_lab(recipe)
    except NotReady as error:
        prepare_first(recipe, error)
    except BenzerError as error:
        show_error(error)
    else:
        with errors_shown():
            _whole(recipe, lab, asked)
    lab_state.write(recipe)


def _whole(recipe: Recipe, lab: HashLab, asked: Asked) -> None:
    if lab.total > len(lab.ids):
        st.caption(f"A sample of {len(lab.ids):,} of the {lab.total:,} pictures.")
    hashing = _fields(lab)
    table = _table(hashing)
    lab_state.keep_to(asked.id if asked.query.data is None else hash(asked.query.data))
    flips = lab_state.flips(hashing)
    code, change = lab.code(hashing, asked.vector), lab.change(hashing, asked.vector, flips, asked.id)
    _code(recipe, lab, asked, hashing, code, table, flips)
    _buckets(recipe, change, bool(flips))
    with st.spinner("Measuring …", show_time=False):
        prices = lab.prices(hashing)
    _prices(recipe, lab, hashing, prices)
    _export(hashing, code, flips, change, prices)


def _asked(recipe: Recipe) -> Asked:
    """The picture that is searched with, else the first of the collection."""
    query, images = current_query(), images_of(recipe.collection)
    asked = replace(query.as_query(), text="", share=None) if query and query.pictured and not query.examples else None
    if asked is None or (asked.data is None and asked.image_id not in images.ids):
        asked = Query.image(int(images.ids[0]) if len(images.ids) else 0)
    name = asked.name if asked.data is not None else picture_name(recipe.collection, asked.image_id or 0)
    return Asked(asked, workbench().picture_vector(recipe, asked), name)


# ── the numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _fields(lab: HashLab) -> Hashing:
    """The method and its numbers, as fields."""
    lab_state.limit(lab.most_bits)
    st.segmented_control(
        "Method", FAMILIES, format_func=method_title, key="lab-method", required=True, persist_state="session"
    )
    columns = st.columns(3, gap="large")
    for column, setting in zip(columns, (BITS, TABLES, PROBES), strict=True):
        most = min(int(setting.high), lab.most_bits) if setting is BITS else int(setting.high)
        least = int(setting.low)
        if most > least:
            key = f"lab-{setting.name}"
            column.slider(setting.title, least, most, key=key, help=setting.help, persist_state="session")
    return lab_state.hashing()


def _table(hashing: Hashing) -> int:
    """The table whose code is shown, from 0."""
    tables = list(range(1, hashing.tables + 1))
    if len(tables) == 1:
        return 0
    if st.session_state.get("lab-table") not in tables:
        st.session_state["lab-table"] = 1
    return int(st.segmented_control("Table", tables, key="lab-table", required=True) or 1) - 1


# ── the code ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _code(recipe: Recipe, lab: HashLab, asked: Asked, hashing: Hashing, code: Code, table: int, flips: Flips) -> None:
    left, right = st.columns([1, 4.2], gap="large")
    with left:
        name = plain_text(asked.name)
        st.image(workbench().shown(recipe.collection, asked.query), caption=name, alt=name, width=_PICTURE)
        with st.container(horizontal=True):
            st.button("Random picture", key="lab-random", icon=":material/casino:", on_click=_random, args=(recipe,))
            st.button(
                "Reset bits", key="lab-reset", icon=":material/restart_alt:", disabled=not flips,
                on_click=lab_state.flip_none,
            )  # fmt: skip
    with right:
        images = images_of(recipe.collection)
        bits = _bits(recipe, images, code, lab.planes(hashing, table), table, flips)
        title = f"Code of {asked.name} in table {table + 1}, {method_title(hashing.method)}"
        hash_code(bits, title=title, key="lab-code", on_flip=partial(lab_state.flip, table))


def _bits(
    recipe: Recipe, images: Images, code: Code, planes: Sequence[Plane], table: int, flips: Flips
) -> list[ShownBit]:
    order = {bit: place + 1 for place, bit in enumerate(code.order(table))}
    found = []
    for bit, plane in enumerate(planes):
        low, high = ([_thumb(recipe, images, int(id)) for id in ids] for ids in (plane.low, plane.high))
        side = float(code.margins[table, bit]), order[bit], plane.share
        bars = plane.counts.tolist(), float(plane.edges[-1])
        found.append(ShownBit(int(code.bits[table, bit]), *side, *bars, low, high, (table, bit) in flips))
    return found


def _thumb(recipe: Recipe, images: Images, id: int) -> tuple[str, str]:
    if (row := images.row(id)) is None:
        return "", f"picture {id}"
    return thumbnail_url(recipe.collection, id, images.hashes[row]), images.names[row]


def _random(recipe: Recipe) -> None:
    set_query_image(int(random.choice(images_of(recipe.collection).ids)))


# ── the buckets ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _buckets(recipe: Recipe, change: Change, flipped: bool) -> None:
    """What is in the picture's buckets; with flipped bits, what comes, what goes and what stays."""
    st.subheader("In its buckets", anchor=False)
    st.markdown(plain_text(candidates_sentence(change, flipped)))
    groups = [("Come", change.come), ("Go", change.go), ("Stay", change.stay)]
    for title, ids in groups if flipped else [("Candidates", change.stay)]:
        _group(recipe, title, ids, change)


def candidates_sentence(change: Change, flipped: bool) -> str:
    """How many candidates there are, and how many of the nearest are among them."""
    before, after = change.near
    nearest = f"of its {len(change.nearest)} nearest"
    if not flipped:
        return f"{count_of(change.before, 'candidate')}, {before} {nearest} among them."
    return (
        f"{count_of(change.before, 'candidate')} before, {change.after:,} with the flipped bits: "
        f"{len(change.come):,} come, {len(change.go):,} go, {len(change.stay):,} stay. "
        f"{before} {nearest} were among them, {after} are."
    )


def _group(recipe: Recipe, title: str, ids: NDArray[np.int64], change: Change) -> None:
    more = f", the {_SHOWN} nearest" if len(ids) > _SHOWN else ""
    titled(f"{title}: {len(ids):,}{more}")
    if not len(ids):
        st.caption("None.")
        return
    images, nearest = images_of(recipe.collection), set(change.nearest.tolist())
    tiles = []
    for id in ids[:_SHOWN].tolist():
        src, name = _thumb(recipe, images, id)
        label = "nearest" if id in nearest else ""
        tiles.append(Tile(id, src, name, distance=change.distances[id], label=label, same=True if label else None))
    gallery(tiles, key=f"lab-{title.lower()}", title=title, columns=_COLUMNS, on_pick=set_query_image, scroll=False)


# ── the price ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _prices(recipe: Recipe, lab: HashLab, hashing: Hashing, prices: Sequence[Price]) -> None:
    st.subheader("What is found, at what price", anchor=False)
    st.caption(
        f"All methods with {count_of(hashing.bits, 'bit')}, {count_of(hashing.tables, 'table')} and "
        f"{count_of(hashing.probes, 'probe')}, asked for the 8 nearest of {len(lab.questions.rows)} pictures of this "
        "collection; a picture is left out of its own results. "
        "Intervals are 95 %, over the queries; the time is the median of single queries on this computer, just now."
    )
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        draw(charts.price_chart(prices, hashing.method), key="lab-prices", alt=charts.spoken_prices(prices))
    with right:
        st.table(price_columns(prices), border="horizontal", hide_index=True)
        st.button(
            "Search with this method", key="lab-search", icon=":material/search:", on_click=_search,
            args=(recipe, hashing), help="Selects these vectors and this method in the sidebar and opens Search.",
        )  # fmt: skip


def price_columns(prices: Sequence[Price]) -> dict[str, list[str]]:
    """The prices as text, column by column."""
    return {
        "method": [method_title(price.hashing.method) for price in prices],
        "recall@8, 95 %": [
            f"{price.here.recall:.2f} [{price.low:.2f},\N{NO-BREAK SPACE}{price.high:.2f}]" for price in prices
        ],
        "compared": [percent(price.here.share, 1) for price in prices],
        "ms": [f"{price.milliseconds:.3g}" for price in prices],
        "buckets": [f"{price.used:,}" for price in prices],
        "largest": [f"{price.largest:,}" for price in prices],
    }


def _search(recipe: Recipe, hashing: Hashing) -> None:
    options = (("bits", hashing.bits), ("lookup", "buckets"), ("probes", hashing.probes), ("tables", hashing.tables))
    query = current_query()
    use_recipe(str(recipe.but(method=hashing.method, options=options)), query.image_id if query else None)


def _export(hashing: Hashing, code: Code, flips: Flips, change: Change, prices: Sequence[Price]) -> None:
    def as_json() -> str:
        whole: dict[str, Any] = as_dict(hashing, code, flips, change, prices)
        return json_text(whole, indent=1)

    st.download_button("JSON", as_json, "benzer-codes.json", "application/json", key="lab-json", on_click="ignore")

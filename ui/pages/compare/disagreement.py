"""Where two encoders disagree: a form, the running job, and the result of the last comparison of a collection."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from engine.comparisons.disagreement import Disagreement, K, Neighbourhoods
from engine.comparisons.recipes.experiment import pictures_digest
from engine.core.errors import Corrupt
from engine.core.recipe import Recipe
from engine.jobs.job import Job
from engine.workbench.workbench import CollectionCard
from ui.pages.compare.disagreement_chart import overlap_chart, spoken_overlap
from ui.pages.compare.invariance_state import named
from ui.pages.compare.row import worst_tiles
from ui.session.opened import images_of, open_collection, recent_jobs, workbench
from ui.session.recipe import use_recipe
from ui.shared.charts import draw, titled
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.titles import encoder_titles
from ui.widgets.gallery import Tile, gallery

_SHOWN, _STEP = 6, 12  # pictures with their neighbours
_JOBS = 20  # that are looked through for the last one of a collection


def disagreement_view(card: CollectionCard, recipe: Recipe) -> None:
    """Draw the form, or the running job, and the result below; `recipe` is the sidebar's."""
    st.write(
        "Two encoders side by side: how many of the eight nearest pictures they share, for which pictures their "
        "neighbours differ most, and which of the two agrees with the labels there."
    )
    jobs = [job for job in recent_jobs("disagree", _JOBS) if job.config["arguments"].get("collection") == card.name]
    if jobs and jobs[0].alive:
        job_progress(jobs[0], key="disagree")
        return
    _form(card, recipe)
    if jobs and jobs[0].error:
        st.error(plain_text(jobs[0].error), icon=":material/error:")
    done = next((job for job in jobs if job.state == "done"), None)
    if done is not None:
        _result(card, done)


def _form(card: CollectionCard, recipe: Recipe) -> None:
    titles = encoder_titles(card.name)
    own = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    others = [name for name in titles if name != own]
    with st.container(horizontal=True, vertical_alignment="bottom", key="disagree-form"):
        first = _choice("First encoder", "disagree-first", titles, own)
        second = _choice("Second encoder", "disagree-second", titles, next(iter(others), own))
        st.button(
            "Compare neighbours", key="disagree-start", type="primary", icon=":material/compare_arrows:",
            on_click=_start, args=(card.name, first, second), disabled=first == second or None in (first, second),
            help="At most 1,000 pictures, each encoder with its usual pooling. What is missing is prepared first.",
        )  # fmt: skip
    if first == second:
        st.caption("Choose two different encoders.")


def _choice(label: str, key: str, titles: dict[str, str], first: str) -> str | None:
    if st.session_state.get(key) not in titles:
        st.session_state[key] = first if first in titles else next(iter(titles), None)
    return st.selectbox(label, list(titles), format_func=lambda name: titles.get(name, name), key=key,
                        persist_state="session")  # fmt: skip


def _start(collection: str, first: str, second: str) -> None:
    with errors_shown():
        workbench().start("disagree", collection=collection, first=first, second=second)
        st.session_state.disagree_shown = _SHOWN


# ── the result ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _result(card: CollectionCard, job: Job) -> None:
    with errors_shown():
        found = _found(job)
        if found.made_of != pictures_digest(images_of(card.name)):
            st.info("The pictures or their labels have changed since this was measured.", icon=":material/update:")
        names = _names(found)
        _head(card, found, names)
        for sentence in (found.sentence(*names), *found.on_labels(*names)):
            st.markdown(plain_text(sentence))
        titled(f"Pictures by how many of the {K} nearest are shared")
        draw(overlap_chart(found), key="disagree-overlap", alt=spoken_overlap(found))
        _pictures(card.name, found, names)


def _found(job: Job) -> Disagreement:
    try:
        return Disagreement.from_dict((job.result or {})["value"])
    except (KeyError, TypeError) as error:
        raise Corrupt("The result of the last comparison cannot be read.", way_out="Compare once more.") from error


def _names(found: Disagreement) -> tuple[str, str]:
    """The titles of the two encoders, with their poolings only if the titles are equal."""
    first, second = named(found.first), named(found.second)
    return (first.name, second.name) if first.name != second.name else (first.whole, second.whole)


def _head(card: CollectionCard, found: Disagreement, names: tuple[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header(plain_text(f"{names[0]} and {names[1]}"), anchor=False)
        stem = f"benzer-disagreement-{card.name}"
        table = found.to_csv(open_collection(card.name)).encode("utf-8-sig")
        st.download_button("CSV", table, f"{stem}.csv", "text/csv", on_click="ignore")
    drawn = "" if found.queries == found.pictures else f", {found.queries:,} of them drawn at random and compared"
    poolings = " and ".join(dict.fromkeys(named(text).sub for text in (found.first, found.second)))
    st.caption(plain_text(f"{found.pictures:,} pictures{drawn}. Pooling: {poolings}. Distance: {found.metric}."))


def _pictures(collection: str, found: Disagreement, names: tuple[str, str]) -> None:
    """The pictures with the most different neighbours, a strip for each encoder."""
    titled("The most different neighbours first")
    st.caption(
        "The framed picture is the query; ✓ marks results with its label; those in a dashed frame are not among the "
        f"{K} of the other encoder. Click a picture to search with it."
    )
    images = images_of(collection)
    shown = st.session_state.get("disagree_shown", _SHOWN)
    for row in found.rows[:shown]:
        for place, (encoder, near, other) in enumerate(_sides(found, row)):
            tiles = _tiles(worst_tiles(collection, images, {"query": row.id, "answers": near}), other)
            if tiles:
                shared = f" · {row.overlap} of {K} shared" if place == 0 else ""
                st.caption(f"**{plain_text(names[place])}**{shared}")
                gallery(
                    tiles, key=f"disagree-{row.id}-{place}", title=f"{tiles[0].name} by {names[place]}",
                    kind="strip small", on_pick=partial(_ask, encoder, collection), scroll=False,
                )  # fmt: skip
    if shown < len(found.rows):
        st.button(
            f"Show {min(_STEP, len(found.rows) - shown)} more", key="disagree-more", on_click=_more, args=(shown,)
        )


def _sides(found: Disagreement, row: Neighbourhoods) -> tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]:
    return (found.first, row.first, row.second), (found.second, row.second, row.first)


def _tiles(tiles: list[Tile], other: tuple[int, ...]) -> list[Tile]:
    """The query and its results, of which those are marked that the other encoder does not find."""
    return tiles[:1] + [replace(tile, missed=tile.id not in other) for tile in tiles[1:]]


def _more(shown: int) -> None:
    st.session_state.disagree_shown = shown + _STEP


def _ask(encoder: str, collection: str, query: int) -> None:
    """Search with a picture, seen with one of the encoders."""
    name, _, pooling = encoder.partition("/")
    use_recipe(str(Recipe(collection, *name.partition("@")[::2], embedding=pooling)), query)

"""The search page: a picture in, the most similar pictures out, and the cost of the search."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.core.errors import BenzerError, NotFound, NothingKnown, NotReady, Unreadable
from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.jobs.job import Job
from engine.workbench.job_kinds import kinds_that_make
from engine.workbench.workbench import Answer, Readiness
from ui.pages.search.browse import browse
from ui.pages.search.method_comparison import comparison
from ui.pages.search.query_words import (
    query_title,
    reads_words,
    show_words,
    unknown_words,
    way_to_words,
    words_bar,
)
from ui.pages.search.tiles import answer_tiles
from ui.session.address import write_address
from ui.session.opened import (
    FIRST_SAMPLE,
    collection_cards,
    images_of,
    job_about,
    recent_jobs,
    row_of,
    shown,
    workbench,
)
from ui.session.query import (
    SessionQuery,
    current_query,
    propose_image,
    set_query_crop,
    set_query_image,
    set_query_upload,
)
from ui.shared.browser import PICTURE_TYPES, accept_paste, copy_link
from ui.shared.job_progress import duration, job_progress
from ui.shared.messages import empty_state, errors_shown, show_complaint, show_error
from ui.shared.plain_text import plain_text
from ui.widgets.crop import crop_picture
from ui.widgets.gallery import gallery, thumbnail_url

_LEFT_OUT_SHOWN = 50


def page() -> None:
    """Draw the page for the recipe in the sidebar and the session's query."""
    st.title("Find similar pictures", anchor=False)
    recipe: Recipe | None = st.session_state.recipe
    show_complaint()
    if recipe is None:
        if not collection_cards():
            _first_visit()
        return
    job = job_about(recipe.collection)
    if job is not None:
        job_progress(job, key="search")
    images = images_of(recipe.collection)
    if not len(images.ids):
        _nothing_to_search()
        return
    if current_query() is None:
        propose_image(int(images.ids[0]))
    words_bar(recipe)
    left, right = st.columns([1.1, 3], gap="large")
    with left:
        _query_panel(recipe)
    with right:
        answered = _answer_panel(recipe, job)
    way_to_words(recipe)
    if answered:
        _left_out(recipe)
        comparison(recipe)
    browse(recipe)
    write_address(recipe)


# ── first visit ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _first_visit() -> None:
    """Without collections, draw the first sample at once, unless it was drawn before and then removed."""
    samples = [job for job in recent_jobs() if job.kind in kinds_that_make("collection")]
    running = next((job for job in samples if job.alive), None)
    if running is None and not samples:
        running = _draw_sample()
    if running is not None:
        st.write("Preparing a sample collection of drawn animal faces. This takes less than a minute.")
        job_progress(running, key="first")
        return
    if samples[0].error:
        st.error(plain_text(samples[0].error))
    _nothing_to_search()


def _nothing_to_search() -> None:
    empty_state(
        "No pictures yet",
        "Add your own pictures, or try Benzer with the built-in sample.",
        {
            "Add the sample": _draw_sample,
            "Add your pictures": partial(st.session_state.update, go_to="collections"),
        },
        key="no-pictures",
    )


def _draw_sample() -> Job:
    return workbench().start("sample", name=FIRST_SAMPLE)


# ── the query ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _query_panel(recipe: Recipe) -> None:
    st.header("Search with a picture", anchor=False)
    with st.container(key="query-uploader"):
        key = f"upload-{st.session_state.get('uploader', 0)}"
        st.file_uploader(
            "Drop, paste or choose a picture",
            type=PICTURE_TYPES,
            key=key,
            on_change=_uploaded,
            args=(key,),
            max_upload_size=200,
            help="The picture stays on this computer. You can also paste one anywhere on this page.",
        )
    query = current_query()
    if query is not None:
        try:
            _query_picture(recipe, query)
        except BenzerError as error:
            st.caption(plain_text(error.message))
    with st.container(horizontal=True):
        st.button("Random picture", icon=":material/casino:", on_click=_random, args=(recipe.collection,))
        st.button("Reset", icon=":material/restart_alt:", on_click=set_query_image, args=(None,))
    accept_paste()


def _uploaded(key: str) -> None:
    file = st.session_state.get(key)
    if file is None:  # removed, or about to be replaced: the widget must keep its key
        set_query_upload(None, "")
    else:
        set_query_upload(file.getvalue(), file.name)


def _random(collection: str) -> None:
    set_query_image(int(random.choice(images_of(collection).ids)), keep_words=True)


def _query_picture(recipe: Recipe, query: SessionQuery) -> None:
    if not query.pictured:
        show_words(query.words)
        return
    name, label, src = _facts_of(recipe, query)
    crop_picture(src, name, query.crop, key=f"crop-{hash((query.image_id, query.data))}", on_crop=set_query_crop)
    st.caption(plain_text(name) + (f" · {plain_text(label)}" if label else ""))


def _facts_of(recipe: Recipe, query: SessionQuery) -> tuple[str, str, str]:
    """The query's name, label and picture URL; empty if it has none."""
    if not query.pictured:
        return query.words, "", ""
    if query.data is not None:
        return query.name, "", _shown_once(query.data)
    row = row_of(recipe.collection, int(query.image_id or 0))
    images = images_of(recipe.collection)
    return (
        images.names[row],
        images.labels[row],
        thumbnail_url(recipe.collection, int(images.ids[row]), images.hashes[row]),
    )


def _shown_once(data: bytes) -> str:
    """The small version of an upload, made once per upload and session."""
    kept = st.session_state.get("upload_shown")
    if kept is None or kept[0] is not data:
        kept = st.session_state.upload_shown = (data, shown(data))
    return str(kept[1])


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _answer_panel(recipe: Recipe, job: Job | None) -> bool:
    """Search and draw the answer; whether there was one."""
    query = current_query()
    if query is None:
        return False
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="answer-head"
    ):
        heading = st.container(width="stretch")
        include, label = _filters(recipe, query.pictured)
    try:
        with st.spinner("Searching …"):
            answer = workbench().search(recipe, query.as_query(), include_query=include, label=label or None)
    except NotReady:
        heading.header("Not searched yet", anchor=False)
        _not_ready(workbench().to_prepare(recipe, query.as_query()), job)
    except (NotFound, Unreadable) as error:
        heading.header(f"{plain_text(query.name)} cannot be used" if query.data else "Picture not found", anchor=False)
        _unusable_query(error)
    except NothingKnown as error:
        heading.header("Nothing found", anchor=False)
        st.info(plain_text(str(error)), icon=":material/search_off:")
    except BenzerError as error:
        heading.header("Search failed", anchor=False)
        show_error(error)
    else:
        _draw_answer(recipe, query, answer, heading)
        return True
    return False


def _filters(recipe: Recipe, pictured: bool) -> tuple[bool, str]:
    labels = sorted({label for label in images_of(recipe.collection).labels if label})
    if st.session_state.get("label", "") not in ["", *labels]:
        st.session_state.label = ""
    label = ""
    if labels:
        shown_as = "All labels"
        label = st.selectbox(
            "Label of the results",
            ["", *labels],
            key="label",
            format_func=lambda text: text or shown_as,
            width=170,
            label_visibility="collapsed",
            persist_state="session",
        )
    if not pictured:
        return False, str(label or "")
    include = st.toggle(
        "Include the query picture",
        key="include_query",
        persist_state="session",
        help="Show the query picture among the results.",
    )
    return include, str(label or "")


def _not_ready(recipe: Recipe, job: Job | None) -> None:
    """Say what has to be prepared first, and offer to do it."""
    if job is not None:
        st.info("Results appear here when preparation finishes.", icon=":material/hourglass_top:")
        return
    readiness = workbench().readiness(recipe)
    if readiness.ready:  # it has just been prepared
        st.rerun()
    if _starts_by_itself(recipe, readiness):
        with errors_shown():
            workbench().start("embed", recipe=recipe.as_dict())
            st.rerun()
    _failed_before(recipe)
    st.info(plain_text(readiness.sentence), icon=":material/construction:")
    if readiness.action in kinds_that_make("vectors", "weights"):
        st.button(
            _build_label(readiness),
            type="primary",
            on_click=_build,
            args=(readiness.action, recipe),
            icon=":material/play_arrow:",
        )
    elif readiness.action == "train":  # a callback works even if a quick click overtakes the new address
        go = partial(st.session_state.update, go_to="train")
        st.button("Go to Train", type="primary", icon=":material/model_training:", on_click=go)


def _starts_by_itself(recipe: Recipe, readiness: Readiness) -> bool:
    """Whether quick preparation starts by itself: once per session for the same vectors, unless the last try failed."""
    started: set[str] = st.session_state.setdefault("prepared_by_itself", set())
    vectors = str(recipe.but(metric="cosine", method="exact", k=1))
    last = _last_try(recipe)
    if not readiness.quick or vectors in started or (last is not None and last.state != "done"):
        return False
    started.add(vectors)
    return True


def _build_label(readiness: Readiness) -> str:
    if readiness.action == "fetch":
        return f"Download ({readiness.megabytes} MB)"
    about = f" (about {duration(readiness.seconds)})" if readiness.seconds else ""
    return (
        f"Prepare {count_of(readiness.missing, 'picture')}" if readiness.action == "embed" else "Build the index"
    ) + about


def _build(kind: str, recipe: Recipe) -> None:
    with errors_shown():
        workbench().start(kind, recipe=recipe.as_dict())


def _failed_before(recipe: Recipe) -> None:
    """The error of the last attempt, if nothing has happened to this collection since."""
    last = _last_try(recipe)
    if last is not None and last.error:
        st.error(plain_text(last.error), icon=":material/error:")


def _last_try(recipe: Recipe) -> Job | None:
    kinds = kinds_that_make("vectors", "weights")
    return next((job for job in recent_jobs() if job.kind in kinds and _is_about(job, recipe)), None)


def _is_about(job: Job, recipe: Recipe) -> bool:
    wanted = job.config["arguments"].get("recipe", {})
    return bool(wanted.get("collection") == recipe.collection and wanted.get("encoder") == recipe.encoder)


def _unusable_query(error: BenzerError) -> None:
    show_error(error)
    if isinstance(error, Unreadable) and "JPEG" not in error.message:
        st.write("Supported formats: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF and HEIC.")
    st.button("Choose another picture", on_click=set_query_image, args=(None,), type="primary")


def _draw_answer(recipe: Recipe, query: SessionQuery, answer: Answer, heading: DeltaGenerator) -> None:
    name, label, _ = _facts_of(recipe, query)
    by_words = not query.pictured and not reads_words(recipe)
    found = "Best matches for" if by_words else f"{len(answer.hits)} most similar to"
    heading.header(f"{found} {query_title(query, name)}", anchor=False)
    if unknown := unknown_words(recipe, query):
        st.warning(plain_text(unknown), icon=":material/info:")
    if len(answer.hits) < recipe.k and not by_words:
        st.info(_fewer(recipe, answer), icon=":material/info:")
    if answer.hits:
        gallery(answer_tiles(recipe, answer, label), key="answers", title="Results", on_pick=set_query_image)
    if answer.written:
        st.subheader("By what is written", anchor=False, help="File names, labels and texts that contain the words.")
        tiles = answer_tiles(recipe, replace(answer, hits=answer.written, missed=()), label)
        tiles = [replace(tile, distance=None) for tile in tiles]  # a name contains the words or it does not
        gallery(tiles, key="written", title="Results", on_pick=set_query_image)
    st.caption(plain_text(answer.sentence()))
    with st.container(horizontal=True, key="take-away"):
        copy_link()
        stem = f"benzer-{recipe.collection}"
        st.download_button("CSV", answer.to_csv().encode("utf-8-sig"), f"{stem}.csv", "text/csv", on_click="ignore")
        st.download_button("JSON", answer.to_json(), f"{stem}.json", "application/json", on_click="ignore")
        with st.popover("Command", icon=":material/terminal:"):
            st.write("The same search on the command line:")
            st.code(answer.command(), language="bash", wrap_lines=True)


def _fewer(recipe: Recipe, answer: Answer) -> str:
    if answer.receipt.total < recipe.k:
        return f"There are only {count_of(answer.receipt.total, 'picture')} to choose from; all are shown."
    return f"This search method found only {len(answer.hits)} of {recipe.k} results. Exact search finds all of them."


def _left_out(recipe: Recipe) -> None:
    """Say which pictures are not searched, if any."""
    left_out = workbench().left_out(recipe)
    if not left_out:
        return
    skipped = f"{count_of(len(left_out), 'picture')} skipped: could not be read"
    with st.expander(skipped, icon=":material/hide_image:", key="left-out"):
        st.markdown(
            "\n".join(f"- {plain_text(name)}: {plain_text(reason)}" for name, reason in left_out[:_LEFT_OUT_SHOWN])
        )
        if len(left_out) > _LEFT_OUT_SHOWN:
            st.caption(f"… and {len(left_out) - _LEFT_OUT_SHOWN:,} more.")
        st.button("Try again", key="left-out-again", on_click=_build, args=("embed", recipe))

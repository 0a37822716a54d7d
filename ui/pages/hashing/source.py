"""Which vectors a study measures with: those of the sidebar's recipe, of a file on this computer, or of an upload."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from engine.comparisons.hashing.files import read_vectors
from engine.comparisons.hashing.plan import file_source
from engine.core.cache import Cache, file_stamp
from engine.core.distances import METRICS
from engine.core.errors import BadParameter, BenzerError
from engine.core.home import slug
from engine.core.recipe import Recipe
from engine.core.storage import write_bytes
from engine.encoders.vectors.store import store, stored
from ui.comparisons.state import listed
from ui.pages.hashing.state import STUDIES
from ui.session.opened import workbench
from ui.session.paths import file_under_roots, roots
from ui.shared.messages import show_error
from ui.shared.plain_text import plain_text
from ui.shared.text_field import text_field
from ui.shared.titles import collection_title, embedding_title, encoder_titles, metric_title

COLLECTION, FILE, UPLOAD = "This collection", "A file on this computer", "Upload"
ENDINGS = ("npy", "fvecs", "bvecs", "hdf5")
FEWEST = 5  # vectors, one of which is the query
_LEFT_OVER = 86_400.0  # seconds after which an upload that no study uses is deleted

_shapes: Cache[tuple[Any, ...]] = Cache(16)


@dataclass(frozen=True)
class Source:
    """Vectors to measure with.

    Attributes:
        text: as a plan names them. title, short: for display. metric: for comparing them.
        count, width: n × d; width is None if nothing is embedded yet. asked: a file of queries, "" for none.
        queries: how many the file itself has, 0 for none. recipe: the sidebar's, None for a file. sentence: what has to
            happen first, "" if the vectors exist.
    """

    text: str
    title: str
    short: str
    metric: str
    count: int
    width: int | None
    asked: str = ""
    queries: int = 0
    recipe: Recipe | None = None
    sentence: str = ""

    @property
    def size(self) -> str:
        """For example "200,000 vectors × 128"."""
        return f"{self.count:,} vectors" + (f" × {self.width:,}" if self.width else "")


def source_fields(recipe: Recipe | None) -> Source | None:
    """Draw the fields for the vectors and describe them; None, with a sentence, if there are none yet."""
    ways = [COLLECTION, FILE, UPLOAD] if recipe is not None else [FILE, UPLOAD]
    if st.session_state.get("study-source") not in ways:
        st.session_state["study-source"] = ways[0]
    way = st.segmented_control("Vectors", ways, key="study-source", required=True, persist_state="session")
    try:
        if way == COLLECTION and recipe is not None:
            found: Source | None = of_recipe(recipe)
        else:
            found = _typed_file() if way == FILE else of_file(_uploaded_file())
    except BenzerError as error:
        show_error(error)
        return None
    if found is not None and found.count < FEWEST:
        show_error(BadParameter("number of vectors", "a benchmark", f"at least {FEWEST}", found.count))
        return None
    if found is not None:
        st.markdown(f"**{plain_text(found.title)}** · {found.size} · {metric_title(found.metric)}")
        if found.queries:
            st.caption(f"{found.queries:,} queries come with them.")
        if found.sentence:
            st.caption(plain_text(found.sentence))
    return found


# ── of a collection ──────────────────────────────────────────────────────────────────────────────────────────────────


def of_recipe(recipe: Recipe) -> Source:
    """The vectors of a recipe, whatever its method."""
    bench, exact = workbench(), recipe.but(method="exact")
    encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    text = "/".join([recipe.collection, encoder, recipe.embedding])
    short = collection_title(recipe.collection)
    parts = [encoder_titles().get(encoder, encoder), embedding_title(recipe.embedding)]
    title = " · ".join([short, *parts])
    ready = bench.readiness(exact)
    if ready.action in ("train", "fetch"):
        way_out = "Choose another encoder in the sidebar, or go to Search: it offers what is missing."
        raise BenzerError(ready.sentence, way_out=way_out)
    count = len(bench.collection(recipe.collection))
    if ready.action == "embed":
        first = f"The {count:,} pictures are prepared first, as part of the benchmark."
        return Source(text, title, short, recipe.metric, count, None, recipe=recipe, sentence=first)
    if not ready.ready and ready.action != "index":
        raise BenzerError(ready.sentence)
    rows, width = _stored_shape(recipe)
    return Source(text, title, short, recipe.metric, rows, width, recipe=recipe)


def _stored_shape(recipe: Recipe) -> tuple[int, int]:
    collection, info = workbench().collection(recipe.collection), workbench().encoder(recipe).info
    pointer = store(collection, info, recipe.embedding).folder / "current.json"

    def shape() -> tuple[int, ...]:
        found = stored(collection, info, recipe.embedding)
        return found.matrix.shape if found is not None else (0, 0)

    rows, width = _shapes.get((pointer, file_stamp(pointer)), shape)
    return rows, width


# ── of a file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _typed_file() -> Source | None:
    """The file whose path was submitted, until another is, and optionally a file of queries."""
    st.caption(
        "Vectors as .npy, .fvecs, .bvecs, or .hdf5 as ann-benchmarks has them. Files below "
        + plain_text(" or ".join(map(str, roots())))
    )
    former = str(st.session_state.get("study_file", ""))
    sent = text_field(
        "File", former, key="study-path", button="Read", button_key="study-read", max_chars=1000, same=True,
        placeholder=str(roots()[0] / "vectors.npy"),
    )  # fmt: skip
    if sent:
        st.session_state.study_file = sent
    text = st.session_state.get("study_file")
    if not text:
        return None
    path = file_under_roots(text, "the benchmark")
    asked = st.text_input(
        "Queries from another file", key="study-asked", max_chars=1000, persist_state="session",
        placeholder="none: some of the vectors are held out as queries",
    )  # fmt: skip
    return of_file(path, file_under_roots(asked, "the benchmark") if asked.strip() else None)


def _uploaded_file() -> Path | None:
    """The uploaded file, stored by its content hash so that a study finds it later."""
    kinds = list(ENDINGS)
    sent = st.file_uploader("Vectors", type=kinds, key="study-upload", help="One row per vector: .npy, .fvecs, …")
    id, former = st.session_state.get("study_uploaded", ("", ""))
    if former and (sent is None or sent.file_id == id) and Path(former).is_file():
        return Path(former)
    if sent is None:
        return None
    path = keep_upload(sent.name, sent.getvalue())
    st.session_state.study_uploaded = (sent.file_id, str(path))
    return path


def keep_upload(name: str, data: bytes) -> Path:
    """Store uploaded vectors where jobs find them: identical files once, old unused ones deleted."""
    stem, _, ending = name.rpartition(".")
    if ending.lower() not in ENDINGS:
        raise BadParameter("file", "the benchmark", "one of " + ", ".join(ENDINGS), name)
    try:
        short = slug(stem)[:40]
    except BadParameter:
        short = "vectors"
    path = uploads() / f"{short}-{hashlib.sha256(data).hexdigest()[:12]}.{ending.lower()}"
    if not path.is_file():
        write_bytes(path, data)
        remove_left_over(keep=path)
    return path


def uploads() -> Path:
    """The folder of uploaded vectors."""
    return workbench().home.studies / ".uploads"  # not a valid study name


def remove_left_over(keep: Path | None = None, older_than: float = _LEFT_OVER) -> None:
    """Delete uploads at least `older_than` seconds old that no study uses."""
    used = {study.plan.source for study in listed(STUDIES)}
    for path in uploads().glob("*.*"):
        with suppress(OSError):
            old = time.time() - path.stat().st_mtime >= older_than
            if old and path != keep and f"file:{path}" not in used:
                path.unlink()


def of_file(path: Path | None, asked: Path | None = None) -> Source | None:
    """The contents of a file of vectors and optionally one of queries; reread only when they change."""
    if path is None:
        return None
    try:
        with st.spinner("Reading the vectors …", show_time=False):
            title, count, width, queries, metric = _shapes.get((path, file_stamp(path)), lambda: _facts(path))
    except BenzerError:
        if path.parent == uploads():
            path.unlink(missing_ok=True)
        raise
    known = metric if metric in METRICS else None
    if known is None:
        st.session_state.setdefault("study-metric", "euclidean")
        known = st.segmented_control(
            "Distance", list(METRICS), format_func=metric_title, key="study-metric", required=True,
            persist_state="session", help="The file does not name a distance.",
        )  # fmt: skip
    if asked is not None:
        queries = _queries_of(asked, width)
    text = str(asked) if asked else ""
    return Source(file_source(path), title, title, str(known), count, width, text, queries)


def _queries_of(path: Path, width: int) -> int:
    """How many queries a file has; BadParameter if their dimension differs from the vectors'."""
    _, queries, found, *_ = _shapes.get((path, file_stamp(path)), lambda: _facts(path))
    if found != width:
        raise BadParameter("length", "the queries", f"{width}, as of the vectors", found)
    return int(queries)


def _facts(path: Path) -> tuple[Any, ...]:
    found = read_vectors(path)
    queries = 0 if found.queries is None else len(found.queries)
    return found.title, *found.vectors.shape, queries, found.metric

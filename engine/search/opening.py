"""From a recipe to an opened searcher: its prerequisites, and the stored or newly built index."""

from __future__ import annotations

import shlex
from contextlib import suppress
from dataclasses import dataclass

from engine.collections.collection import Collection, Images
from engine.core.cache import Cache, FileStamps
from engine.core.device import asked_precision
from engine.core.errors import Corrupt, NoIndex, NoVectors, StaleVectors, StorageFull
from engine.core.home import Home
from engine.core.humanize import count_of, file_size
from engine.core.recipe import Recipe
from engine.core.storage import digest_of
from engine.core.store import Store
from engine.encoders.choosing import default_choice
from engine.encoders.encoder import Encoder, EncoderInfo
from engine.encoders.vectors.store import Vectors, state, stored
from engine.indexes import Index, make_index
from engine.search.calibration.late import LateCalibration
from engine.search.calibration.stored import calibration_store
from engine.search.index_files import make_room, mark_used
from engine.search.provenance import provenance_of
from engine.search.searcher import Searcher

_REBUILT = "The {} index was built by an earlier version of Benzer; it has been built again."
BUILT_WHILE_WAITING = 16_000_000  # values (vectors × their length) whose index is built in seconds
_PRODUCTS = 2e11  # of two numbers, which take seconds as well
_LIGHT = 32 << 20  # bytes that an index may store, besides its vectors, without a question


@dataclass(frozen=True)
class OpenedRecipe:
    """A recipe with everything that answers it, valid as long as `files`, its sources, are unchanged."""

    collection: Collection
    encoder: Encoder
    searcher: Searcher
    files: FileStamps


def default_recipe(home: Home, collection: str) -> Recipe:
    """A sensible default for a collection: the best encoder that is ready, and exact search."""
    first = default_choice(home, collection)
    return Recipe(collection, first.name, first.weights, first.embedding)


def open_searcher(
    collection: Collection, info: EncoderInfo, recipe: Recipe, *, exact: Cache[Index], build_large: bool = False
) -> Searcher:
    """The recipe, ready to answer; `exact` caches the exact indexes that recipes over the same vectors share.

    Raises:
        NoVectors, StaleVectors: embed first. NoIndex: the index is large; build it first (or `build_large`).
    """
    require_vectors(collection, info, recipe)
    if not build_large:
        require_index(collection, info, recipe)
    images, vectors = collection.images(), stored(collection, info, recipe.embedding)
    if vectors is None or not _belong_together(images, vectors):
        raise StaleVectors(f"The collection {recipe.collection} is being changed right now.", way_out="Try again.")
    truth = exact.get((vectors.digest, recipe.metric), lambda: exact_index(vectors, recipe.metric))
    outdated = recipe.method != truth.name and _outdated(index_store(collection, info, recipe))
    index = open_index(collection, info, recipe, vectors, truth)
    note = _REBUILT.format(recipe.method) if outdated else ""
    place = calibration_store(collection, info, recipe.embedding, recipe.metric)
    calibration = LateCalibration(place, vectors, images, recipe.metric)
    return Searcher(recipe, images, vectors, index, truth, note, provenance_of(info, images), calibration)


def require_vectors(collection: Collection, info: EncoderInfo, recipe: Recipe) -> None:
    """Raise NoVectors or StaleVectors unless every image has its vector."""
    vectors = state(collection, info, recipe.embedding)
    if vectors.ready:
        return
    if vectors.missing >= vectors.total:
        raise NoVectors(
            f"{collection.title} is not ready for {info.title} yet: {count_of(vectors.total, 'picture')} to prepare.",
            way_out="Run: " + _embed_command(recipe),
        )
    if vectors.outdated and not vectors.missing and not vectors.stale:
        raise StaleVectors(
            f"{collection.title} was prepared by an earlier version of Benzer, which read some pictures differently.",
            way_out="Prepare it again; only those are processed.",
        )
    raise StaleVectors(
        f"{collection.title} has changed since it was prepared: {count_of(vectors.missing, 'picture')} "
        f"without a vector, {count_of(vectors.stale, 'vector')} out of date.",
        way_out="Prepare it again; only the changes are processed.",
    )


def require_index(collection: Collection, info: EncoderInfo, recipe: Recipe) -> None:
    """Raise NoIndex if building the index would take long, or much space; the sentence says how much."""
    vectors = None if recipe.method == "exact" else stored(collection, info, recipe.embedding)
    if vectors is None:
        return
    rows, width = vectors.matrix.shape
    cost = _empty_index(recipe).foreseen(rows, width)
    if vectors.matrix.size < BUILT_WHILE_WAITING and cost.bytes < _LIGHT and cost.products < _PRODUCTS:
        return
    place = index_store(collection, info, recipe)
    if place.intact(vectors=vectors.digest) is None:
        state = "was built by an earlier version of Benzer" if _outdated(place) else "has not been built yet"
        raise NoIndex(
            f"The {recipe.method} index over {rows:,} vectors of {width:,} values {state}; it takes about "
            f"{file_size(cost.bytes + vectors.matrix.nbytes)}.",
            way_out=f"Run: python -m engine index {shlex.quote(str(recipe))}",
        )


def open_index(collection: Collection, info: EncoderInfo, recipe: Recipe, vectors: Vectors, exact: Index) -> Index:
    """The index of a recipe over those vectors: the stored one if this version built it from them, else a new one."""
    if recipe.method == exact.name:  # the index is the vectors themselves
        return exact
    place = index_store(collection, info, recipe)
    snapshot = place.intact(vectors=vectors.digest)
    if snapshot is not None:
        with suppress(FileNotFoundError):  # other work has just deleted it to make room
            mark_used(place)
            return _empty_index(recipe).load(snapshot.folder)
    index = _empty_index(recipe).build(vectors.ids, vectors.matrix)
    with suppress(StorageFull):  # it still answers, and is rebuilt next time
        place.publish(index.save, {"vectors": vectors.digest, "recipe": str(recipe)})
        make_room(collection.folder.parent, place)
    return index


def _empty_index(recipe: Recipe) -> Index:
    return make_index(recipe.method, recipe.metric, **dict(recipe.options))


def _outdated(place: Store) -> bool:
    """Whether the stored index was built by an earlier version; it counts as missing."""
    try:
        return place.outdated()
    except Corrupt:
        return False


def exact_index(vectors: Vectors, metric: str) -> Index:
    """Exact search over the vectors."""
    return make_index("exact", metric).build(vectors.ids, vectors.matrix)


def index_store(collection: Collection, info: EncoderInfo, recipe: Recipe) -> Store:
    """Where the index of a recipe is stored."""
    parts = [info.name, info.weights, recipe.embedding, recipe.metric, recipe.method_text]
    asked = [asked_precision()] if info.precision and asked_precision() else []  # next to the default index
    key = digest_of(*parts, *asked)
    folder = collection.folder / "indexes" / f"{recipe.method}-{key}"
    version = _empty_index(recipe).version
    return Store(folder, format=f"index {recipe.method}", version=version)


def _belong_together(images: Images, vectors: Vectors) -> bool:
    """Whether every vector matches the current image: a rescan may come between the two reads."""
    return bool(images.holds(vectors.ids, vectors.contents).all())


def _embed_command(recipe: Recipe) -> str:
    words = ["python", "-m", "engine", "embed", "--collection", recipe.collection, "--encoder", recipe.encoder]
    words += ["--weights", recipe.weights] if recipe.weights else []
    return shlex.join([*words, "--pooling", recipe.embedding])

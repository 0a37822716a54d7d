"""Jobs that make a collection searchable: vectors, an index, a sample with its vectors."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_sample
from engine.core.cache import Cache
from engine.core.errors import BenzerError
from engine.core.home import home_of
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.encoder import Encoder
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import stored
from engine.search.calibration.altered import altered_distances
from engine.search.calibration.measuring import LEAST
from engine.search.calibration.stored import calibration_store, make_calibration
from engine.search.opening import default_recipe, open_searcher, require_vectors


def embed(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Compute the vectors that a recipe needs, and what their distances mean; only new images are encoded."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    collection = Collection.open(home, recipe.collection)
    encoder = open_encoder(recipe.encoder, recipe.weights, home, collection)
    done = embed_collection(collection, encoder, [recipe.embedding], reporter)
    if done.get("encoded"):  # vectors that came with a sample are calibrated at the first search
        with suppress(BenzerError):  # the vectors are there all the same
            _calibrate(collection, encoder.at(collection), recipe, reporter)
    return {"collection": collection.name, "encoder": recipe.encoder, **(done if isinstance(done, dict) else {})}


def calibrate(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Calibrate the distances of a recipe, by labels and by altered copies of some pictures; vectors must be there."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    collection = Collection.open(home, recipe.collection)
    encoder = open_encoder(recipe.encoder, recipe.weights, home, collection)
    require_vectors(collection, encoder.info, recipe)
    return {"collection": recipe.collection, "calibrated": _calibrate(collection, encoder, recipe, reporter)}


def _calibrate(collection: Collection, encoder: Encoder, recipe: Recipe, reporter: Reporter) -> bool:
    """Whether there were enough pictures for it."""
    vectors = stored(collection, encoder.info, recipe.embedding)
    if vectors is None or len(vectors.ids) < LEAST:
        return False
    reporter.update("Calibrating", 0, 1, "collections")
    altered = altered_distances(collection, encoder, recipe.embedding, vectors, recipe.metric)
    place = calibration_store(collection, encoder.info, recipe.embedding, recipe.metric)
    made = make_calibration(place, vectors, collection.images(), recipe.metric, altered)
    reporter.update("Calibrating", 1, 1, "collections")
    return made is not None


def index(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Build and store the index of a recipe, if that takes too long to wait for."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    reporter.update("Building the index", 0, 1, "indexes")
    collection = Collection.open(home, recipe.collection)
    info = open_encoder(recipe.encoder, recipe.weights, home, collection).info
    searcher = open_searcher(collection, info, recipe, exact=Cache(1), build_large=True)
    reporter.update("Building the index", 1, 1, "indexes")
    return {"collection": recipe.collection, "vectors": searcher.index.size}


def sample(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Draw one of the sample collections and embed it with its default recipe."""
    home, name = home_of(arguments), arguments["name"]
    report = import_sample(home, name, reporter).to_dict()
    recipe = default_recipe(home, name)
    return report | {"embedded": embed({**arguments, "recipe": recipe.as_dict()}, reporter)}

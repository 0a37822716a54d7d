"""Jobs that make a collection searchable: vectors, an index, a sample with its vectors."""

from __future__ import annotations

from typing import Any

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_sample
from engine.core.cache import Cache
from engine.core.home import home_of
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.vectors.pipeline import embed_collection
from engine.search.opening import default_recipe, open_searcher


def embed(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Compute the vectors that a recipe needs; only new and changed images are encoded."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    collection = Collection.open(home, recipe.collection)
    encoder = open_encoder(recipe.encoder, recipe.weights, home, collection)
    done = embed_collection(collection, encoder, [recipe.embedding], reporter)
    return {"collection": collection.name, "encoder": recipe.encoder, **(done if isinstance(done, dict) else {})}


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

"""Finding the nearest neighbours of every picture as a job."""

from __future__ import annotations

from typing import Any

from engine.collections.collection import Collection
from engine.core.cache import Cache
from engine.core.home import home_of
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.pooling import unaugmented
from engine.encoders.vectors.pipeline import vectors_of
from engine.grouping.neighbourhoods.neighbourhoods import open_neighbourhoods


def duplicates(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Find the nearest neighbours of each picture, for duplicates and outliers; missing vectors are computed first."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    recipe = recipe.but(embedding=unaugmented(recipe.embedding))
    collection = Collection.open(home, recipe.collection)
    encoder = open_encoder(recipe.encoder, recipe.weights, home).prepared(collection, reporter)
    vectors_of(collection, encoder, recipe.embedding, reporter)
    found = open_neighbourhoods(collection, encoder.info, recipe, exact=Cache(1), reporter=reporter).duplicates()
    counts = {"pictures": len(found.nearness), "groups": len(found.groups), "copies": len(found.copies)}
    return {"collection": recipe.collection, "threshold": found.share.threshold, **counts}

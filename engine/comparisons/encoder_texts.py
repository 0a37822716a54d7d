"""Encoders with their pooling as one text, "model-4@default/max", as plans and commands that compare them write it."""

from __future__ import annotations

from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders.choosing import default_embedding, with_weights
from engine.encoders.pooling import embedding


def whole_text(home: Home, text: str, wanted_by: str) -> str:
    """The text with the newest weights and the usual pooling of the encoder where it names none.

    Args:
        wanted_by: what the encoder is for, as in an error message: "a comparison".

    Raises:
        BadParameter: no such encoder or pooling.
    """
    encoder, _, pooling = text.partition("/")
    named = with_weights(home, encoder, wanted_by)
    pooling = pooling or default_embedding(home, *named.partition("@")[::2])
    embedding(pooling)
    return f"{named}/{pooling}"


def encoder_text(recipe: Recipe) -> str:
    """The encoder of a recipe with its weights and pooling."""
    weights = f"@{recipe.weights}" if recipe.weights else ""
    return f"{recipe.encoder}{weights}/{recipe.embedding}"


def recipe_of_text(text: str, collection: str, metric: str) -> Recipe:
    """The recipe of an encoder's whole text, by exact search; BadParameter for one without pooling."""
    name, _, pooling = text.partition("/")
    return Recipe(collection, *name.partition("@")[::2], embedding=pooling, metric=metric)

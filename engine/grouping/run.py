"""From a recipe to a stored grouping: vectors, groups and a map of a whole collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.collections.collection import Collection
from engine.core.errors import NoVectors
from engine.core.home import Home
from engine.core.humanize import count_of, examples
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import choices, open_encoder
from engine.encoders.vectors.pipeline import vectors_of
from engine.grouping import clusterers, projections
from engine.grouping.grouper import group, methods
from engine.grouping.plan import GroupingPlan
from engine.grouping.presets import Preset
from engine.grouping.stored.grouping import checked_title, store_grouping
from engine.search.opening import default_recipe


def group_collection(
    home: Home, recipe: Recipe, plan: Mapping[str, Any], title: str, reporter: Reporter
) -> dict[str, Any]:
    """Embed images without a vector, then reduce, cluster, lay out and store; the name and number of groups.

    Raises:
        BadParameter: a choice has no such value, or no images. NotTrained, NoWeights: the encoder is not ready.
        StorageFull, Stopped.
    """
    chosen, collection = GroupingPlan.from_dict(plan), Collection.open(home, recipe.collection)
    title = checked_title(title) if title else ""
    methods(chosen, recipe.metric, len(collection))  # fails before anything is embedded
    encoder = open_encoder(recipe.encoder, recipe.weights, home).prepared(collection, reporter)
    images = collection.images()  # before embedding: images added since count as new, not as left out
    vectors = vectors_of(collection, encoder, recipe.embedding, reporter)
    if not len(vectors.ids):
        raise NoVectors(f"No picture of {collection.title} could be prepared.")
    found = group(vectors.matrix, chosen, recipe.metric, reporter)
    left_out = np.flatnonzero(~np.isin(images.ids, vectors.ids[images.holds(vectors.ids, vectors.contents)])).tolist()
    found.notes += _left_out_note([images.names[row] for row in left_out])
    title = title or _title(chosen)
    pictures, precision = (vectors.hashes, vectors.ids), encoder.info.computed_in
    without = [(int(images.ids[row]), images.hashes[row]) for row in left_out]
    made = store_grouping(collection, recipe, chosen, *pictures, found, title, without, precision)
    return {"collection": collection.name, "grouping": made.name, "groups": made.facts["groups"]}


def _left_out_note(names: list[str]) -> list[str]:
    are = "is" if len(names) == 1 else "are"
    pictures = f"{count_of(len(names), 'picture')} could not be prepared and {are} in no group: {examples(names)}."
    return [pictures] if names else []


def _title(plan: GroupingPlan) -> str:
    clustering = clusterers()[plan.clustering.name].title
    return f"{projections()[plan.reduction.name].title} + {clustering}" if plan.reduction else clustering


def recipe_of_preset(home: Home, preset: Preset, collection: str) -> Recipe:
    """The recipe of a preset with the best of its encoders that is ready; else the collection's default."""
    ready = {choice.name for choice in choices(home) if choice.ready and not choice.weights}  # a run is another encoder
    name = next((encoder for encoder in preset.encoders if encoder in ready), None)
    if name is None:
        return default_recipe(home, collection).but(metric=preset.metric)
    return Recipe(collection, name, "", preset.embedding, preset.metric)

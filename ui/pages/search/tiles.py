"""Gallery tiles for an answer, or for what it missed."""

from __future__ import annotations

from engine.core.recipe import Recipe
from engine.workbench.workbench import Answer
from ui.session.opened import images_of, row_of
from ui.widgets.gallery import Tile, thumbnail_url


def answer_tiles(recipe: Recipe, answer: Answer, query_label: str, *, labelled: bool = True) -> list[Tile]:
    """A tile for each hit, with its rank and distance; marked if its label is the query's."""
    images = images_of(recipe.collection)
    hashes = {int(id): digest for id, digest in zip(images.ids, images.hashes, strict=True)}
    return [
        Tile(
            id=hit.id,
            src=thumbnail_url(recipe.collection, hit.id, hashes.get(hit.id, "")),
            name=hit.name,
            rank=hit.rank,
            distance=hit.distance,
            label=(hit.label or hit.name) if labelled else None,
            same=hit.label == query_label if hit.label and query_label else None,
        )
        for hit in answer.hits
    ]


def missed_tiles(recipe: Recipe, answer: Answer) -> list[Tile]:
    """A tile for each image that exact search finds and the answer lacks."""
    images = images_of(recipe.collection)
    tiles = []
    for id in answer.missed:
        row = row_of(recipe.collection, id)
        src = thumbnail_url(recipe.collection, id, images.hashes[row])
        tiles.append(Tile(id=id, src=src, name=images.names[row], missed=True))
    return tiles

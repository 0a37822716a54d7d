"""Pictures of a grid for results, and gallery tiles for the methods side by side."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.recipe import Recipe
from engine.search.calibration.calibration import Confidence
from engine.workbench.workbench import Answer, Hit
from ui.pages.search.confidence import alike_shown, chance_shown
from ui.session.facts import stars_of
from ui.session.opened import images_of, row_of
from ui.widgets.gallery import Tile, thumbnail_url
from ui.widgets.picture_grid import Picture, picture_of


def result_pictures(
    recipe: Recipe, hits: Sequence[Hit], query_label: str, confidence: Confidence | None = None
) -> list[Picture]:
    """A picture for each result: below it its label, which is marked if it is the query's, and its text."""
    images, stars = images_of(recipe.collection), stars_of(recipe.collection)
    return [
        picture_of(
            recipe.collection,
            images,
            row_of(recipe.collection, hit.id),
            second=" · ".join(filter(None, (hit.label, hit.text))),
            stars=stars.get(hit.id, 0),
            same=hit.label == query_label if hit.label and query_label else None,
            distance=hit.distance,
            chance=chance_shown(confidence.percentiles[place], confidence.expected[place]) if confidence else "",
            alike=alike_shown(confidence.alike, place) if confidence else "",
        )
        for place, hit in enumerate(hits)
    ]


def answer_tiles(recipe: Recipe, answer: Answer) -> list[Tile]:
    """A tile for each result of a method, with its rank and distance."""
    return [
        Tile(
            id=hit.id,
            src=thumbnail_url(recipe.collection, hit.id, hit.sha256),
            name=hit.name,
            rank=hit.rank,
            distance=hit.distance,
        )
        for hit in answer.hits
    ]


def missed_tiles(recipe: Recipe, answer: Answer) -> list[Tile]:
    """A tile for each picture that exact search finds and the results lack."""
    images = images_of(recipe.collection)
    tiles = []
    for id in answer.missed:
        row = row_of(recipe.collection, id)
        src = thumbnail_url(recipe.collection, id, images.hashes[row])
        tiles.append(Tile(id=id, src=src, name=images.names[row], missed=True))
    return tiles

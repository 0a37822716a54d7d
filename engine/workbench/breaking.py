"""The part of the workbench that says what breaks a match: the query is altered, and the match looked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial

from PIL import Image

from engine.collections.collection import Collection
from engine.collections.reading.workers import whole_in_worker
from engine.encoders.vectors.batches import embed_pictures
from engine.evidence.alterations import ALTERATIONS, SIDE, alteration
from engine.evidence.breaking import Breaking, Pair, Standing, breaking
from engine.evidence.drawing import png
from engine.search.answer import Query
from engine.workbench.inputs import PictureLike, one_picture
from engine.workbench.part import Part, RecipeLike


class BreakingMethods(Part):
    """Methods for altered queries, mixed into `Workbench`."""

    def standing(
        self, recipe: RecipeLike, query: Query | PictureLike | int, match: int, name: str, strength: float
    ) -> Standing:
        """Rank and distance of a match for a query altered in one way, by exact search.

        Raises:
            NotReady: embed first. NotFound: no such match. BadParameter: no such alteration or strength, or words or
            several pictures instead of one. BenzerError: the encoder reads no pictures (imported vectors).
        """
        return self._pair(recipe, query, match).standings(alteration(name), [strength])[0]

    def breaking(
        self,
        recipe: RecipeLike,
        query: Query | PictureLike | int,
        match: int,
        names: Sequence[str] = tuple(ALTERATIONS),
    ) -> Iterator[Breaking]:
        """The breaking points of a match, one alteration after the other; raises as `standing` does."""
        pair = self._pair(recipe, query, match)
        return (breaking(pair, way) for way in [alteration(name) for name in names])

    def altered(self, collection: str, query: Query | PictureLike | int, name: str, strength: float) -> bytes:
        """The query altered in one way, as a PNG."""
        picture = self._whole(self.collection(collection), one_picture(query, "an altered search"))
        return png(alteration(name)(picture, strength))

    def _pair(self, recipe: RecipeLike, query: Query | PictureLike | int, match: int) -> Pair:
        recipe = self.recipe_of(recipe)
        asked = one_picture(query, "an altered search")
        opened = self._open(recipe.but(method="exact", options=()))
        searcher = opened.searcher
        return Pair(
            self._whole(opened.collection, asked),
            partial(embed_pictures, opened.encoder, name=recipe.embedding, finish=searcher.vectors.finish),
            searcher.exact,
            match,
            searcher.vector(match)[0],
            asked.image_id,
        )

    def _whole(self, collection: Collection, query: Query) -> Image.Image:
        """The query picture, cropped, in its own shape; decoded once for all alterations."""
        data = query.data if query.data is not None else collection.picture(query.image_id or 0)
        key = ("whole", hashlib.sha256(data).digest(), query.crop)
        return Image.fromarray(self._pictures.get(key, lambda: whole_in_worker(data, SIDE, query.crop)))

"""The part of the workbench that says why two pictures are near."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

from PIL import Image

from engine.collections.collection import Collection
from engine.collections.reading.workers import shown_in_worker
from engine.encoders.pooling import WHITE, unaugmented, unfinished
from engine.encoders.vectors.store import stored
from engine.evidence.blocks import blocks_of
from engine.evidence.drawing import png, side_by_side, stacked
from engine.evidence.explanation import Explanation, Subject, explain, explained
from engine.search.answer import Query
from engine.search.examples import Crop
from engine.workbench.inputs import PictureLike, one_picture
from engine.workbench.part import Part, RecipeLike

_DRAWN_SIDE = 960  # pixels
_THING = "an explanation"


class ExplainingMethods(Part):
    """Methods for the evidence of a match, mixed into `Workbench`."""

    def explain(
        self, recipe: RecipeLike, first: Query | PictureLike | int, second: Query | PictureLike | int
    ) -> Explanation:
        """What each place of two pictures contributes to their distance under a recipe.

        Raises:
            BenzerError: the encoder has no places. NotReady: embed first. NotFound: no such picture.
            BadParameter: words or several pictures instead of one.
        """
        recipe = self.recipe_of(recipe)
        blocks_of(self.encoder(recipe), unaugmented(recipe.embedding))  # before anything is embedded
        opened = self._open(explained(recipe))
        one, other = self._two_subjects(opened.collection, first, second)
        plain = None
        if WHITE in recipe.embedding:
            plain = stored(opened.collection, opened.encoder.info, unfinished(recipe.embedding))
        return explain(opened.encoder, opened.searcher.vectors, recipe, one, other, plain)

    def drawn_explanation(
        self,
        recipe: RecipeLike,
        explanation: Explanation,
        first: Query | PictureLike | int,
        second: Query | PictureLike | int,
    ) -> bytes:
        """A PNG of both pictures with their maps and lines between the strongest places, a row for each encoder; below,
        what is left without the mean of the collection."""
        recipe = self.recipe_of(recipe)
        collection = self.collection(recipe.collection)
        pictures = [_shown(collection, one_picture(query, _THING)) for query in (first, second)]
        return png(stacked([side_by_side(part, *pictures) for part in explanation.maps]))

    def shown(self, collection: str, query: Query | PictureLike | int) -> bytes:
        """A picture, cropped as in the query, as a JPEG to show beside another."""
        picture = _shown(self.collection(collection), one_picture(query, _THING))
        out = io.BytesIO()
        picture.convert("RGB").save(out, "JPEG", quality=90)
        return out.getvalue()

    def _two_subjects(
        self, collection: Collection, first: Query | PictureLike | int, second: Query | PictureLike | int
    ) -> tuple[Subject, Subject]:
        one, other = (self._subject(collection, one_picture(query, _THING)) for query in (first, second))
        return one, other

    def _subject(self, collection: Collection, query: Query) -> Subject:
        data = _data(collection, query)
        return Subject(partial(self._decoded, data, crop=query.crop), query.image_id if query.stored else None)


def _data(collection: Collection, query: Query) -> bytes:
    return query.data if query.data is not None else collection.picture(query.image_id or 0)


def _shown(collection: Collection, query: Query) -> Image.Image:
    """The upright picture, cropped as in the query."""
    picture = Image.open(io.BytesIO(shown_in_worker(_data(collection, query), _DRAWN_SIDE)))
    return picture.crop(_box(picture, query.crop)) if query.crop else picture


def _box(picture: Image.Image, crop: Crop) -> Any:
    left, top, right, bottom = crop
    width, height = picture.size
    return round(left * width), round(top * height), round(right * width), round(bottom * height)

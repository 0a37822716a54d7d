"""The part of the workbench that shows what an encoder sees of two pictures."""

from __future__ import annotations

import io
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.collection import Collection
from engine.core.recipe import Recipe
from engine.evidence.channels import Channels, channels, check_channels
from engine.evidence.decoded import Decoded, decoded
from engine.evidence.drawing import png
from engine.evidence.explanation import Subject, explained
from engine.evidence.sheets import channels_sheet, decoded_sheet
from engine.search.answer import Query
from engine.search.opening import OpenedRecipe
from engine.workbench.inputs import PictureLike
from engine.workbench.part import Part

Sights: TypeAlias = Decoded | Channels


class SeeingMethods(Part):
    """Methods for what an encoder sees, mixed into `Workbench`."""

    def shown(self, collection: str, query: Query | PictureLike | int) -> bytes:
        raise NotImplementedError

    def _two_subjects(
        self, collection: Collection, first: Query | PictureLike | int, second: Query | PictureLike | int
    ) -> tuple[Subject, Subject]:
        raise NotImplementedError

    def sights(self, recipe: Recipe, first: Query | PictureLike | int, second: Query | PictureLike | int) -> Sights:
        """What the recipe's encoder sees of two pictures.

        An encoder with a decoder gives both back and the way between them; of another network, the channels that carry
        the match are shown by the pictures that excite them most.

        Raises:
            BenzerError: the encoder has neither a decoder nor channels with places. NotReady: embed first.
            NotFound: no such picture. BadParameter: words or several pictures instead of one.
        """
        recipe = explained(recipe)
        if not self.encoder(recipe).decodes:
            check_channels(self.encoder(recipe), recipe.embedding)  # before anything is embedded
        opened = self._open(recipe)
        subjects = self._two_subjects(opened.collection, first, second)
        if not opened.encoder.decodes:
            return channels(opened.encoder, opened.searcher.vectors, recipe, *subjects)
        nearest = partial(_nearest, opened)
        return decoded(opened.encoder, *subjects, recipe.embedding, opened.searcher.vectors.finish, nearest)

    def drawn_sights(
        self, recipe: Recipe, found: Sights, first: Query | PictureLike | int, second: Query | PictureLike | int
    ) -> bytes:
        """A PNG of what `sights` found."""
        collection = self.collection(recipe.collection)
        thumbnail = partial(_thumbnail, collection)
        if isinstance(found, Decoded):
            return png(decoded_sheet(found, thumbnail))
        one, other = (Image.open(io.BytesIO(self.shown(recipe.collection, each))) for each in (first, second))
        return png(channels_sheet(found, one, other, thumbnail))


def _nearest(opened: OpenedRecipe, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    found = opened.searcher.exact.search(vectors, 1)
    return found.ids[:, 0], found.distances[:, 0]


def _thumbnail(collection: Collection, id: int) -> Image.Image:
    return Image.open(io.BytesIO(collection.thumbnail(id)), formats=["WEBP"])

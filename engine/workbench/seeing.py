"""The part of the workbench that shows what an encoder sees of two pictures."""

from __future__ import annotations

import io
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.encoders.text_image import takes_texts
from engine.encoders.vectors.batches import encode_latent
from engine.evidence.channels import Channels, channels, check_channels
from engine.evidence.class_map import ClassMap, Head, class_map
from engine.evidence.decoded import Decoded, decoded
from engine.evidence.drawing import png
from engine.evidence.explanation import explained
from engine.evidence.sheets import channels_sheet, class_sheet, decoded_sheet
from engine.search.answer import Query
from engine.search.classes import head, words_recipe
from engine.search.opening import OpenedRecipe
from engine.texts.lexicon.lexicon import lexicon
from engine.workbench.explaining import ExplainingMethods
from engine.workbench.inputs import PictureLike
from engine.workbench.part import RecipeLike
from engine.workbench.words import WordMethods

Sights: TypeAlias = Decoded | Channels


class SeeingMethods(ExplainingMethods, WordMethods):
    """Methods for what an encoder sees, mixed into `Workbench`."""

    def sights(self, recipe: RecipeLike, first: Query | PictureLike | int, second: Query | PictureLike | int) -> Sights:
        """What the recipe's encoder sees of two pictures.

        An encoder with a decoder gives both back and the way between them; of another network, the channels that carry
        the match are shown by the pictures that excite them most.

        Raises:
            BenzerError: the encoder has neither a decoder nor channels with places. NotReady: embed first.
            NotFound: no such picture. BadParameter: words or several pictures instead of one.
        """
        recipe = self.recipe_of(recipe)
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
        self, recipe: RecipeLike, found: Sights, first: Query | PictureLike | int, second: Query | PictureLike | int
    ) -> bytes:
        """A PNG of what `sights` found."""
        recipe = self.recipe_of(recipe)
        collection = self.collection(recipe.collection)
        thumbnail = partial(_thumbnail, collection)
        if isinstance(found, Decoded):
            return png(decoded_sheet(found, thumbnail))
        one, other = (Image.open(io.BytesIO(self.shown(recipe.collection, each))) for each in (first, second))
        return png(channels_sheet(found, one, other, thumbnail))

    def explain_words(self, recipe: RecipeLike, text: str, picture: Query | PictureLike | int) -> ClassMap:
        """Which class the words were taken for in a picture that a search by words found, and where it is seen.

        Raises:
            BenzerError: no word is known, or the recipe's encoder reads texts itself. NotFound: no such picture.
        """
        recipe = self.recipe_of(recipe)
        if takes_texts(recipe.encoder):
            raise BenzerError(
                "This encoder compares a text with a picture as a whole: no place can be named.",
                way_out="Choose an encoder that does not read texts; the dictionary then finds what words mean.",
            )
        by_words = words_recipe(recipe.collection)
        encoder = self.encoder(by_words)
        [subject, _] = self._two_subjects(self.collection(recipe.collection), picture, picture)
        last = Head(*head(), lexicon().classes)
        latent = encode_latent(encoder, subject.pixels)
        return class_map(encoder.info.title, latent, last, self.meaning(text).weights)

    def drawn_class(self, recipe: RecipeLike, found: ClassMap, picture: Query | PictureLike | int) -> bytes:
        """A PNG of the picture beside its map."""
        recipe = self.recipe_of(recipe)
        return png(class_sheet(found, Image.open(io.BytesIO(self.shown(recipe.collection, picture)))))


def _nearest(opened: OpenedRecipe, vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    found = opened.searcher.exact.search(vectors, 1)
    return found.ids[:, 0], found.distances[:, 0]


def _thumbnail(collection: Collection, id: int) -> Image.Image:
    return Image.open(io.BytesIO(collection.thumbnail(id)), formats=["WEBP"])

"""What all parts of the workbench share: the home, and collections, encoders and recipes that are kept open."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.collections.collection import Collection
from engine.collections.reading.workers import read_in_worker
from engine.core.cache import Cache, FileStamps, catalogue_files, catalogue_stamp, file_stamp
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.settings import check_text
from engine.encoders import open_encoder
from engine.encoders.combination import parts_of
from engine.encoders.encoder import Encoder, ReadsTexts
from engine.encoders.onnx_networks import network_pointer
from engine.encoders.text_image import card_file
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.store import store
from engine.indexes import Index
from engine.search import opening
from engine.search.answer import Query
from engine.search.examples import Crop
from engine.search.opening import OpenedRecipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RecipeLike: TypeAlias = Recipe | Collection | str  # of a collection or its name the default recipe

COLLECTIONS_KEPT = 8
RECIPES_KEPT = 6
_PICTURES_KEPT = 8  # decoded query pictures: a few hundred kilobytes each
_ENCODERS_KEPT = 2


class Part:
    """The base of all parts. Each inherits from those whose methods it uses, and keeps what it opens itself."""

    def __init__(self, home: Home | None = None) -> None:
        if not isinstance(home, Home | None):
            raise BadParameter("home", "a workbench", "a Home, or left out", home)
        self.home = home or Home.default()
        self._collections: Cache[Collection] = Cache(COLLECTIONS_KEPT)
        self._opened: Cache[OpenedRecipe] = Cache(RECIPES_KEPT)
        self._encoders: Cache[Encoder] = Cache(_ENCODERS_KEPT)
        self._exact: Cache[Index] = Cache(RECIPES_KEPT)  # shared by the recipes over the same vectors
        self._pictures: Cache[NDArray[np.uint8]] = Cache(_PICTURES_KEPT)

    def collection(self, name: str) -> Collection:
        """The collection of that name; NotFound if there is none."""
        if not isinstance(name, str):  # asked here, as every click comes by
            check_text("name", "a collection", name)
        stamp = catalogue_stamp(self.home.datasets / name)
        return self._collections.get((name, stamp), lambda: Collection.open(self.home, name))

    def default_recipe(self, collection: str) -> Recipe:
        """A sensible default for a collection: the best encoder that is ready, and exact search."""
        check_text("name", "a collection", collection)
        return opening.default_recipe(self.home, collection)

    def recipe_of(self, text: RecipeLike) -> Recipe:
        """A recipe from its printed form, or the default recipe of a collection.

        Raises:
            BadParameter: another type, or not the form of a recipe. NotFound: no such collection.
        """
        if isinstance(text, Recipe):
            return text
        name = text.name if isinstance(text, Collection) else text
        if not isinstance(name, str):
            wanted = "a configuration, its text, a collection or the name of one"
            raise BadParameter("recipe", "the search", wanted, type(text).__name__)
        return Recipe.parse(name) if "/" in name else self.default_recipe(name)

    def encoder(self, recipe: RecipeLike) -> Encoder:
        """The recipe's encoder, loaded and adapted to the recipe's collection.

        Raises:
            NotTrained, NoWeights, Corrupt: its weights are missing or damaged. NotFound: no such encoder, collection.
        """
        recipe = self.recipe_of(recipe)
        key = (recipe.encoder, recipe.weights, file_stamp(*self._weights_files(recipe)))
        opened = self._encoders.get(key, lambda: open_encoder(recipe.encoder, recipe.weights, self.home))
        return opened.at(self.collection(recipe.collection))

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, recipe: Recipe) -> OpenedRecipe:
        """The opened recipe, cached until images, weights or vectors change."""
        key = (
            *(recipe.collection, recipe.encoder, recipe.weights),
            *(recipe.embedding, recipe.metric, recipe.method, recipe.options),
        )
        opened = self._opened.get(key, lambda: self._opened_now(recipe))
        if not opened.files.unchanged():
            self._opened.drop(key, opened)
            opened = self._opened.get(key, lambda: self._opened_now(recipe))
        return opened

    def _opened_now(self, recipe: Recipe) -> OpenedRecipe:
        """The opened recipe. Files are stamped before they are read: a concurrent change shows at the next search."""
        files = FileStamps(*catalogue_files(self.home.datasets / recipe.collection), *self._weights_files(recipe))
        collection, encoder = self.collection(recipe.collection), self.encoder(recipe)
        files.add(*encoder.made_from(collection))
        encoder = encoder.at(collection)
        files.add(store(collection, encoder.info, recipe.embedding).pointer)
        searcher = opening.open_searcher(collection, encoder.info, recipe, exact=self._exact)
        return OpenedRecipe(collection, encoder, searcher, files)

    def _query_vector(self, opened: OpenedRecipe, recipe: Recipe, query: Query) -> NDArray[Any]:
        if query.stored:
            return opened.searcher.vector(query.image_id or 0)  # any value: what is not an id is not found

        data = query.data
        if data is None and query.image_id is not None:
            data = opened.collection.picture(query.image_id)
        picture = partial(self._decoded, data or b"", crop=query.crop)
        finish = opened.searcher.vectors.finish
        if query.text:
            vector = described_vector(opened.encoder, query, picture if data else None)
            return finish(vector) if finish else vector
        return embed_pictures(opened.encoder, [picture], recipe.embedding, finish)

    def _decoded(self, data: bytes, size: int, crop: Crop | None) -> NDArray[np.uint8]:
        """An external picture, decoded once for all recipes and pages."""
        key = (hashlib.sha256(data).digest(), size, crop)
        return self._pictures.get(key, lambda: read_in_worker(data, size, crop))

    def _weights_files(self, recipe: Recipe) -> list[Path]:
        files = []
        for encoder, weights in parts_of(recipe.encoder, recipe.weights):
            if weights:
                files += [folder / weights / "run.json" for folder in self.home.runs]
            else:  # a ready-made network has a card, an added one a store, a descriptor neither
                files += [card_file(self.home, encoder), network_pointer(self.home, encoder)]
        return files


def described_vector(encoder: Encoder, query: Query, picture: Any | None) -> NDArray[np.float32]:
    """The (1, d) vector of a query with a text; BadParameter if the encoder takes pictures only."""
    if not isinstance(encoder, ReadsTexts):
        way_out = "Choose an encoder of picture and text; python -m engine classify makes one."
        raise BadParameter(
            "text", "the query", "left out: this encoder sees pictures only", query.text, way_out=way_out
        )
    return encoder.embed_query(picture, query.text, query.share)

"""The part of the workbench that shows hash codes at work."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.comparisons.hashlab.lab import HashLab
from engine.core.cache import Cache
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.search.answer import Query
from engine.workbench.inputs import PictureLike, one_picture
from engine.workbench.part import Part, RecipeLike

_LABS_KEPT = 2  # with 100,000 vectors each holds some hundred megabytes


class HashCodeMethods(Part):
    """Methods for hash codes, mixed into `Workbench`."""

    def __init__(self, home: Home | None = None) -> None:
        super().__init__(home)
        self._labs: Cache[HashLab] = Cache(_LABS_KEPT)

    def hash_lab(self, recipe: RecipeLike) -> HashLab:
        """The hash codes of a collection's vectors under every method; the recipe's own method does not matter.

        Raises:
            NotReady: embed first. BadParameter: fewer than 3 pictures.
        """
        recipe = self.recipe_of(recipe)
        searcher = self._open(_exact(recipe)).searcher
        vectors, metric = searcher.vectors, recipe.metric
        return self._labs.get(
            (vectors.digest, metric), lambda: HashLab(vectors.ids, vectors.matrix, metric, searcher.exact)
        )

    def picture_vector(self, recipe: RecipeLike, picture: Query | PictureLike | int) -> NDArray[np.float32]:
        """The (1, d) vector of one picture, of the collection or from outside, as a search compares it.

        Raises:
            NotReady: embed first. NotFound: no such picture. BadParameter: words or several pictures.
        """
        recipe = self.recipe_of(recipe)
        query = one_picture(picture, "hash codes")
        found: NDArray[np.float32] = self._query_vector(self._open(_exact(recipe)), _exact(recipe), query)
        return found


def _exact(recipe: Recipe) -> Recipe:
    return recipe.but(method="exact", options=())

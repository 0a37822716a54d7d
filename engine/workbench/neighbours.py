"""The part of the workbench for the nearest neighbours of every picture: duplicates by vectors, and outliers."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.home import Home
from engine.encoders.pooling import unaugmented
from engine.encoders.vectors.store import store
from engine.grouping.neighbourhoods.neighbourhoods import NearDuplicates, Neighbourhoods, Outliers, open_neighbourhoods
from engine.workbench.part import Part, RecipeLike

_KEPT = 2


class NeighbourMethods(Part):
    """Methods for the neighbours of all pictures, mixed into `Workbench`."""

    def __init__(self, home: Home | None = None) -> None:
        super().__init__(home)
        self._neighbourhoods_kept: Cache[Neighbourhoods] = Cache(_KEPT)

    def duplicates(
        self, recipe: RecipeLike, threshold: float | None = None, keepers: Sequence[int] = ()
    ) -> NearDuplicates:
        """Groups of copies within a threshold (None: the suggested one); `keepers` are kept, else the largest.

        Raises:
            NotReady: start the job "duplicates". NotFound: no such keeper. BadParameter: a threshold out of range.
        """
        return self._neighbourhoods(recipe).duplicates(threshold, keepers)

    def outliers(self, recipe: RecipeLike, most: int | None = None) -> Outliers:
        """The pictures without near neighbours, the most unusual first; raises as `duplicates` does."""
        return self._neighbourhoods(recipe).outliers(most)

    def _neighbourhoods(self, recipe: RecipeLike) -> Neighbourhoods:
        recipe = self.recipe_of(recipe)
        recipe = recipe.but(method="exact", k=1, embedding=unaugmented(recipe.embedding))
        collection, info = self.collection(recipe.collection), self.encoder(recipe).info
        vectors = store(collection, info, recipe.embedding).pointer
        key = (recipe, info.fingerprint, catalogue_stamp(collection.folder), file_stamp(vectors))
        return self._neighbourhoods_kept.get(
            key, lambda: open_neighbourhoods(collection, info, recipe, exact=self._exact)
        )

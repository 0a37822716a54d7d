"""The part of the workbench that says how far results can be trusted: calibration, hubs and orphans."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import metric
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.encoders.pooling import unaugmented
from engine.evaluation.local_scaling import NEIGHBOURS, ScalingEffect, scaled, scaling_effect
from engine.grouping.neighbourhoods.hubs import EXACT_UP_TO, Hubs, sampled_occurrences
from engine.search.answer import Answer, Query
from engine.search.calibration.calibration import Calibration
from engine.search.calibration.stored import labels_of
from engine.search.limits import Limits
from engine.search.opening import OpenedRecipe
from engine.workbench.neighbours import NeighbourMethods
from engine.workbench.part import RecipeLike


class CalibrationMethods(NeighbourMethods):
    """Methods for calibrated results and for hubs, mixed into `Workbench`."""

    def calibration(self, recipe: RecipeLike) -> Calibration | None:
        """How distances are read under a recipe, whose method and k do not matter; made now if it is missing.

        None for too few pictures. `run("calibrate", recipe=…)` also measures altered copies.

        Raises:
            NotReady: something must be prepared first.
        """
        recipe = self.recipe_of(recipe)
        late = self._open(recipe.but(method="exact", options=())).searcher.calibration
        return late.wait() if late is not None else None

    def calibrated(self, answer: Answer) -> Answer:
        """The answer with its calibration, which for a large collection may have been missing at the first search."""
        if answer.calibrated is not None or not answer.query.pictured:
            return answer
        return replace(answer, calibrated=self.calibration(answer.recipe))

    def hubs(self, recipe: RecipeLike) -> Hubs:
        """Which pictures are among the ten nearest of very many others, and of none; method and k do not matter.

        Exact up to 20,000 pictures, beyond that with as many of them as queries, drawn at random.

        Raises:
            NotReady: start the job "embed", or, of many pictures, "duplicates", which finds their nearest neighbours.
        """
        recipe = self.recipe_of(recipe)
        if len(self.collection(recipe.collection)) <= EXACT_UP_TO:
            return self._neighbourhoods(recipe).hubs()
        opened = self._open(recipe.but(method="exact", options=()))
        vectors, pictures = opened.searcher.vectors, {row.id: row for row in opened.collection.rows("image")}
        found = sampled_occurrences(vectors.ids, np.asarray(vectors.matrix), opened.searcher.exact.search)
        return Hubs(recipe, found, pictures)

    # ── local scaling ────────────────────────────────────────────────────────────────────────────────────────────

    def scaling_effect(self, recipe: RecipeLike) -> ScalingEffect | None:
        """What local scaling changes of precision@8, by the labels of the collection; None if none is shared.

        Raises:
            NotReady: as `hubs`. BadParameter: too few pictures.
        """
        recipe = self.recipe_of(recipe)
        reach = self._reach(recipe)
        searcher = self._open(recipe.but(method="exact", options=())).searcher
        labels = labels_of(searcher.vectors, searcher.images)
        return scaling_effect(np.asarray(searcher.vectors.matrix), labels, recipe.metric, reach)

    def search_scaled(
        self,
        opened: OpenedRecipe,
        query: Query,
        vector: NDArray[np.float32],
        recipe: Recipe,
        limits: Limits,
        *,
        encode_milliseconds: float,
        note: str = "",
    ) -> Answer:
        """The answer to one query picture, ranked by local scaling; raises as `scaling_effect`."""
        reach, began = self._reach(recipe), time.perf_counter()
        distances = metric(recipe.metric).between(vector, np.asarray(opened.searcher.vectors.matrix))[0]
        by = scaled(distances, reach)
        note = " · ".join(filter(None, (note, f"local scaling (CSLS, {NEIGHBOURS} neighbours)")))
        answer = opened.searcher.ranked(
            query, distances, recipe, limits, began=began, encode_milliseconds=encode_milliseconds, note=note, by=by
        )
        return replace(answer, local_scaling=True)

    def _reach(self, recipe: Recipe) -> NDArray[np.float32]:
        """(n,) the mean distance of each picture to its nearest."""
        if recipe.embedding != unaugmented(recipe.embedding):
            wanted = "one that is not averaged with neighbours"
            raise BadParameter("pooling", "local scaling", wanted, recipe.embedding)
        lists = self._neighbourhoods(recipe).nearness.distances[:, :NEIGHBOURS]
        return lists.mean(1) if lists.shape[1] else np.zeros(len(lists), np.float32)

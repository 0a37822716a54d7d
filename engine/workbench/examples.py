"""The part of the workbench for queries of several examples, and for results beyond the first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import metric, normalised
from engine.core.errors import NothingKnown, NotReady
from engine.core.recipe import MAX_K, Recipe
from engine.core.settings import check_whole
from engine.encoders.text_image import takes_texts
from engine.evaluation.local_scaling import scaled
from engine.search.answer import Answer, Hit, Query
from engine.search.examples import Example, combined, described, learned_distances, teaches
from engine.search.limits import Limits
from engine.search.opening import OpenedRecipe
from engine.search.words import Scores, refuse_the_unknown, written
from engine.workbench.calibrating import CalibrationMethods
from engine.workbench.pictures_report import search_report, selection_report
from engine.workbench.words import WordMethods

_SHOWING = 10  # pictures that stand for words in the space of an encoder that reads none


class ExampleMethods(WordMethods, CalibrationMethods):
    """Methods for several examples and further results, mixed into `Workbench`."""

    def search_examples(self, opened: OpenedRecipe, recipe: Recipe, query: Query, limits: Limits) -> Answer:
        """The pictures like the plus examples and unlike the minus examples of a query; raises as `search`.

        For an encoder that takes no texts, words stand for the mean of the ten pictures that show or name them best:
        pseudo-relevance feedback (Rocchio 1971).
        """
        began = time.perf_counter()
        vectors, weights = self._example_vectors(opened, recipe, query)
        note = described(weights)
        if not teaches(weights):
            vector = combined(vectors, weights, recipe.metric)
            took = 1000 * (time.perf_counter() - began)
            return opened.searcher.answer(query, vector, recipe, limits, encode_milliseconds=took, note=note)
        took, began = 1000 * (time.perf_counter() - began), time.perf_counter()
        distances = learned_distances(vectors, weights, np.asarray(opened.searcher.vectors.matrix), recipe.metric)
        return opened.searcher.ranked(
            query, distances, recipe, limits, began=began, encode_milliseconds=took, note=note
        )

    def further(self, answer: Answer, count: int = 24) -> tuple[Hit, ...]:
        """The results that follow those of an answer: up to `count`, fewer or none at the end of the collection.

        A search by words alone has 1,000 results at most.

        For even more, call it again with `replace(answer, hits=answer.hits + further)`. They come from exact
        search over everything else, so that none is missing, whatever the method of the answer.

        Raises:
            BadParameter: a count below 1. As `search`: the collection has changed.
        """
        check_whole("count", "further results", count, 1, 1_000_000)
        ready, recipe = len(answer.hits) + count, answer.recipe
        limits = self._limits(recipe.collection, answer.include_query, answer.label, answer.where)
        if answer.query.text and not takes_texts(recipe.encoder):
            hits = self.search_words(recipe.but(k=min(ready, MAX_K)), answer.query, limits).hits
            return tuple(hits[len(answer.hits) :])
        opened = self._open(recipe.but(method="exact", options=()))
        distances = self._distances(opened, answer)
        by = scaled(distances, self._reach(recipe)) if answer.local_scaling else None
        return tuple(opened.searcher.further(answer, distances, limits, by)[:count])

    def search_report(self, answer: Answer, further: Sequence[Hit] = ()) -> str:
        """The results of a search as one page of HTML with the pictures inside; at most 1,000."""
        name = answer.recipe.collection
        return search_report(self.collection(name), self.picture_table(name), answer, further)

    def selection_report(self, collection: str, title: str, parts: Mapping[str, Iterable[int]], note: str = "") -> str:
        """Chosen pictures, by heading ("" for none), as one page of HTML with the pictures inside.

        Raises:
            BadParameter: no pictures, or more than 1,000. NotFound: an id is no picture.
        """
        opened = self.collection(collection)
        return selection_report(opened, self.picture_table(collection), title, parts, note)

    def _distances(self, opened: OpenedRecipe, answer: Answer) -> NDArray[np.float32]:
        """(n,) how far all vectors are from the query of an answer."""
        recipe, query, matrix = answer.recipe, answer.query, np.asarray(opened.searcher.vectors.matrix)
        if not query.examples:
            return metric(recipe.metric).between(self._query_vector(opened, recipe, query), matrix)[0]
        vectors, weights = self._example_vectors(opened, recipe, query)
        if teaches(weights):
            return learned_distances(vectors, weights, matrix, recipe.metric)
        return metric(recipe.metric).between(combined(vectors, weights, recipe.metric), matrix)[0]

    def _example_vectors(
        self, opened: OpenedRecipe, recipe: Recipe, query: Query
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(m, d) the vectors of the examples and (m,) their weights."""
        vectors = [self._example_vector(opened, recipe, one) for one in query.examples]
        return np.concatenate(vectors), np.array([one.weight for one in query.examples], dtype=np.float32)

    def _example_vector(self, opened: OpenedRecipe, recipe: Recipe, example: Example) -> NDArray[np.float32]:
        if example.text and not takes_texts(recipe.encoder):
            return self._words_vector(opened, recipe, example.text)
        query = Query(
            image_id=example.image_id, data=example.data, name=example.name, crop=example.crop, text=example.text
        )
        return self._query_vector(opened, recipe, query)

    def _words_vector(self, opened: OpenedRecipe, recipe: Recipe, text: str) -> NDArray[np.float32]:
        """(1, d) the mean vector of the pictures that show the words best, or name them where none shows them."""
        vectors, about = opened.searcher.vectors, written(opened.searcher.images, text)
        meaning = self.meaning(text)
        refuse_the_unknown(text, meaning, about)
        allowed = np.asarray(vectors.ids)
        ids, values = self._showing(recipe.collection, text, about).best(_SHOWING, allowed)
        if not len(ids):
            raise NothingKnown(f"No picture of this collection shows “{text}” or has it in its name, label or text.")
        rows = np.asarray(vectors.matrix[np.searchsorted(allowed, ids)])
        rows = normalised(rows) if recipe.metric == "cosine" else rows
        mean: NDArray[np.float32] = (values[None, :] @ rows / values.sum()).astype(np.float32)
        return mean

    def _showing(self, collection: str, text: str, about: Scores) -> Scores:
        """How well each picture shows the words; what is written of it where that is not known."""
        if not self.meaning(text).known or not self.sees_words():
            return about
        try:
            shown = self.class_scores(collection, text)
        except NotReady:
            if not (about.values > 0).any():
                raise
            return about
        return shown if (shown.values > 0).any() else about

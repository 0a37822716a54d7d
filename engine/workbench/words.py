"""The part of the workbench for search by words without a trained classifier; see `engine.search.words`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.classification.predictions import SuggestedLabels, source_of
from engine.collections.collection import Images
from engine.collections.labelling import write_labels
from engine.core.cache import Cache, file_stamp
from engine.core.distances import metric
from engine.core.errors import Corrupt, NotReady, NoWeights
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.settings import check_whole
from engine.encoders.encoder import EncoderInfo
from engine.encoders.networks import packaged
from engine.encoders.networks.table import backbone
from engine.encoders.vectors.store import Vectors, state, store
from engine.grouping.stored.names import common_value, distinct
from engine.grouping.stored.names import folder_of as name_folder
from engine.search.answer import Answer, Hit, Query, Receipt
from engine.search.classes import NETWORK, POOLING, ClassProbabilities, class_probabilities, words_recipe
from engine.search.limits import Limits
from engine.search.provenance import Provenance, provenance_of, words_used
from engine.search.words import CLEARLY, HALF, Scores, hits_of, mixed, refuse_the_unknown, shown, written
from engine.texts import open_text_encoder
from engine.texts.lexicon.lexicon import Meaning, form_in, lexicon
from engine.texts.lexicon.nearest import NearestKinds
from engine.texts.published import PUBLISHED, folder_of
from engine.workbench.part import COLLECTIONS_KEPT, RecipeLike
from engine.workbench.pictures import PictureMethods

T = TypeVar("T")

_SENTENCES = "all-minilm-l6-v2"
_FEW = 3  # classes that are named one by one as what a word stands for
_LONGEST_NAME = 75  # characters of a suggested name: a group's own has at most 80, and a number may follow


class WordMethods(PictureMethods):
    """Methods for search by words, mixed into `Workbench`."""

    def __init__(self, home: Home | None = None) -> None:
        super().__init__(home)
        self._probabilities: Cache[ClassProbabilities] = Cache(COLLECTIONS_KEPT)

    def to_prepare(self, recipe: RecipeLike, query: Query) -> Recipe:
        """The recipe whose vectors a query still needs: words need those of the ImageNet network."""
        recipe = self.recipe_of(recipe)
        if not self.sees_words() or not any(self.meaning(text).known for text in query.texts):
            return recipe
        by_words = words_recipe(recipe.collection, recipe.k)
        if self._has_word_vectors(recipe.collection) or (query.examples and not self._has_vectors(recipe)):
            return recipe
        return by_words

    def sees_words(self) -> bool:
        """Whether the network that classifies pictures is installed."""
        return packaged.file_of(backbone(NETWORK)) is not None

    def meaning(self, text: str) -> Meaning:
        """What words mean: by the lexicon, else the kind that they are nearest to by MiniLM, if that is installed."""
        found = lexicon().meaning(text)
        folder = None if found.known or not text.strip() else folder_of(self.home, PUBLISHED[_SENTENCES])
        nearest = _nearest_kinds(self.home, folder) if folder is not None else None
        return found if nearest is None else nearest.meaning(text) or found

    def class_probabilities(self, collection: str) -> ClassProbabilities:
        """The probability of each ImageNet class for every picture; raises as in `engine.search.classes`."""
        place, info = self.collection(collection), self.encoder(words_recipe(collection)).info
        vectors = store(place, info, POOLING)
        key = (vectors.folder, file_stamp(vectors.pointer))
        return self._probabilities.get(key, lambda: class_probabilities(place, info))

    def suggested_labels(self, collection: str, image_id: int, most: int = 3) -> list[tuple[str, float]]:
        """At most `most` classes that a picture clearly shows, with their probabilities.

        Empty if it has no vector of the network; raises as `class_probabilities`.
        """
        found = self.class_probabilities(collection)
        rows = np.flatnonzero(found.ids == image_id)
        classes = lexicon().classes
        pairs = zip(found.classes[rows].ravel()[:most], found.values[rows].ravel()[:most], strict=True)
        return [(classes[number], float(value)) for number, value in pairs if value >= CLEARLY]

    def accept_suggested(self, collection: str, image_id: int, label: str, made: float | None = None) -> int:
        """Label a picture as suggested; 0 if it has that label, else 1. `undo_labels` takes it back.

        `made` is as for `write_labels`.

        Raises:
            NotFound: no such picture. BadParameter: no label. BenzerError: other work changes the collection right now.
        """
        source = source_of(SuggestedLabels(self.home))
        return write_labels(self.collection(collection), {image_id: label}, source, "classifier", made)

    def suggested_name(self, collection: str, ids: NDArray[np.int64]) -> tuple[str, float] | None:
        """The narrowest kind that covers most of what some pictures show, and its share of their probabilities.

        Of part of a collection it is one that tells it from the rest, if there is one. None if no kind does, or if the
        collection has no vectors of that network.
        """
        if not self.sees_words():
            return None
        try:
            found = self.class_probabilities(collection)
            rest = found.ids[~np.isin(found.ids, ids)]
            return lexicon().best_name(found.of(ids), others=found.of(rest) if len(rest) else None)
        except NotReady:
            return None

    def suggested_names(
        self, collection: str, groups: Sequence[NDArray[np.int64]], taken: Sequence[str] = ()
    ) -> list[str]:
        """A name for each group of pictures, "" for none: by labels, else folders, else by what the pictures show.

        A label or folder names a group if at least 60 % of its pictures share it. No name occurs twice or is `taken`.
        """
        images = self.collection(collection).images()
        return distinct([self._group_name(collection, images, ids) for ids in groups], taken)

    def _group_name(self, collection: str, images: Images, ids: NDArray[np.int64]) -> str:
        rows = np.flatnonzero(np.isin(images.ids, ids)).tolist()
        labels = common_value([images.labels[row] for row in rows])
        found = labels or common_value([name_folder(images.names[row]) for row in rows])
        found = found or (self.suggested_name(collection, ids) or ("", 0.0))[0]
        return " ".join(found.split())[:_LONGEST_NAME]

    def search_words(self, recipe: Recipe, query: Query, limits: Limits) -> Answer:
        """Pictures by what they show (`hits`) and by their texts (`written`), optionally near a picture.

        Raises:
            NotReady: the collection must be embedded first (`to_prepare`). NothingKnown: none of the words is known, or
            no picture is within the limits.
        """
        images, meaning = self.collection(recipe.collection).images(), self.meaning(query.text)
        by_text, matching_ms = _timed(lambda: written(images, query.text))
        refuse_the_unknown(query.text, meaning, by_text)
        if query.share is not None:
            check_whole("share", "the query", query.share, 0, 100)
        allowed = _allowed(images, None if limits.include_query else query.image_id, limits)
        known = self.class_probabilities(recipe.collection) if meaning.known and self.sees_words() else None
        has_picture = query.data is not None or query.image_id is not None
        beside = self._picture_beside(recipe, query) if has_picture else None

        def score() -> tuple[Scores, tuple[Hit, ...]]:
            scores = _scores(images, meaning, known, by_text, beside, query.share)
            return scores, hits_of(images, *scores.best(recipe.k, allowed))

        (scores, hits), scoring_ms = _timed(score)
        used = recipe.but(method="exact", options=()) if has_picture else words_recipe(recipe.collection, recipe.k)
        return Answer(
            used,
            _named(query, images),
            hits,
            _receipt(len(images.ids), len(allowed), recipe.k, matching_ms + scoring_ms, beside),
            label=limits.label,
            include_query=limits.include_query,
            note=_note(meaning, scores, has_picture),
            provenance=self._provenance(used, images) if scores.values.any() else None,
            words=words_used(lexicon(), meaning, self._network(recipe.collection, meaning)),
            written=() if has_picture else hits_of(images, *_scaled(by_text.best(recipe.k, allowed))),
            where=limits.where,
        )

    def clearly_shown(self, answer: Answer) -> int:
        """How many pictures clearly show the words that an answer found pictures by, within its label and filter.

        0 for an answer that words alone did not find, and for words of no known meaning.
        """
        query, collection = answer.query, answer.recipe.collection
        meaning = self.meaning(query.text)
        if not answer.words or query.pictured or not meaning.known or not self.sees_words():
            return 0
        images, scores = self.collection(collection).images(), shown(self.class_probabilities(collection), meaning)
        limits = self._limits(collection, answer.include_query, answer.label, answer.where)
        return int(np.isin(scores.ids[scores.values >= CLEARLY], _allowed(images, None, limits)).sum())

    def _network(self, collection: str, meaning: Meaning) -> EncoderInfo | None:
        """The network that recognises what the words mean; None if it was not asked."""
        return self.encoder(words_recipe(collection)).info if meaning.known and self.sees_words() else None

    def _provenance(self, recipe: Recipe, images: Images) -> Provenance:
        return provenance_of(self.encoder(recipe).info, images)

    def _has_vectors(self, recipe: Recipe) -> bool:
        return state(self.collection(recipe.collection), self.encoder(recipe).info, recipe.embedding).ready

    def _has_word_vectors(self, collection: str) -> bool:
        try:
            self.class_probabilities(collection)
        except NotReady:
            return False
        return True

    def class_scores(self, collection: str, text: str) -> Scores:
        """How well each picture shows words of known meaning; raises as `class_probabilities`."""
        return shown(self.class_probabilities(collection), self.meaning(text))

    def _picture_beside(self, recipe: Recipe, query: Query) -> _Beside:
        opened, began = self._open(recipe.but(method="exact", options=())), time.perf_counter()
        vector = self._query_vector(opened, recipe, replace(query, text=""))
        took = 0.0 if query.data is None and query.crop is None else 1000 * (time.perf_counter() - began)
        return _Beside(vector, opened.searcher.vectors, recipe.metric, took)


@dataclass(frozen=True)
class _Beside:
    """The picture of a query beside its words: its (1, d) vector, and how long it took to encode it."""

    vector: NDArray[np.float32]
    vectors: Vectors
    metric: str
    milliseconds: float

    def with_words(self, words: Scores, share: int | None) -> Scores:
        distances = metric(self.metric).between(self.vector, np.asarray(self.vectors.matrix))[0]
        return mixed(words, self.vectors.ids, distances, HALF if share is None else share)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result of some work, and the milliseconds that it took."""
    began = time.perf_counter()
    result = work()
    return result, 1000 * (time.perf_counter() - began)


def _receipt(count: int, eligible: int, wanted: int, milliseconds: float, beside: _Beside | None) -> Receipt:
    """The receipt of a search that scored every picture, so that its results are exact."""
    return Receipt(
        milliseconds=milliseconds,
        encode_milliseconds=beside.milliseconds if beside else 0.0,
        examined=count,
        pool=count,
        total=eligible,
        recall=1.0,
        estimated=False,
        wanted=wanted,
    )


def _scores(
    images: Images,
    meaning: Meaning,
    known: ClassProbabilities | None,
    by_text: Scores,
    beside: _Beside | None,
    share: int | None,
) -> Scores:
    """How well each picture shows the words, or is near the picture beside them and shows or names them."""
    by_sight = shown(known, meaning) if known is not None else _unseen(images)
    if beside is None:
        return by_sight
    return beside.with_words(by_sight if meaning.known else by_text, share)


def _unseen(images: Images) -> Scores:
    """A score of 0 for every picture, where no network can recognise the words."""
    return Scores(images.ids, np.zeros(len(images.ids), np.float32))


@lru_cache(maxsize=2)
def _nearest_kinds(home: Home, folder: Path) -> NearestKinds | None:
    """The lexicon encoded by the sentence encoder in `folder`, which is part of the cache key only.

    None if its files are damaged, which `weights list` shows.
    """
    try:
        return NearestKinds.of(home, lexicon(), open_text_encoder(_SENTENCES, home))
    except (Corrupt, NoWeights):
        return None


def _named(query: Query, images: Images) -> Query:
    """The query with the name and the sha256 of its file, if it has an image of the collection."""
    if query.image_id is None or query.data is not None:
        return query
    rows = np.flatnonzero(images.ids == query.image_id).tolist()
    return replace(query, name=images.names[rows[0]], sha256=images.hashes[rows[0]]) if rows else query


def _allowed(images: Images, left_out: int | None, limits: Limits) -> NDArray[np.int64]:
    kept = images.ids != (-1 if left_out is None else left_out)
    return images.ids[limits.within(kept, images)]


def _scaled(best: tuple[NDArray[np.int64], NDArray[np.float32]]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    ids, values = best
    return ids, values / values.max() if len(values) else values


def _taken_for(name: str, kind: str) -> str:
    """What a known name was interpreted as: a few classes, else its kind; "" if that is the name itself."""
    classes = [lexicon().classes[number] for number in np.flatnonzero(lexicon().meaning(name).weights)]
    found = classes if len(classes) <= _FEW else [kind]
    return "" if form_in({one.lower(): 0 for one in found}, name) is not None else ", ".join(found)


def _note(meaning: Meaning, scores: Scores, has_picture: bool) -> str:
    """Which words were used, what they were interpreted as, and whether any picture clearly shows that."""
    parts = [f"nearest to “{name}” that can be recognised: {kind}" for name, kind in meaning.near[:3]]
    if not meaning.near:
        others = [(name, found) for name, kind in meaning.known if (found := _taken_for(name, kind))]
        parts += [f"“{name}” taken for {found}" for name, found in others[:3]]
    if meaning.known and meaning.unknown:
        parts.append("not known: " + ", ".join(meaning.unknown[:5]))
    if meaning.known and not has_picture and len(scores.values) and scores.values.max() < CLEARLY:
        parts.append(f"no picture clearly shows “{', '.join(kind for _, kind in meaning.known)}”")
    if not meaning.known:
        parts.append("known from names, labels and texts only")
    return " · ".join(parts)

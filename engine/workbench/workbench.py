"""The public interface of the engine, for pages and commands: open a collection or a recipe, search, start a job.

from engine.workbench import Workbench

bench = Workbench()
recipe = bench.prepare(bench.import_folder("/home/me/pictures", "Holiday"))
print(bench.search(recipe, "beach.jpg").to_frame())
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from engine.collections.cards import CollectionCard, readable_card
from engine.collections.facts.where import Where
from engine.collections.listing import collections
from engine.collections.removing import remove_collection
from engine.core.cache import Cache, catalogue_stamp, file_stamp
from engine.core.errors import BadParameter, NoIndex, NotReady, NotTrained, NoWeights
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.settings import check_switch, check_text
from engine.encoders import choices
from engine.encoders.encoder import EncoderChoice
from engine.encoders.text_image import takes_texts
from engine.encoders.vectors.store import state, store, stored
from engine.grouping.stored.grouping import Grouping
from engine.grouping.stored.listing import grouping, groupings
from engine.indexes import Index, methods
from engine.indexes.kmeans import choose_clusters
from engine.search import opening
from engine.search.answer import Answer, Hit, Query, Receipt
from engine.search.limits import Limits
from engine.workbench.adding import AddingMethods
from engine.workbench.breaking import BreakingMethods
from engine.workbench.classifying import ClassificationMethods
from engine.workbench.comparing import ComparisonMethods
from engine.workbench.cost import embedding_seconds
from engine.workbench.examples import ExampleMethods
from engine.workbench.folders import FolderMethods
from engine.workbench.hash_codes import HashCodeMethods
from engine.workbench.inputs import PictureLike, query_of
from engine.workbench.notebook import NotebookMethods
from engine.workbench.part import RECIPES_KEPT, RecipeLike
from engine.workbench.readiness import Readiness
from engine.workbench.searches import SearchMethods
from engine.workbench.seeing import SeeingMethods
from engine.workbench.tidying import TidyingMethods
from engine.workbench.training import TrainingMethods

__all__ = ["Answer", "CollectionCard", "Hit", "Query", "Readiness", "Receipt", "Workbench"]

_CLUSTERS_TRIED = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64]
_HELPFUL_VALUES = 1_000_000  # vectors × their length sampled by the help for choosing clusters: seconds, not minutes
_HELPFUL_ROWS = 300  # vectors sampled in any case


# The other parts are bases of these: see each.
class Workbench(
    AddingMethods,
    BreakingMethods,
    FolderMethods,
    TidyingMethods,
    TrainingMethods,
    ExampleMethods,
    SearchMethods,
    ClassificationMethods,
    ComparisonMethods,
    SeeingMethods,
    HashCodeMethods,
    NotebookMethods,
):
    """Everything a page, a command or a notebook can ask for. Safe to share between threads."""

    def __init__(self, home: Home | None = None) -> None:
        super().__init__(home)
        self._left_out: Cache[tuple[tuple[str, str], ...]] = Cache(RECIPES_KEPT)

    # ── contents ─────────────────────────────────────────────────────────────────────────────────────────────────

    def collections(self) -> list[CollectionCard]:
        """A card for every readable collection, by title; `engine.collections.damaged` names the others."""
        cards = map(readable_card, collections(self.home))
        return sorted((card for card in cards if card is not None), key=lambda card: card.title.lower())

    def choices(self, collection: str = "", also: str = "") -> list[EncoderChoice]:
        """The entries of the encoder drop-down, including those that need training; see `engine.encoders.choices`."""
        return choices(self.home, collection, also)

    def methods(self) -> dict[str, type[Index]]:
        """The search methods by name."""
        return methods()

    def groupings(self, collection: str) -> list[Grouping]:
        """Every readable grouping of a collection, newest first; `start("group", recipe=…, plan=…)` makes one."""
        return groupings(self.collection(collection))

    def grouping(self, collection: str, name: str) -> Grouping:
        """The grouping of that name; NotFound if there is none, Corrupt if it is damaged."""
        return grouping(self.collection(collection), name)

    # ── search ───────────────────────────────────────────────────────────────────────────────────────────────────

    def readiness(self, recipe: RecipeLike) -> Readiness:
        """Whether the recipe can answer now, and what to do if not."""
        recipe = self.recipe_of(recipe)
        collection = self.collection(recipe.collection)
        try:
            info = self.encoder(recipe).info
            opening.require_vectors(collection, info, recipe)
            opening.require_index(collection, info, recipe)
        except NotTrained as error:
            return Readiness(False, error.message, "train")
        except NoWeights as error:
            sentence, action = (error.message, "fetch") if error.megabytes else (str(error), "")
            return Readiness(False, sentence, action, megabytes=error.megabytes)
        except NoIndex as error:
            return Readiness(False, error.message, "index")
        except NotReady as error:
            missing = state(collection, info, recipe.embedding).missing
            seconds = embedding_seconds(self.home, recipe.encoder, missing)
            return Readiness(False, error.message, "embed", missing, seconds)
        return Readiness(True)

    def search(
        self,
        recipe: RecipeLike,
        query: Query | PictureLike | int,
        *,
        include_query: bool = False,
        label: str | None = None,
        where: str | Where = "",
        local_scaling: bool = False,
    ) -> Answer:
        """The k most similar images to the query, with the receipt; `further` gives more of them.

        Args:
            recipe: a recipe or its text; of a collection or its name the default recipe.
            query: a picture in any form, the id of one, or a Query: words or several examples (`Query.of`).
            where: a filter as in `engine.collections.facts.where`, which scopes the search itself.
            local_scaling: rank by distances relative to the reach of each picture (CSLS), which takes hubs out.

        Raises:
            NotReady: something must be prepared first (see `readiness`). NotFound: no such collection or image.
            NothingKnown: no picture has the label or meets the filter. UnreadableImage: the query picture cannot be
            opened. BadParameter: an invalid choice of the recipe, or condition of the filter.
        """
        recipe = recipe if isinstance(recipe, Recipe) else self.recipe_of(recipe)
        query = query if isinstance(query, Query) else query_of(query)
        if label or include_query or local_scaling:
            check_text("label", "the search", label or "")
            check_switch("include_query", "the search", include_query)
            check_switch("local_scaling", "the search", local_scaling)
        label = label or None
        limits = self._limits(recipe.collection, include_query, label, where) if where else Limits(include_query, label)
        if local_scaling and not query.pictured:
            raise BadParameter("local scaling", "the search", "left out unless one picture is searched with", True)
        if query.text and not takes_texts(recipe.encoder):
            answer = self.search_words(recipe, query, limits)
        elif query.examples:
            answer = self.search_examples(self._open(recipe), recipe, query, limits)
        else:
            opened, began = self._open(recipe), time.perf_counter()
            vector = self._query_vector(opened, recipe, query)
            took = 0.0 if query.stored else 1000 * (time.perf_counter() - began)
            note = self.text_note(opened.encoder, query) if query.text else ""
            ask = partial(self.search_scaled, opened) if local_scaling else opened.searcher.answer
            answer = ask(query, vector, recipe, limits, encode_milliseconds=took, note=note)
        return replace(answer, thumbnail=lambda id: self.collection(recipe.collection).thumbnail(id))

    def left_out(self, recipe: RecipeLike) -> tuple[tuple[str, str], ...]:
        """The images that could not be embedded and are not searched, each with its name and the reason."""
        recipe = self.recipe_of(recipe)
        collection, info = self.collection(recipe.collection), self.encoder(recipe).info
        vectors = store(collection, info, recipe.embedding).pointer
        key = (vectors, catalogue_stamp(collection.folder), file_stamp(vectors))
        return self._left_out.get(key, lambda: state(collection, info, recipe.embedding).left_out)

    def cluster_help(self, recipe: RecipeLike) -> list[dict[str, float]]:
        """Help for choosing the number of k-means clusters: a row for each of several numbers, on a sample of vectors.

        Returns:
            Rows of clusters, inertia, silhouette and elbow, as `engine.indexes.kmeans.choose_clusters` gives them;
            none if there are too few vectors to group.

        Raises:
            NotReady: embed first.
        """
        recipe = self.recipe_of(recipe)
        collection, info = self.collection(recipe.collection), self.encoder(recipe).info
        opening.require_vectors(collection, info, recipe)
        vectors = stored(collection, info, recipe.embedding)
        if vectors is None or not len(vectors.ids):
            return []
        count, width = vectors.matrix.shape
        step = max(1, -(-count // max(_HELPFUL_ROWS, _HELPFUL_VALUES // width)))
        return choose_clusters(vectors.matrix[::step], _CLUSTERS_TRIED, recipe.metric)

    def remove(self, collection: str) -> Path | None:
        """Delete a collection with its vectors and indexes, damaged or not; see `remove_collection`."""
        kept = remove_collection(self.home, collection)
        self._opened.clear()
        self._exact.clear()
        self._neighbourhoods_kept.clear()
        return kept

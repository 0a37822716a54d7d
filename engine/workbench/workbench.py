"""The public interface of the engine, for pages and commands: open a collection or a recipe, search, start a job.

from engine.workbench import Workbench

bench = Workbench()
recipe = bench.prepare(bench.import_folder("/home/me/pictures", "Holiday"))
print(bench.search(recipe, "beach.jpg").to_frame())
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.collections.cards import CollectionCard, readable_card
from engine.collections.collection import Collection
from engine.collections.facts.table import PictureTable
from engine.collections.facts.where import Where
from engine.collections.listing import collections
from engine.collections.reading.workers import read_in_worker
from engine.collections.removing import remove_collection
from engine.core.cache import Cache, FileStamps, catalogue_files, catalogue_stamp, file_stamp
from engine.core.errors import BadParameter, NoIndex, NotReady, NotTrained, NoWeights
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.core.recipe import Recipe
from engine.encoders import choices, open_encoder
from engine.encoders.combination import parts_of
from engine.encoders.encoder import Encoder, EncoderChoice
from engine.encoders.onnx_networks import network_pointer
from engine.encoders.pooling import unaugmented
from engine.encoders.text_image import card_file, takes_texts
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.store import state, store, stored
from engine.grouping.duplicates.duplicates import Duplicates, Neighbourhoods, Outliers, open_surroundings
from engine.grouping.stored.grouping import Grouping
from engine.grouping.stored.listing import grouping, groupings
from engine.indexes import Index, methods
from engine.indexes.kmeans import choose_clusters
from engine.jobs import job as job_folders
from engine.jobs.job import Job
from engine.search import opening
from engine.search.answer import Answer, Hit, Query, Receipt
from engine.search.classes import ClassProbabilities
from engine.search.examples import Crop
from engine.search.limits import Limits
from engine.search.opening import OpenedRecipe
from engine.workbench.adding import AddingMethods
from engine.workbench.breaking import BreakingMethods
from engine.workbench.calibrating import CalibrationMethods
from engine.workbench.classifying import ClassificationMethods
from engine.workbench.comparing import ComparisonMethods
from engine.workbench.cost import embedding_seconds
from engine.workbench.examples import ExampleMethods
from engine.workbench.explaining import ExplainingMethods
from engine.workbench.folders import FolderMethods
from engine.workbench.hash_codes import HashCodeMethods
from engine.workbench.inputs import PictureLike, query_of
from engine.workbench.job_kinds import job_kind, title_of
from engine.workbench.notebook import NotebookMethods
from engine.workbench.readiness import Readiness
from engine.workbench.searches import SearchMethods
from engine.workbench.seeing import SeeingMethods
from engine.workbench.tidying import TidyingMethods
from engine.workbench.training import TrainingMethods

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Answer", "CollectionCard", "Hit", "Query", "Readiness", "Receipt", "Workbench"]

_COLLECTIONS_KEPT = 8
_RECIPES_KEPT = 6
_PICTURES_KEPT = 8  # decoded query pictures: a few hundred kilobytes each
_ENCODERS_KEPT = _SURROUNDINGS_KEPT = 2
_CLUSTERS_TRIED = [2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64]
_HELPFUL_VALUES = 1_000_000  # vectors × their length sampled by the help for choosing clusters: seconds, not minutes
_HELPFUL_ROWS = 300  # vectors sampled in any case


class Workbench(
    AddingMethods,
    BreakingMethods,
    FolderMethods,
    TidyingMethods,
    TrainingMethods,
    CalibrationMethods,
    ExampleMethods,
    SearchMethods,
    ClassificationMethods,
    ComparisonMethods,
    ExplainingMethods,
    SeeingMethods,
    HashCodeMethods,
    NotebookMethods,
):
    """Everything a page, a command or a notebook can ask for. Safe to share between threads."""

    def __init__(self, home: Home | None = None) -> None:
        if not isinstance(home, Home | None):
            raise BadParameter("home", "a workbench", "a Home, or left out", home)
        self.home = home or Home.default()
        self._prepare_tidying()
        self._prepare_hash_codes()
        self._collections: Cache[Collection] = Cache(_COLLECTIONS_KEPT)
        self._opened: Cache[OpenedRecipe] = Cache(_RECIPES_KEPT)
        self._pictures: Cache[NDArray[np.uint8]] = Cache(_PICTURES_KEPT)
        self._exact: Cache[Index] = Cache(_RECIPES_KEPT)  # shared by the recipes over the same vectors
        self._encoders: Cache[Encoder] = Cache(_ENCODERS_KEPT)
        self._tables: Cache[PictureTable] = Cache(2 * _SURROUNDINGS_KEPT)  # with and without marks
        self._meeting: Cache[NDArray[np.int64]] = Cache(_COLLECTIONS_KEPT)  # a page asks for one several times
        self._probabilities: Cache[ClassProbabilities] = Cache(_COLLECTIONS_KEPT)
        self._left_out: Cache[tuple[tuple[str, str], ...]] = Cache(_RECIPES_KEPT)
        self._surroundings_kept: Cache[Neighbourhoods] = Cache(_SURROUNDINGS_KEPT)

    # ── contents ─────────────────────────────────────────────────────────────────────────────────────────────────

    def collections(self) -> list[CollectionCard]:
        """A card for every readable collection, by title; `engine.collections.damaged` names the others."""
        cards = map(readable_card, collections(self.home))
        return sorted((card for card in cards if card is not None), key=lambda card: card.title.lower())

    def collection(self, name: str) -> Collection:
        """The collection of that name; NotFound if there is none."""
        stamp = catalogue_stamp(self.home.datasets / name)
        return self._collections.get((name, stamp), lambda: Collection.open(self.home, name))

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

    def default_recipe(self, collection: str) -> Recipe:
        """A sensible default for a collection: the best encoder that is ready, and exact search."""
        return opening.default_recipe(self.home, collection)

    # ── search ───────────────────────────────────────────────────────────────────────────────────────────────────

    def readiness(self, recipe: Recipe) -> Readiness:
        """Whether the recipe can answer now, and what to do if not."""
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
        recipe: Recipe | Collection | str,
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

    def encoder(self, recipe: Recipe) -> Encoder:
        """The recipe's encoder, loaded and adapted to the recipe's collection.

        Raises:
            NotTrained, NoWeights, Corrupt: its weights are missing or damaged. NotFound: no such encoder, collection.
        """
        key = (recipe.encoder, recipe.weights, file_stamp(*self._weights_files(recipe)))
        opened = self._encoders.get(key, lambda: open_encoder(recipe.encoder, recipe.weights, self.home))
        return opened.at(self.collection(recipe.collection))

    def left_out(self, recipe: Recipe) -> tuple[tuple[str, str], ...]:
        """The images that could not be embedded and are not searched, each with its name and the reason."""
        collection, info = self.collection(recipe.collection), self.encoder(recipe).info
        vectors = store(collection, info, recipe.embedding).pointer
        key = (vectors, catalogue_stamp(collection.folder), file_stamp(vectors))
        return self._left_out.get(key, lambda: state(collection, info, recipe.embedding).left_out)

    def cluster_help(self, recipe: Recipe) -> list[dict[str, float]]:
        """Help for choosing the number of k-means clusters: a row for each of several numbers, on a sample of vectors.

        Returns:
            Rows of clusters, inertia, silhouette and elbow, as `engine.indexes.kmeans.choose_clusters` gives them;
            none if there are too few vectors to group.

        Raises:
            NotReady: embed first.
        """
        collection, info = self.collection(recipe.collection), self.encoder(recipe).info
        opening.require_vectors(collection, info, recipe)
        vectors = stored(collection, info, recipe.embedding)
        if vectors is None or not len(vectors.ids):
            return []
        count, width = vectors.matrix.shape
        step = max(1, -(-count // max(_HELPFUL_ROWS, _HELPFUL_VALUES // width)))
        return choose_clusters(vectors.matrix[::step], _CLUSTERS_TRIED, recipe.metric)

    # ── duplicates and outliers ──────────────────────────────────────────────────────────────────────────────────────

    def duplicates(self, recipe: Recipe, threshold: float | None = None, keepers: Sequence[int] = ()) -> Duplicates:
        """Groups of copies within a threshold (None: the suggested one); `keepers` are kept, else the largest.

        Raises:
            NotReady: start the job "duplicates". NotFound: no such keeper. BadParameter: a threshold out of range.
        """
        return self._surroundings(recipe).duplicates(threshold, keepers)

    def outliers(self, recipe: Recipe, most: int | None = None) -> Outliers:
        """The pictures without near neighbours, the most unusual first; raises as `duplicates` does."""
        return self._surroundings(recipe).outliers(most)

    def _surroundings(self, recipe: Recipe) -> Neighbourhoods:
        recipe = recipe.but(method="exact", k=1, embedding=unaugmented(recipe.embedding))
        collection, info = self.collection(recipe.collection), self.encoder(recipe).info
        vectors = store(collection, info, recipe.embedding).pointer
        key = (recipe, info.fingerprint, catalogue_stamp(collection.folder), file_stamp(vectors))
        return self._surroundings_kept.get(key, lambda: open_surroundings(collection, info, recipe, exact=self._exact))

    # ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, kind: str, **arguments: Any) -> Job:
        """Start a job in its own process; the kinds are those of `engine.workbench.job_kinds.KINDS`."""
        arguments = self._at_home(arguments)
        return job_folders.start(self.home.jobs, kind, title_of(kind, arguments), arguments)

    def again(self, id: str) -> Job:
        """Restart a job with the same arguments; a training continues its run.

        Raises:
            NotFound: no such job. BadParameter: it is still running, or has succeeded.
        """
        job = self.job(id)
        if job.alive or job.state == "done":
            wanted = "one that failed, was stopped or was cut off"
            raise BadParameter("job", "starting again", wanted, f"{job.title}, which is {job.state}")
        return job_folders.start(self.home.jobs, job.kind, job.title, self._again(job))

    def run(
        self,
        kind: str,
        listen: Callable[[Progress], None] | None = None,
        hear: Callable[[dict[str, Any]], None] | None = None,
        **arguments: Any,
    ) -> Any:
        """Run a job synchronously and return its result; `listen` and `hear` are those of the Reporter."""
        return job_kind(kind).run(self._at_home(arguments), Reporter(listen=listen, hear=hear))

    def jobs(self) -> list[Job]:
        """Every job, newest first."""
        return job_folders.jobs(self.home.jobs)

    def job(self, id: str) -> Job:
        """The job of that id; NotFound if there is none."""
        return job_folders.job(self.home.jobs, id)

    def remove(self, collection: str) -> Path | None:
        """Delete a collection with its vectors and indexes, damaged or not; see `remove_collection`."""
        kept = remove_collection(self.home, collection)
        self._opened.clear()
        self._exact.clear()
        self._surroundings_kept.clear()
        return kept

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
            vector = self.described_vector(opened.encoder, query, picture if data else None)
            return finish(vector) if finish else vector
        return embed_pictures(opened.encoder, [picture], recipe.embedding, finish)

    def _decoded(self, data: bytes, size: int, crop: Crop | None) -> NDArray[np.uint8]:
        """An external picture, decoded once for all recipes and pages."""
        key = (hashlib.sha256(data).digest(), size, crop)
        return self._pictures.get(key, lambda: read_in_worker(data, size, crop))

    def _again(self, job: Job) -> dict[str, Any]:
        arguments: dict[str, Any] = self._at_home(job.config["arguments"])
        own = (run for run in self.runs() if job.kind == "train" and run.job == job.id and run.can_continue)
        run = next(own, None)
        return arguments if run is None else self._at_home({"run": run.name})

    def _weights_files(self, recipe: Recipe) -> list[Path]:
        files = []
        for encoder, weights in parts_of(recipe.encoder, recipe.weights):
            if weights:
                files += [folder / weights / "run.json" for folder in self.home.runs]
            else:  # a ready-made network has a card, an added one a store, a descriptor neither
                files += [card_file(self.home, encoder), network_pointer(self.home, encoder)]
        return files

    def _at_home(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**arguments, "home": str(self.home.root)}

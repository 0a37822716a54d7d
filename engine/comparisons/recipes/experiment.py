"""Experiments on disk (see `engine.comparisons.comparison`), and their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.collections.collection import Images
from engine.comparisons.comparison import Comparison
from engine.comparisons.recipes.plan import ExperimentCell, ExperimentPlan
from engine.comparisons.recipes.queries_file import read_queries, write_queries
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.storage import digest_of
from engine.evaluation.single_queries import SingleQueries


@dataclass(frozen=True)
class ExperimentRow:
    """One measured cell.

    Attributes:
        key, title, note: the cell's, and caveats of its training. recipe: as text, with the resolved weights.
        encoder, weights, embedding, metric, method: its parts. made_of: changes when the images, labels or weights do.
        computed_in: the precision of the encoder, float32 or bfloat16; "" in older rows.
        images: labelled images that were searched. queries: how many of them were queries. labels: where the labels
            come from, and which pictures were queries if not all, as sentences; "" in older rows.
        precision: mean precision@k, always divided by k. interval: its 95 % bootstrap interval.
        chance: the precision of random results. map: strict mean average precision over the first 1000 ranks; of exact
            search only (older rows have one of approximate methods, which examined nearly everything for it).
        map_at_k: mean average precision of the k results, None in older rows.
        recall: mean recall@k against exact search, None for exact search itself. per_class: label to precision.
        milliseconds: median of one search. megabytes: vectors and index. examined: mean share of the vectors that were
            compared with a query, None if the method does not count them.
        single: the single image of the report's figure: "query", "hits" and the "answers"; None if there is none.
        worst: the eight worst queries: "query", "precision" and the ids of their "answers".
        losses: the training's lowest "train", "mse" and "ssim" (1 − SSIM), None if unknown.
        ceiling: the highest possible mean precision@k: a label with few pictures cannot fill k places. hit_1, hit_5,
            hit_10: share of queries with their label among the first results (recall@1 …). r_precision, map_at_r: of
            exact search only. ndcg, knn: of the k results, knn is the share of queries whose results vote for their
            label. probe: the accuracy of a linear probe, if asked for, in rows of exact search. All are None in older
            rows and where they cannot be told.
        single_queries: the sha256 of the figures of each query (see `queries`), "" in older rows.
        error: why it could not be measured (all figures are 0 then), else "".
    """

    key: str
    title: str
    recipe: str
    encoder: str
    weights: str
    embedding: str
    metric: str
    method: str
    note: str = ""
    made_of: str = ""
    computed_in: str = ""
    images: int = 0
    queries: int = 0
    k: int = 8
    precision: float = 0.0
    interval: tuple[float, float] = (0.0, 0.0)
    chance: float = 0.0
    map: float | None = 0.0
    map_at_k: float | None = None
    recall: float | None = None
    per_class: Mapping[str, float] = field(default_factory=dict)
    milliseconds: float = 0.0
    megabytes: float = 0.0
    examined: float | None = None
    single: Mapping[str, Any] | None = None
    worst: tuple[Mapping[str, Any], ...] = ()
    losses: Mapping[str, float | None] | None = None
    error: str = ""
    ceiling: float | None = None
    hit_1: float | None = None
    hit_5: float | None = None
    hit_10: float | None = None
    r_precision: float | None = None
    map_at_r: float | None = None
    ndcg: float | None = None
    knn: float | None = None
    probe: float | None = None
    single_queries: str = ""
    labels: str = ""

    @property
    def whole_map(self) -> float | None:
        """The mean average precision over the first 1000 ranks, None for approximate methods."""
        return self.map if self.method == "exact" else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ExperimentRow:
        """The row of `as_dict`; BadParameter for unknown keys."""
        if not set(values) <= set(cls.__dataclass_fields__):
            raise BadParameter("keys", "a row of results", "those that rows have", sorted(values))
        low, high = values.get("interval", (0.0, 0.0))
        return cls(**{**values, "interval": (low, high), "worst": tuple(values.get("worst", ()))})


def unmeasured(cell: ExperimentCell, recipe_text: str, **known: Any) -> ExperimentRow:
    """The row of a cell before its figures are known."""
    recipe = cell.recipe
    choices = (recipe.encoder, known.pop("weights", recipe.weights), recipe.embedding, recipe.metric)
    note = cell.training.note if cell.training else ""
    return ExperimentRow(
        cell.key, cell.title, recipe_text, *choices, recipe.method_text, note=note, k=recipe.k, **known
    )


@dataclass(frozen=True)
class Experiment(Comparison[ExperimentPlan, ExperimentCell, ExperimentRow]):
    """An experiment, read from its folder. The runs that it trained stay when it is removed."""

    kind = "experiment"
    noun = "comparison"
    command = "python -m engine compare --list"
    format = 1
    plans = ExperimentPlan
    lines = ExperimentRow

    def keep_measured(self, row: ExperimentRow, queries: SingleQueries) -> ExperimentRow:
        """The row with the figures of each query stored beside it, before the row itself is."""
        return replace(row, single_queries=write_queries(self._queries_of(row), queries))

    def queries(self, row: ExperimentRow) -> SingleQueries | None:
        """What each query of a row reached; None if that was not kept, is damaged or belongs to other figures."""
        return read_queries(self._queries_of(row), row.single_queries) if row.single_queries else None

    def _queries_of(self, row: ExperimentRow) -> Path:
        return self.folder / "queries" / f"{row.key}.safetensors"


def pictures_digest(images: Images) -> str:
    """Changes whenever an image is added, removed, changed or relabelled; `ExperimentRow.made_of` begins with it."""
    return digest_of(*images.ids.tolist(), *images.hashes, *images.labels)


def create(home: Home, plan: ExperimentPlan) -> Experiment:
    """Store a plan as a new experiment, named after its title; its trainings get the names of their runs."""
    name = Experiment.fresh_name(home.experiments, plan.title)
    return Experiment.store(home.experiments, name, plan.named(name))


def experiment(home: Home, name: str) -> Experiment:
    """The experiment of that name; NotFound if there is none, Corrupt if its plan is damaged."""
    return Experiment.find(home.experiments, name)


def experiments(home: Home) -> list[Experiment]:
    """Every readable experiment, newest first."""
    return Experiment.every(home.experiments)

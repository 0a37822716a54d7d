"""The plan of an experiment: a grid of recipes over one labelled collection, as a small frozen value.

Existing encoders and trainings that make new ones are its rows; embeddings, metrics and search methods are its columns.
A cell is a recipe, possibly with the training that makes its weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.collections.facts.where import parse_where
from engine.core.distances import metric as known_metric
from engine.core.errors import BadParameter
from engine.core.recipe import Recipe, parse_method
from engine.core.settings import check_whole
from engine.core.storage import digest_of
from engine.training.config import ORIGINAL_STUDY
from models.specs import SPECS

MOST_CELLS = 2000
REPORT_COLUMNS = tuple((embedding, metric) for embedding in ("flatten", "max") for metric in ("cosine", "euclidean"))
# The rows of tables 4 and 5 of the course report "Image Similarity Engine": model, schedule, its settings, title.
REPORT_ROWS: tuple[tuple[int, str, Mapping[str, float], str], ...] = (
    (1, "none", {}, "Model 1 · none"),
    (2, "none", {}, "Model 2 · none"),
    (2, "warm-restarts", {"t_0": 5}, "Model 2 · warm restarts T₀=5"),
    (2, "warm-restarts", {"t_0": 10}, "Model 2 · warm restarts T₀=10"),
    (2, "plateau", {}, "Model 2 · reduce on plateau"),
    (3, "none", {}, "Model 3 · none"),
    (3, "plateau", {}, "Model 3 · reduce on plateau"),
    (4, "none", {}, "Model 4 · none"),
    (4, "plateau", {}, "Model 4 · reduce on plateau"),
)


@dataclass(frozen=True)
class Training:
    """A training that an experiment runs first.

    Attributes:
        title: for display. config: TrainingConfig as a dictionary, its `name` the run's. note: its caveats.
    """

    title: str
    config: Mapping[str, Any]
    note: str = ""

    def __post_init__(self) -> None:
        config = self.config if isinstance(self.config, Mapping) else {}
        model = config.get("model")
        if not config.get("network") and (isinstance(model, bool) or model not in (1, 2, 3, 4)):
            raise BadParameter("model", "a planned training", "1, 2, 3 or 4", model)
        _check_text("title", "a planned training", self.title)

    @property
    def encoder(self) -> str:
        """The name of the resulting encoder in a recipe."""
        return str(self.config.get("network") or f"model-{self.config['model']}")

    @property
    def name(self) -> str:
        """The run's name, "" until it has one."""
        return str(self.config.get("name") or "")


@dataclass(frozen=True)
class ExperimentCell:
    """A row of the results: its key (stable as long as the same is measured), title, recipe and training."""

    key: str
    title: str
    recipe: Recipe
    training: Training | None = None


@dataclass(frozen=True)
class ExperimentPlan:
    """A grid of recipes over a labelled collection; the form of its values is validated on construction.

    Attributes:
        title: of the experiment. collection: its name.
        encoders: existing ones, written as in a recipe ("model-4@default", "colour-histogram").
        trainings: encoders that are trained first.
        embeddings, metrics, methods: the columns; methods are written as in a recipe ("lsh(bits=8)").
        k: how many neighbours are judged.
        query: the image of the single-image figure, None for the first image of the most frequent label.
        queries: the most queries, drawn with `seed`; None for all images.
        queries_where: a filter; the pictures that meet it are the queries, the others the gallery that is searched. "":
            every picture is searched, and a query is left out of its own results.
        own_labels: whether labels that a classifier wrote are left out. probe: whether a linear probe is measured.
    """

    title: str
    collection: str
    encoders: tuple[str, ...] = ()
    trainings: tuple[Training, ...] = ()
    embeddings: tuple[str, ...] = ("max",)
    metrics: tuple[str, ...] = ("cosine",)
    methods: tuple[str, ...] = ("exact",)
    k: int = 8
    query: int | None = None
    queries: int | None = None
    seed: int = 0
    queries_where: str = ""
    own_labels: bool = False
    probe: bool = False

    def __post_init__(self) -> None:
        _check_text("title", "a comparison", self.title)
        if not isinstance(self.queries_where, str):
            raise BadParameter("queries", "a comparison", "a filter", self.queries_where)
        for name in ("own_labels", "probe"):
            if not isinstance(getattr(self, name), bool):
                raise BadParameter(name.replace("_", " "), "a comparison", "true or false", getattr(self, name))
        parse_where(self.queries_where)
        object.__setattr__(self, "trainings", _several("trainings", self.trainings, Training))
        for name in ("encoders", "embeddings", "metrics", "methods"):
            object.__setattr__(self, name, _several(name, getattr(self, name)))
        for name in ("embeddings", "metrics", "methods"):
            if not getattr(self, name):
                raise BadParameter(name, "a comparison", "at least one", "none")
        if not self.encoders and not self.trainings:
            raise BadParameter("encoders", "a comparison", "at least one, or a training", "none")
        check_whole("seed", "a comparison", self.seed, 0, 2**31 - 1)
        if self.query is not None:
            check_whole("query", "a comparison", self.query, 0, 2**62)
        if self.queries is not None:
            check_whole("number of queries", "a comparison", self.queries, 1, 10_000_000)
        self._check_columns()

    def _check_columns(self) -> None:
        for name in self.metrics:
            known_metric(name)
        count = len(self._subjects()) * len(self.embeddings) * len(self.metrics) * len(self.methods)
        if count > MOST_CELLS:
            raise BadParameter("number of configurations", "a comparison", f"at most {MOST_CELLS:,}", f"{count:,}")
        self.cells()

    def cells(self) -> list[ExperimentCell]:
        """Every cell, encoder by encoder in the plan's order: existing encoders first, then trained ones."""
        return [self._cell(*subject, *column) for subject in self._subjects() for column in self._columns()]

    def named(self, experiment: str) -> ExperimentPlan:
        """The plan with a run name for every training: <experiment>-<number> unless it has one."""
        trainings = [
            training if training.name else replace(training, config={**training.config, "name": f"{experiment}-{n}"})
            for n, training in enumerate(self.trainings, 1)
        ]
        return replace(self, trainings=tuple(trainings))

    @property
    def repeats_the_report(self) -> bool:
        """Whether it contains all rows and columns of the report's tables 4 and 5."""
        rows = {_row_of(training) for training in self.trainings}
        wanted = {(model, schedule, options.get("t_0")) for model, schedule, options, _ in REPORT_ROWS}
        columns = {(embedding, metric) for embedding in self.embeddings for metric in self.metrics}
        return wanted <= rows and set(REPORT_COLUMNS) <= columns and "exact" in self.methods

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        trainings = [{**asdict(training), "config": dict(training.config)} for training in self.trainings]
        lists = {name: list(getattr(self, name)) for name in ("encoders", "embeddings", "metrics", "methods")}
        return asdict(self) | lists | {"trainings": trainings}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ExperimentPlan:
        """The plan of `as_dict`; BadParameter for an unknown key or an invalid value."""
        _check_keys("a comparison", values, cls.__dataclass_fields__)
        trainings = tuple(map(_training, _several("trainings", values.get("trainings", ()), Mapping)))
        whole = {"title": "", "collection": "", **values, "trainings": trainings}
        return cls(**whole)

    def _subjects(self) -> list[tuple[str, str, str, Training | None]]:
        """Title, encoder, weights and training of each row."""
        there = [(text, *_encoder(text), None) for text in self.encoders]
        return [*there, *((t.title, t.encoder, t.name, t) for t in self.trainings)]

    def _columns(self) -> Iterator[tuple[str, str, str]]:
        for embedding in self.embeddings:
            for metric in self.metrics:
                for method in self.methods:
                    yield embedding, metric, method

    def _cell(
        self,
        title: str,
        encoder: str,
        weights: str,
        training: Training | None,
        embedding: str,
        metric: str,
        method: str,
    ) -> ExperimentCell:
        name, options = parse_method(method)
        recipe = Recipe(self.collection, encoder, weights, embedding, metric, name, self.k, options)
        config = json.dumps(dict(training.config), sort_keys=True, default=str) if training else ""
        asked = (self.queries_where, self.own_labels, self.probe)
        split = asked if any(asked) else ()  # the keys of plans of before stay
        key = digest_of(recipe, self.query, self.queries, self.seed, config, *split)
        return ExperimentCell(key, title, recipe, training)


def report_tables(
    collection: str,
    *,
    size: int = ORIGINAL_STUDY["size"],
    sizes: Mapping[int, int] | None = None,
    epochs: int = ORIGINAL_STUDY["epochs"],
    limit: int | None = None,
    title: str = "Original study, tables 4 and 5",
    query: int | None = None,
    **settings: Any,
) -> ExperimentPlan:
    """The nine rows of model and schedule of the report's tables 4 and 5, in their four columns, by exact search.

    Args:
        size: pixels per side; each model is trained at the nearest size that it reconstructs exactly.
        sizes: different sizes for some models, by their number.
        settings: other settings of every training (`batch`, `rate`, `seed` …).
    """
    trainings = []
    for model, schedule, options, row in REPORT_ROWS:
        side, note = _fitting(model, (sizes or {}).get(model, size))
        config = {"model": model, "loss": "mse", "schedule": schedule, "options": dict(options)}
        config |= {"size": side, "epochs": epochs, "limit": limit, **settings}
        trainings.append(Training(row, config, note))
    rows, metrics = tuple(trainings), ("cosine", "euclidean")
    return ExperimentPlan(
        title, collection, trainings=rows, embeddings=("flatten", "max"), metrics=metrics, query=query
    )


def _fitting(model: int, size: int) -> tuple[int, str]:
    """The nearest size that the model reconstructs exactly, and a note on it."""
    check_whole("input size", "a comparison", size, 16, 1024)
    spec = SPECS[model]
    side = min((s for s in range(16, 1025) if spec.fits(s)), key=lambda s: (abs(s - size), s))
    note = f"{side} px, the nearest to {size} that it reconstructs exactly. " if side != size else ""
    if spec.latent_size(side) == 1:
        note += f"At {side} px the latent is 1×1: flatten and max pool give the same vector."
    return side, note.strip()


def _row_of(training: Training) -> tuple[Any, Any, Any]:
    config = training.config
    return config.get("model"), config.get("schedule", "none"), (config.get("options") or {}).get("t_0")


def _encoder(text: str) -> tuple[str, str]:
    name, _, weights = text.partition("@")
    return name, weights


def _training(values: Mapping[str, Any]) -> Training:
    _check_keys("a planned training", values, Training.__dataclass_fields__)
    return Training(values.get("title", ""), values.get("config", {}), values.get("note", ""))


def _several(name: str, values: Any, kind: type | tuple[type, ...] = str) -> tuple[Any, ...]:
    """The values as a tuple without duplicates; BadParameter for anything but a list of them."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(v, kind) for v in values):
        raise BadParameter(name, "a comparison", "a list" + (" of texts" if kind is str else ""), values)
    return tuple(value for place, value in enumerate(values) if value not in values[:place])


def _check_keys(thing: str, values: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise BadParameter("key", thing, "one of " + ", ".join(known), unknown[0])


def _check_text(name: str, thing: str, value: Any, most: int = 120) -> None:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= most:
        raise BadParameter(name, thing, f"a text of 1 to {most} characters", value)

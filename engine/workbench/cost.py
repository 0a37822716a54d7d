"""Estimated durations on this computer.

Rates come from earlier jobs, training runs and classifications on this computer. Without any, rough rates for two
processor cores are used: only their order of magnitude matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

from engine.classification.plan import ClassificationPlan
from engine.classification.results import FoldRow
from engine.comparisons.hashing.plan import EXACT, StudyPlan
from engine.comparisons.hashing.timing import SECONDS_BETWEEN
from engine.comparisons.invariances.plan import InvariancePlan
from engine.comparisons.recipes.plan import ExperimentPlan
from engine.core.cache import Cache, file_stamp
from engine.core.errors import Corrupt
from engine.core.home import Home
from engine.core.humanize import duration
from engine.core.recipe import parse_method
from engine.encoders.networks.table import BACKBONES
from engine.jobs.job import Job
from engine.runs.listing import runs
from engine.runs.run import Run
from engine.training.view_losses import view_losses
from models.specs import RESIDUAL

Config = Mapping[str, Any]

# ── embedding ────────────────────────────────────────────────────────────────────────────────────────────────────────

# Images per second if no job has used an encoder yet: an autoencoder at 224 pixels
# (benchmarks/results/embedding.md), a ready-made network, any other encoder.
_AUTOENCODER, _NETWORK, _OTHER = 100.0, 40.0, 60.0
_TELLING = 32  # fewest images for a rate: with fewer, start-up dominates
_jobs: Cache[tuple[str, str, float] | None] = Cache(256)


def images_per_second(home: Home, encoder: str) -> float:
    """The embedding rate of an encoder: the median over jobs on the device of the newest one, else a rough rate."""
    measured = measured_images_per_second(home, encoder)
    if measured is not None:
        return measured
    if encoder.startswith("model-"):
        return _AUTOENCODER
    return _NETWORK if encoder in BACKBONES else _OTHER


def measured_images_per_second(home: Home, encoder: str) -> float | None:
    """The embedding rate of an encoder in jobs on this computer, None if there were none."""
    measured = [(device, rate) for name, device, rate in _measured_rates(home) if name == encoder]
    return median(rate for device, rate in measured if device == measured[0][0]) if measured else None


def embedding_seconds(home: Home, encoder: str, images: int) -> float:
    """The estimated embedding time with an encoder as a recipe names it, "model-4@default" or "model-4"."""
    return images / images_per_second(home, encoder.partition("@")[0])


_ALTERING = 200.0  # pictures per second


def invariance_seconds(home: Home, plan: InvariancePlan, pictures: int) -> float:
    """The estimated time of a table of invariances over a collection of that many pictures, prepared already."""
    altered = min(plan.queries, pictures) * (plan.levels + 1) * len(plan.alterations)
    encoders = [text.partition("/")[0] for text in plan.encoders]
    return sum(embedding_seconds(home, encoder, altered) + altered / _ALTERING for encoder in encoders)


def _measured_rates(home: Home) -> Iterator[tuple[str, str, float]]:
    """(encoder, device, images per second) of embedding jobs, newest first."""
    folders = [*home.jobs.glob("*-embed"), *home.jobs.glob("*-sample")]
    for folder in sorted(folders, reverse=True):
        key = (folder, file_stamp(folder / "result.json"))
        if (found := _jobs.get(key, partial(_rate_of, Job(folder)))) is not None:
            yield found


def _rate_of(job: Job) -> tuple[str, str, float] | None:
    try:
        value = (job.result or {}).get("value") or {}
        arguments = job.config["arguments"]
    except (Corrupt, FileNotFoundError, KeyError):
        return None
    done = value.get("embedded", value)  # a sample is drawn and embedded by the same job
    encoder = done.get("encoder") or arguments.get("recipe", {}).get("encoder")
    rate = float(done.get("images_per_second") or 0.0)
    if not encoder or not rate or done.get("encoded", 0) < _TELLING:
        return None
    return str(encoder), str(done.get("device", "")), rate


# ── training ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# Pictures per second of a training of the small residual network on two views at 64 pixels, on two cores.
_ON_VIEWS = 200.0
_epochs: Cache[list[dict[str, Any]]] = Cache(64)


def training_seconds(home: Home, config: Config, images: int) -> tuple[float, Run] | None:
    """The estimated training time, from the newest run with the same work per picture, and that run."""
    for run in runs(home):
        stamp = file_stamp(run.folder / "events.jsonl")
        events = _epochs.get((run.folder, stamp), run.events)
        seconds = [event["seconds"] for event in events if event["epoch"] and event.get("seconds")]
        learned_from = run.card.get("images")
        if seconds and learned_from and not run.shipped and _work_of(run.config) == _work_of(config):
            return median(seconds) / learned_from * images * config["epochs"], run
    return None


def rough_training_seconds(config: Config, images: int) -> float | None:
    """The time on two processor cores of a training whose rate is known from a benchmark; None for any other."""
    if config.get("objective") not in view_losses() or config.get("network") not in RESIDUAL:
        return None
    side, small = config.get("views") or config["size"], config.get("crops", 0) / 8  # each a quarter of one of two
    return float(images * config["epochs"] / _ON_VIEWS * (side / 64) ** 2 * (1 + small))


def _work_of(config: Config) -> tuple[object, ...]:
    """The settings that the time per picture depends on."""
    network = config.get("network") or config.get("model")
    objective = config.get("objective", "autoencoding")
    views = config.get("views") or config["size"], config.get("crops", 0)
    return network, objective, config["size"], *views, bool(config.get("contrast"))


# ── experiments ──────────────────────────────────────────────────────────────────────────────────────────────────────

_A_RECIPE = 2.0  # seconds
_A_PAIR = 2e-6  # seconds for each query and each image


@dataclass(frozen=True)
class ExperimentCost:
    """`seconds` of the known parts; `unknown`: the number of trainings of unknown duration."""

    seconds: float
    unknown: int

    def sentence(self) -> str:
        """For display, e.g. "About 12 min on this computer, plus 1 training of unknown duration."."""
        about = f"About {duration(self.seconds)} on this computer"
        if not self.unknown:
            return about + "."
        trainings = "1 training" if self.unknown == 1 else f"{self.unknown} trainings"
        return f"{about}, plus {trainings} of unknown duration."


def experiment_cost(
    home: Home, plan: ExperimentPlan, images: int, training: Callable[[Config], float | None]
) -> ExperimentCost:
    """The cost of training, embedding and measuring a plan over that many images.

    Args:
        training: the seconds of a training by its config, None if unknown.
    """
    trainings = [training(each.config) for each in plan.trainings]
    encoders = [*plan.encoders]
    encoders += [each.config.get("network") or f"model-{each.config.get('model')}" for each in plan.trainings]
    embedding = sum(embedding_seconds(home, encoder, images) for encoder in encoders)
    queries = min(plan.queries or images, images)
    measuring = len(plan.cells()) * (_A_RECIPE + queries * images * _A_PAIR)
    return ExperimentCost(embedding + measuring + sum(filter(None, trainings)), trainings.count(None))


# ── studies ──────────────────────────────────────────────────────────────────────────────────────────────────────────

_START = 6.0  # seconds until the first cell is measured: libraries, compiled kernels
_WIDTH = 512  # assumed for vectors that do not exist yet
_A_CELL = 0.4  # seconds
_A_COMPARISON = 2.5e-10  # seconds for each value of a vector, in exact search
_ASKING_AT_MOST = 20.0  # time limit for the single queries of a cell, in seconds
_CHOOSING = 2.0  # seconds to choose numbers from the data
_TABLES, _BITS = 32, 14  # if they are chosen from the data
_A_BIT = 6e-9  # seconds for each vector, table and bit
_BUILDS = {"hnsw": 2.2e-4, "kmeans": 1.2e-5}  # seconds a vector of 128 dimensions


def study_seconds(home: Home, plan: StudyPlan, count: int, width: int | None) -> float:
    """The seconds to measure every cell of a plan over that many vectors, including embedding if `width` is None."""
    total = _START
    if width is None:
        total += embedding_seconds(home, plan.source.split("/")[1], count)
    for cell in plan.cells():
        rows = min(cell.size or count, count)
        queries = min(plan.queries, max(1, rows // 5))
        exact = queries * rows * (width or _WIDTH) * _A_COMPARISON
        asking, between = (exact, 0.0) if cell.method == EXACT else (0.4 * exact, min(exact, SECONDS_BETWEEN))
        total += _A_CELL + _building(cell.method, rows, width or _WIDTH) + min(2 * asking + between, _ASKING_AT_MOST)
    return total


def _building(method: str, rows: int, width: int) -> float:
    name, given = parse_method(method)
    options: Mapping[str, Any] = dict(given)
    if name == EXACT:
        return 0.0
    if name in _BUILDS:
        return rows * width / 128 * _BUILDS[name]
    tables, bits = float(options.get("tables", _TABLES)), float(options.get("bits", _BITS))
    chosen = _CHOOSING if "tables" not in options or "bits" not in options else 0.0
    return rows * tables * bits * _A_BIT + min(chosen, rows / 5000)


# ── classifications ──────────────────────────────────────────────────────────────────────────────────────────────────

_AN_ITEM = {"picture": 2e-4, "text": 3e-4, "early": 5e-4, "intermediate": 1e-3, "late": 6e-4}  # seconds an epoch
_EPOCHS = 30  # of a training, by default
_LEARNING = 0.9  # of a fold's items; the others are held out for early stopping

Earlier = Sequence[tuple[ClassificationPlan, Iterable[FoldRow]]]


@dataclass(frozen=True)
class ClassificationCost:
    """`seconds` at most; `measured`: whether every training's rate was measured here; `embedding`: seconds to embed."""

    seconds: float
    measured: bool
    embedding: float

    def sentence(self) -> str:
        """For display, e.g. "At most about 2 min, based on trainings on this computer."."""
        source = "based on trainings on this computer" if self.measured else "a rough estimate"
        first = f" Preparing the pictures takes about {duration(self.embedding)} of it." if self.embedding else ""
        return f"At most about {duration(self.seconds)}, {source}. Trainings that stop improving end earlier.{first}"


def classification_cost(
    home: Home, plan: ClassificationPlan, items: int, earlier: Earlier, unseen: int
) -> ClassificationCost:
    """The cost of a plan over that many items.

    Args:
        earlier: other plans with their results, newest first. unseen: how many pictures must be embedded first.
    """
    learned_from = items * (plan.folds - 1) / plan.folds * _LEARNING
    epochs = int(plan.settings.get("epochs", _EPOCHS))
    total, measured = _START, True
    for fusion in dict.fromkeys(plan.fusions):
        rate = _seconds_an_item(plan, fusion, earlier)
        measured = measured and rate is not None
        total += (rate or _AN_ITEM[fusion]) * learned_from * epochs * plan.folds
    blurred = 0 if plan.fusions == ("text",) else items * sum(bool(one.blur) for one in plan.asked)
    embedding = embedding_seconds(home, plan.picture, unseen + blurred)
    return ClassificationCost(total + embedding, measured, embedding)


def _seconds_an_item(plan: ClassificationPlan, fusion: str, earlier: Earlier) -> float | None:
    """Seconds per item and epoch in trainings with the same encoders, None if there were none."""
    for other, rows in earlier:
        if _encoders_of(other) != _encoders_of(plan):
            continue
        own = [row for row in rows if row.fusion == fusion and row.seconds and len(row.curve) > 1]
        if own:
            return sum(row.seconds for row in own) / sum(row.learned * (len(row.curve) - 1) for row in own)
    return None


def _encoders_of(plan: ClassificationPlan) -> tuple[str, str, str]:
    """What the time of a training depends on, besides its fusion."""
    return plan.picture, plan.text, str(plan.settings.get("fine_tune", "none"))

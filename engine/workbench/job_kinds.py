"""All kinds of jobs, in one table: a new entry of `KINDS` is a new job for pages, commands and notebooks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from engine.classification.classifiers import apply as apply_classifier
from engine.classification.classifiers import train_final
from engine.classification.run import run_classification
from engine.classification.suggestions import suggest_labels
from engine.collections.collection import Collection
from engine.collections.facts.job import read_facts
from engine.collections.facts.sidecars import write_sidecars
from engine.collections.samples import SAMPLES
from engine.collections.sources.job import import_pictures, rescan
from engine.collections.sources.known import KNOWN
from engine.comparisons.disagreement import disagree
from engine.comparisons.hashing.plan import StudyPlan
from engine.comparisons.hashing.run import plan_study, run_study
from engine.comparisons.invariances.run import run_invariances
from engine.comparisons.quick import compare_quickly
from engine.comparisons.recipes.run import run_experiment
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home, home_of
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.duplicates.acts.catalogue_rows import settle_all
from engine.duplicates.acts.trash import DOING
from engine.duplicates.job import act as act_on_duplicates
from engine.duplicates.job import find as find_duplicates
from engine.encoders.choosing import encoder_title
from engine.encoders.networks.job import fetch, network_of
from engine.encoders.networks.job import title_of as network_title
from engine.grouping.neighbourhoods.job import duplicates
from engine.grouping.run import group_collection
from engine.grouping.stored.exporting import copy, extract
from engine.grouping.stored.stability import measure as measure_stability
from engine.interchange.export import export
from engine.interchange.importing import import_dataset
from engine.jobs import job as jobs
from engine.runs.listing import run
from engine.search.job import calibrate, embed, index, sample
from engine.training.config import with_defaults
from engine.training.job import find_rate, train
from engine.workbench.copying import copy_files

Arguments = dict[str, Any]

_AGAIN = "The same command continues from there."
_VECTORS = "Vectors that are finished are kept. " + _AGAIN


@dataclass(frozen=True)
class JobKind:
    """A kind of job.

    Attributes:
        name: of the kind in job folders, addresses and `Workbench.start`; it never changes.
        verb: the first words of a job's title, also from its arguments. about: the rest of it, from its arguments.
        run: the work itself, from its arguments to a JSON-able result.
        makes: what it makes or changes, for pages that show such work (see `kinds_that_make`).
        kept: what is preserved if the work is stopped.
        background: whether it takes hours, yields to other processes, and leaves its collection unchanged.
    """

    name: str
    verb: str | Callable[[Arguments], str]
    run: Callable[[Arguments, Reporter], Any]
    about: Callable[[Arguments], str]
    makes: tuple[str, ...]
    kept: str
    background: bool = False


class GivenArguments(dict[str, Any]):
    """The arguments of a job, which name the one that is missing."""

    def __init__(self, kind: str, arguments: Arguments) -> None:
        super().__init__(arguments)
        self._kind = kind

    def __missing__(self, name: str) -> Any:
        raise BadParameter(name, f"the job {self._kind}", "given", "nothing")


def _import(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Make a collection from `source`: pictures of any kind, or a "dataset" in the `format` of another program."""
    return (import_dataset if arguments["source"] == "dataset" else import_pictures)(arguments, reporter)


def _rescan(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Import what was added to, changed in or deleted from the source of `collection`.

    Acts that were cut off are settled first: a file that a restore has brought back keeps its id.
    """
    return rescan(arguments, reporter, first=settle_all)


def _experiment(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Measure the missing cells of the experiment `name`, training, embedding and indexing first as needed."""
    return run_experiment(home_of(arguments), arguments["name"], reporter)


def _quick(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Compare every ready encoder on a few hundred pictures of `collection`."""
    home = home_of(arguments)
    return compare_quickly(home, Collection.open(home, arguments["collection"]), reporter).as_dict()


def _invariance(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Measure the missing cells of the table of invariances `name`; missing vectors are computed first."""
    return run_invariances(home_of(arguments), arguments["name"], reporter)


def _disagree(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Compare the neighbours by two encoders, `first` and `second`, over `collection`; missing vectors are computed."""
    home = home_of(arguments)
    collection = Collection.open(home, arguments["collection"])
    return disagree(home, collection, arguments["first"], arguments["second"], reporter).as_dict()


def _study(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Measure the missing cells of the study `name`, or of a new one: `plan`, with `tune` to choose settings first."""
    home, name = home_of(arguments), arguments.get("name")
    if name is None:
        tuned = {"tune": arguments["tune"]} if "tune" in arguments else {}
        name = plan_study(home, StudyPlan.from_dict({**arguments["plan"], **tuned})).name
    return run_study(home, name, reporter)


def _classification(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Measure the missing cells of the classification `name`; pictures and texts are embedded first."""
    return run_classification(home_of(arguments), arguments["name"], reporter)


def _classifier(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Train the `fusion` of the classification `name` on all labelled items and keep it, under `title` if given."""
    words = (arguments["name"], arguments["fusion"])
    return {"classifier": train_final(home_of(arguments), *words, reporter, arguments.get("title", "")).name}


def _apply(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Predict the labels of the unlabelled items of `collection` with the classifier `name`; `every`: of all items."""
    words = (arguments["name"], arguments["collection"])
    found = apply_classifier(home_of(arguments), *words, reporter, bool(arguments.get("every")))
    return {"classifier": found.classifier, "collection": found.collection, "guesses": len(found.predictions)}


def _suggest(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Suggest labels for the unlabelled pictures of `collection` (`every`: all), from the words `among` if given."""
    words = arguments["collection"], reporter, bool(arguments.get("every")), arguments.get("among", ())
    found = suggest_labels(home_of(arguments), *words)
    return {"collection": found.collection, "guesses": len(found.predictions)}


def _group(arguments: Arguments, reporter: Reporter) -> dict[str, Any]:
    """Group the collection of `recipe` as `plan` says, under `title`; missing vectors are computed first."""
    recipe = Recipe.from_dict(arguments["recipe"])
    return group_collection(home_of(arguments), recipe, arguments["plan"], arguments.get("title", ""), reporter)


# ── what a job's title says it is about ──────────────────────────────────────────────────────────────────────────────


def _title(arguments: Arguments) -> str:
    """The title of the result, or its name."""
    plan = arguments.get("plan") or {}
    return _quoted(arguments.get("title") or arguments.get("name") or plan.get("title", ""))


def _sample(arguments: Arguments) -> str:
    return _quoted(SAMPLES[arguments["name"]].title) if arguments["name"] in SAMPLES else _title(arguments)


def _source(arguments: Arguments) -> str:
    known = KNOWN.get(arguments.get("name", ""))
    return _quoted(known.title) if known and not arguments.get("title") else _title(arguments)


def _act(arguments: Arguments) -> str:
    return f"{DOING.get(arguments['act'], DOING['trash'])} of"


def _collection(arguments: Arguments) -> str:
    return _quoted(_collection_title(home_of(arguments), arguments["collection"]))


def _recipe(arguments: Arguments) -> str:
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    collection = _quoted(_collection_title(home, recipe.collection))
    return f"{collection} ({encoder_title(home, recipe.encoder, recipe.weights)})"


def _network(arguments: Arguments) -> str:
    return network_title(network_of(arguments, home_of(arguments)))


def _training(arguments: Arguments) -> str:
    """Model and collection of a new training, or the title of a continued run."""
    if "run" in arguments:
        with suppress(NotFound, Corrupt):
            return _quoted(run(home_of(arguments), arguments["run"]).title)
        return _quoted(arguments["run"])
    config = arguments.get("config") or with_defaults({})
    network = network_title(config["network"]) if config.get("network") else f"Model {config.get('model', 4)}"
    return f"{network} on {_collection(arguments)}"


def _quoted(title: str) -> str:
    return f"“{title}”"


def _collection_title(home: Home, name: str) -> str:
    with suppress(NotFound, Corrupt):
        return Collection.open(home, name).title
    return name


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


_MEASURED = "What is measured is kept; continue with: python -m engine {0} --resume NAME (see: {0} --list)"
_TRAINED = "What is finished is kept; continue with: python -m engine train --resume NAME (see: python -m engine runs)"
_NOTHING = "Nothing was changed."

KINDS: dict[str, JobKind] = {
    kind.name: kind
    for kind in (
        JobKind("fetch", "Downloading", fetch, _network, ("weights",), "What has arrived is kept. " + _AGAIN),
        JobKind("import", "Importing", _import, _source, ("collection",), _AGAIN),
        JobKind("rescan", "Rescanning", _rescan, _collection, ("collection",), _AGAIN),
        JobKind("facts", "Reading dates and cameras of", read_facts, _collection, ("facts",),
                "What is read is kept. " + _AGAIN),
        JobKind("sample", "Creating the sample", sample, _sample, ("collection",), _AGAIN),
        JobKind("embed", "Preparing", embed, _recipe, ("vectors",), _VECTORS),
        JobKind("index", "Indexing", index, _recipe, ("vectors",), _NOTHING),
        JobKind("calibrate", "Calibrating", calibrate, _recipe, ("calibration",), _NOTHING),
        JobKind("duplicates", "Finding nearest neighbours in", duplicates, _recipe, ("duplicates",), _VECTORS),
        JobKind("perceptual", "Comparing the pictures of", find_duplicates, _collection, ("duplicates",), _AGAIN),
        JobKind("tidy", _act, act_on_duplicates, _collection, ("duplicates",),
                "What was done is listed on the page Duplicates and can be undone there."),
        JobKind("group", "Grouping", _group, _recipe, ("groups",), _VECTORS),
        JobKind("stability", "Resampling the tree", measure_stability, _title, ("groups",), _NOTHING),
        JobKind("extract", "Creating the collection", extract, _title, ("collection", "export"), _AGAIN),
        JobKind("copy", "Copying pictures of", copy, _title, ("export",), _NOTHING),
        JobKind("files", "Copying pictures of", copy_files, _collection, ("export",), "Files that were copied stay."),
        JobKind("export", "Exporting", export, _collection, ("export",), _NOTHING),
        JobKind("sidecars", "Writing sidecar files of", write_sidecars, _collection, ("sidecars",),
                "Files that were written stay."),
        JobKind("apply", "Predicting labels in", _apply, _collection, ("labels",), _VECTORS),
        JobKind("suggest", "Suggesting labels for", _suggest, _collection, ("labels",), _VECTORS),
        JobKind("train", "Training", train, _training, ("run",), _TRAINED, background=True),
        JobKind("rate", "Finding a learning rate for", find_rate, _training, ("rate",), _NOTHING),
        JobKind("experiment", "Comparing", _experiment, _title, ("comparison",), _MEASURED.format("compare"), True),
        JobKind("quick", "Comparing encoders on", _quick, _collection, ("comparison",), _NOTHING),
        JobKind("disagree", "Comparing two encoders on", _disagree, _collection, ("comparison",), _VECTORS),
        JobKind("invariance", "Measuring", _invariance, _title, ("comparison",),
                _MEASURED.format("invariance"), background=True),
        JobKind("study", "Benchmarking", _study, _title, ("comparison",), _MEASURED.format("hashing"), True),
        JobKind("classification", "Cross-validating", _classification, _title, ("comparison",),
                _MEASURED.format("classify"), background=True),
        JobKind("classifier", "Training the classifier", _classifier, _title, ("classifier",), _NOTHING, True),
    )
}  # fmt: skip
BACKGROUND = frozenset(kind.name for kind in KINDS.values() if kind.background)


def job_kind(name: str) -> JobKind:
    """The kind of that name; BadParameter if there is none."""
    if not isinstance(name, str) or name not in KINDS:
        raise BadParameter("kind", "a job", "one of " + ", ".join(KINDS), name)
    return KINDS[name]


def kinds_that_make(*what: str) -> tuple[str, ...]:
    """The names of the kinds that make or change any of these: "collection", "vectors", "weights", "groups" …"""
    return tuple(kind.name for kind in KINDS.values() if set(kind.makes) & set(what))


def title_of(name: str, arguments: Arguments) -> str:
    """The title of a job: *Preparing “Fashion products” (Model 4)*. `arguments` include the home."""
    kind = job_kind(name)
    verb = kind.verb if isinstance(kind.verb, str) else kind.verb(arguments)
    return f"{verb} {kind.about(arguments)}"


def work(folder: Path) -> None:
    """Run the job of `folder` in this process: the body of a worker."""
    jobs.work(folder, {kind.name: partial(_run, kind) for kind in KINDS.values()}, BACKGROUND)


def _run(kind: JobKind, arguments: Arguments, reporter: Reporter) -> Any:
    return kind.run(GivenArguments(kind.name, arguments), reporter)

"""The kinds of long work, by name: what a job's worker, the command line and a notebook run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.classification.classifiers import apply as apply_classifier
from engine.classification.classifiers import train_final
from engine.classification.run import run_classification
from engine.collections.collection import Collection
from engine.collections.report import ImportReport
from engine.collections.sources import importing
from engine.collections.sources.known import import_known
from engine.collections.sources.spool import under_its_name, waiting
from engine.collections.sources.table_upload import import_table_upload
from engine.collections.sources.uploads import is_archive
from engine.comparisons.hashing.plan import StudyPlan
from engine.comparisons.hashing.run import plan_study, run_study
from engine.comparisons.recipes.run import run_experiment
from engine.core.cache import Cache
from engine.core.errors import BadParameter, NameTaken, NotReady, Unreadable
from engine.core.home import Home, home_of
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.combination import parts_of
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, backbone
from engine.encoders.vectors.pipeline import embed_collection
from engine.grouping.duplicates.duplicates import open_surroundings
from engine.grouping.run import group_collection
from engine.grouping.stored import exporting
from engine.jobs.queue import turn
from engine.runs import classifiers
from engine.search import opening
from engine.search.opening import default_recipe, open_searcher
from engine.texts.published import PUBLISHED, fetch_text_network, folder_of
from engine.training.job import train

Work = Callable[[dict[str, Any], Reporter], Any]


def import_images(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Make a collection from `source`: folder, archive, csv (each with `path`), upload (`spool`) or known (`name`)."""
    home, source, title = home_of(arguments), arguments["source"], arguments.get("title", "")
    if source == "known":
        return import_known(home, arguments["name"], reporter, title).to_dict()
    if source == "upload":
        return _import_upload(home, title, Path(arguments["spool"]), reporter)
    ways: dict[str, Callable[[Home, str, Path, Reporter], Any]] = {
        "folder": importing.import_folder,
        "archive": importing.import_archive,
        "csv": importing.import_csv,
    }
    if source not in ways:
        raise BadParameter("source", "an import", "one of folder, archive, csv, upload, known", source)
    report: dict[str, Any] = ways[source](home, title, Path(arguments["path"]), reporter).to_dict()
    return report


def source_of(path: Path) -> str:
    """The `source` of an import that reads what lies at `path`: folder, csv (also a TSV) or archive."""
    if path.is_dir():
        return "folder"
    return "csv" if path.suffix.lower() in (".csv", ".tsv") else "archive"


def _import_upload(home: Home, title: str, spool: Path, reporter: Reporter) -> dict[str, Any]:
    """Import what waits in the spool; it is deleted unless trying again can go on from it."""
    try:
        report: dict[str, Any] = _import_waiting(home, title, spool, reporter).to_dict()
    except (Unreadable, NameTaken, BadParameter):
        shutil.rmtree(spool, ignore_errors=True)
        raise
    shutil.rmtree(spool, ignore_errors=True)
    return report


def _import_waiting(home: Home, title: str, spool: Path, reporter: Reporter) -> ImportReport:
    """A table with pictures or archives, one archive, or any mixture of pictures and archives."""
    files = waiting(spool)
    tables = [file for file in files if file[0].lower().endswith((".csv", ".tsv"))]
    if len(tables) == 1 and len(files) > 1:
        pictures = [file for file in files if file is not tables[0]]
        return import_table_upload(home, title, under_its_name(*tables[0]), pictures, reporter)
    if len(files) == 1 and is_archive(files[0][0]):
        return importing.import_archive(home, title, under_its_name(*files[0]), reporter)
    return importing.import_files(home, title, files, reporter)


def rescan(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Look at a collection's source again: what was added, changed or deleted since."""
    return importing.rescan(Collection.open(home_of(arguments), arguments["collection"]), reporter).to_dict()


def sample(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Draw one of the sample collections and embed it with the default recipe."""
    home = home_of(arguments)
    report = importing.import_sample(home, arguments["name"], reporter).to_dict()
    recipe = default_recipe(home, arguments["name"])
    return report | {"embedded": embed({**arguments, "recipe": recipe.as_dict()}, reporter)}


def embed(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Make the vectors that a recipe needs; only new and changed images are encoded."""
    recipe = Recipe.from_dict(arguments["recipe"])
    collection = Collection.open(home_of(arguments), recipe.collection)
    encoder = open_encoder(recipe.encoder, recipe.weights, home_of(arguments), collection)
    done = embed_collection(collection, encoder, [recipe.embedding], reporter)
    return {"collection": collection.name, **(done if isinstance(done, dict) else {})}


def index(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Build and store the index of a recipe: what pages leave to a job where it takes long."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    reporter.update("Building the index", 0, 1, "indexes")
    collection = Collection.open(home, recipe.collection)
    info = open_encoder(recipe.encoder, recipe.weights, home, collection).info
    searcher = open_searcher(collection, info, recipe, exact=Cache(1), build_large=True)
    reporter.update("Building the index", 1, 1, "indexes")
    return {"collection": recipe.collection, "vectors": searcher.index.size}


def duplicates(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Work out the nearest others of each picture, for duplicates and odd ones; embeds first where that is missing."""
    home, recipe = home_of(arguments), Recipe.from_dict(arguments["recipe"])
    collection = Collection.open(home, recipe.collection)
    info = open_encoder(recipe.encoder, recipe.weights, home).prepared(collection, reporter).info
    try:
        opening.require_vectors(collection, info, recipe)
    except NotReady:
        embed(arguments, reporter)
    found = open_surroundings(collection, info, recipe, exact=Cache(1), reporter=reporter).duplicates()
    counts = {"pictures": len(found.nearness), "groups": len(found.groups), "copies": len(found.copies)}
    return {"collection": recipe.collection, "threshold": found.share.threshold, **counts}


def experiment(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure what is missing of the experiment `name`; what it needs is trained, embedded and indexed first."""
    return run_experiment(home_of(arguments), arguments["name"], reporter)


def study(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure what is missing of the study `name`, or of a new one: `plan`, with `tune` to choose settings first."""
    home, name = home_of(arguments), arguments.get("name")
    if name is None:
        tuned = {"tune": arguments["tune"]} if "tune" in arguments else {}
        name = plan_study(home, StudyPlan.from_dict({**arguments["plan"], **tuned})).name
    return run_study(home, name, reporter)


def classification(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Measure what is missing of the classification `name`; pictures and texts are embedded first."""
    return run_classification(home_of(arguments), arguments["name"], reporter)


def classifier(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Train the `fusion` of the classification `name` on all labelled things and keep it, maybe under a `title`."""
    words = (arguments["name"], arguments["fusion"])
    return {"classifier": train_final(home_of(arguments), *words, reporter, arguments.get("title", "")).name}


def apply(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Let the classifier `name` say what the things of a `collection` without a label are; `every`: all of them."""
    words = (arguments["name"], arguments["collection"])
    found = apply_classifier(home_of(arguments), *words, reporter, bool(arguments.get("every")))
    return {"classifier": found.classifier, "collection": found.collection, "guesses": len(found.guesses)}


def group(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Group the collection of `recipe` as `plan` says, under `title`; what has no vector yet is embedded first."""
    recipe = Recipe.from_dict(arguments["recipe"])
    return group_collection(home_of(arguments), recipe, arguments["plan"], arguments.get("title", ""), reporter)


def fetch(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Fetch the weights of a ready-made network: `network`, or the encoder of `recipe`."""
    home = home_of(arguments)
    name = _network_of(arguments, home)
    if name in PUBLISHED:
        text = PUBLISHED[name]
        with turn(home.jobs, f"fetch-{text.name}", reporter):
            fetch_text_network(home, text, reporter)
            return {"network": text.name, "sha256": text.sha256}
    network = backbone(name)
    with turn(home.jobs, f"fetch-{network.name}", reporter):
        return {"network": network.name, "sha256": pretrained.fetch(home, network, reporter).sha256}


def _network_of(arguments: dict[str, Any], home: Home) -> str:
    """The network that is named, or the part of the recipe's encoder whose weights are not there yet."""
    encoder = arguments.get("network") or arguments["recipe"]["encoder"]
    if encoder == "fused":
        encoder = _missing_of(home, arguments["recipe"]["weights"])
    networks = [name for name, weights in parts_of(encoder, "") if not weights and name in BACKBONES]
    missing = (name for name in networks if not pretrained.ready(home, BACKBONES[name]))
    return str(next(missing, networks[0] if networks else encoder))


def _missing_of(home: Home, classifier: str) -> str:
    """The encoder of texts of a classifier where its weights are not there, else its encoder of pictures."""
    card = classifiers.classifier(home, classifier).card
    text = PUBLISHED.get(card["text"] or "")
    if text is not None and folder_of(home, text) is None:
        return text.name
    return str(card["picture"]["encoder"]) if card["picture"] else text.name if text is not None else ""


KINDS: dict[str, Work] = {
    "fetch": fetch,
    "import": import_images,
    "rescan": rescan,
    "sample": sample,
    "embed": embed,
    "index": index,
    "duplicates": duplicates,
    "train": train,
    "experiment": experiment,
    "study": study,
    "classification": classification,
    "classifier": classifier,
    "apply": apply,
    "group": group,
    "extract": exporting.extract,
    "copy": exporting.copy,
}


def checked_kind(kind: str) -> Work:
    """The work of that name; BadParameter when there is none."""
    if kind not in KINDS:
        raise BadParameter("kind", "a job", "one of " + ", ".join(KINDS), kind)
    return KINDS[kind]


def title_of(kind: str, arguments: dict[str, Any]) -> str:
    """What a job is called on the page, from what it was asked."""
    if kind == "fetch":
        recipe = arguments.get("recipe") or {}
        return f"Fetch the weights of {arguments.get('network') or recipe.get('weights') or recipe['encoder']}"
    recipe = arguments.get("recipe") or {}
    if kind == "group":  # its title is that of what comes out
        arguments = {"collection": recipe["collection"]}
    named = [arguments.get("title"), arguments.get("collection"), arguments.get("name"), recipe.get("collection")]
    named.append((arguments.get("plan") or {}).get("title") if kind == "study" else None)
    subject = next(filter(None, named), "").replace("-", " " if kind == "sample" else "-")
    verb = {
        "import": "Import",
        "rescan": "Rescan",
        "sample": "Draw",
        "embed": "Embed",
        "index": "Index",
        "duplicates": "Look for duplicates in",
        "train": "Train on",
        "experiment": "Compare",
        "study": "Study",
        "classification": "Classify",
        "classifier": "Train a classifier for",
        "apply": "Name the classes in",
        "group": "Group",
        "extract": "Make the collection",
        "copy": "Copy the pictures of",
    }[kind]
    return f"{verb} {subject}" + (f" with {recipe['encoder']}" if recipe else "")

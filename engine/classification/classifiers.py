"""Final classifiers: trained on all labelled items, applied to the rest of a collection.

classifiers/<run>/
    run.json, weights-….safetensors, events.jsonl …   a run, as those of encoders (see `engine.runs.run`)
    text.json                   the fitted state of its text encoder (sealed), if that has one
    guesses/<collection>.json   its predictions (see `engine.classification.predictions`)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.classification.fine_tuning import tunable
from engine.classification.folds import held_out
from engine.classification.predictions import StoredPrediction, StoredPredictions
from engine.classification.results import classification, likeliest
from engine.classification.task import Task, config_of
from engine.classification.training.config import ClassifierConfig
from engine.collections.collection import Collection
from engine.core.device import device
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import write_json
from engine.encoders.encoder import Encoder
from engine.encoders.fusion import NAME, FusionEncoder
from engine.runs import listing as runs
from engine.runs.classifiers import classifiers
from engine.runs.run import Run
from engine.search.provenance import provenance_of

if TYPE_CHECKING:
    from engine.encoders.examples.examples import Examples


def train_final(home: Home, name: str, fusion: str, reporter: Reporter, title: str = "") -> Run:
    """Train one of a classification's fusions on all labelled items and store it as a classifier.

    A tenth of every class (the plan's validation share) only chooses the epoch and the weight of a late fusion. One of
    the same title whose training was interrupted goes on.

    Raises:
        NotFound: no such classification. BadParameter: it has no such fusion.
        What `engine.classification.run.plan_classification` raises. Stopped: on request; it can be trained on.
    """
    from engine.classification.training.train import train_classifier

    plan = classification(home, name).plan
    if fusion not in plan.fusions:
        raise BadParameter("fusion", f"the classification {name}", "one of " + ", ".join(plan.fusions), fusion)
    alone = replace(plan, fusions=(fusion,))  # a model of pictures needs no encoder of texts, and the other way round
    task = Task.of(home, Collection.open(home, plan.collection), alone)
    items = task.items(reporter, every=True)
    run = _begun(home, task, items, name, fusion, title)
    if task.text is not None and task.text.state is not None:  # of one that goes on as well: it may lack it
        write_json(run.folder / "text.json", task.text.state)
    config = ClassifierConfig.from_dict(run.config)
    learning, apart = held_out(items.codes, np.arange(len(items)), config.validation, config.seed)
    encoders = tunable(home, task, items, reporter) if config.tuned else None
    train_classifier(config, items, learning, apart, run, reporter, device(), encoders)
    return run


def apply(home: Home, name: str, collection: str, reporter: Reporter, every: bool = False) -> StoredPredictions:
    """Predict the labels of the unlabelled items (`every`: of all items) with a classifier, and store the predictions.

    Raises:
        NotFound: no such classifier or collection. NotReady: an encoder needs something first.
        BadParameter: no item lacks a label, or its pictures would be encoded differently than in its training.
    """
    opened, place = open_classifier(home, name), Collection.open(home, collection)
    _check_own(opened, place, reporter)
    items = opened.at(place).items(place, reporter)
    images = place.images()
    wanted = np.array([every or not label for label in images.labels], bool) & (items.has_picture | items.has_text)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        raise BadParameter("items", "a classification", "without a label yet, or all of them (--all)", "none")
    chosen = items.of(rows)
    facts = [(int(images.ids[row]), images.names[row], images.labels[row]) for row in rows]
    found = sorted(_predictions(opened, chosen, facts), key=lambda one: one.confidence)
    made_with = asdict(provenance_of(opened.info, images))
    return StoredPredictions(name, place.name, time.time(), tuple(found), made_with).keep(home)


def open_classifier(home: Home, name: str) -> FusionEncoder:
    """The classifier of that name, ready to predict; raises as `FusionEncoder.open` does.

    An encoder that learns from a collection (visual words) is restored as learned from that of the classifier.
    """
    opened = FusionEncoder.open(NAME, name, home)
    if opened.picture is not None:
        with suppress(NotFound):  # a collection that is gone
            opened.picture = opened.picture.at(Collection.open(home, opened.run.card["collection"]["name"]))
    return opened


def _check_own(opened: FusionEncoder, collection: Collection, reporter: Reporter) -> None:
    """Refuse a collection whose pictures would be encoded differently from those of the training."""
    card, picture = opened.run.card, opened.picture
    known = (card["picture"] or {}).get("fingerprint")
    if picture is None or known is None or "picture" in card.get("tuned", ()):
        return
    own, title = card["collection"], f"the classifier {opened.run.title}"
    is_own = own["name"] == collection.name
    now = (picture.prepared(collection, reporter) if is_own else picture.at(collection)).info.fingerprint
    if now != known and (is_own or picture.info.fingerprint != known):
        way_out = "Train the classifier again."
        wanted = "the one it was trained with, which has changed since"
        raise BadParameter("encoder", title, wanted, picture.info.name, way_out=way_out)
    if now != known:
        wanted = f"{own['title']!r}, the only one that its encoder {picture.info.title} was fitted to"
        raise BadParameter("collection", title, wanted, collection.title)


def _begun(home: Home, task: Task, items: Examples, name: str, fusion: str, title: str) -> Run:
    """The classifier's run: an interrupted one made from the same plan and items, else a new one."""
    config = config_of(task.plan, fusion)
    for run in classifiers(home):
        card = run.card
        same = (card.get("made_of"), card.get("classification"), card.get("title")) == (task.made_of, name, title)
        if same and run.can_continue and ClassifierConfig.from_dict(run.config) == config:
            return run
    fresh = runs.fresh_name(home, title or f"{task.collection.name}-{fusion}", home.classifiers)
    card = _card(task, items, name, fusion, title)
    run = runs.create(home, fresh, config.as_dict(), card, home.classifiers)
    if title:
        run.rename(title)
    return run


def _card(task: Task, items: Examples, name: str, fusion: str, title: str) -> dict[str, Any]:
    """The facts of a classifier that are needed to use it correctly."""
    collection, picture = task.collection, task.picture
    named = {"name": collection.name, "title": collection.title, "fingerprint": collection.fingerprint()}
    config = config_of(task.plan, fusion)
    return {
        "title": title,
        "classification": name,
        "fusion": fusion,
        "made": time.strftime("%Y-%m-%d"),
        "made_of": task.made_of,
        "collection": named,
        "images": len(items),
        "classes": list(task.classes),
        "picture": _named(picture.at(collection)) if picture else None,
        "embedding": task.plan.embedding,
        "text": task.text.info.name if task.text else None,
        "tuned": list(config.tuned),
        "spec": asdict(items.spec(fusion, config.dropout)),
    }


def _named(picture: Encoder) -> dict[str, str]:
    """The facts by which an encoder is opened again and checked to be the same."""
    info = picture.info
    return {"encoder": info.name, "weights": info.weights, "fingerprint": info.fingerprint}


def _predictions(
    opened: FusionEncoder, items: Examples, facts: Sequence[tuple[int, str, str]]
) -> list[StoredPrediction]:
    predicted = opened.explain(items)
    found = []
    for row, fact in enumerate(facts):
        picture = predicted.picture if items.has_picture[row] else None
        text = predicted.text if items.has_text[row] else None
        seen, read = (None if one is None else likeliest(one[row], opened.classes) for one in (picture, text))
        found.append(StoredPrediction(*fact, seen, read, likeliest(predicted.fused[row], opened.classes)))
    return found


def remove_classifier(home: Home, name: str) -> None:
    """Delete a classifier with its predictions.

    Raises:
        NotFound: no such classifier. BadParameter: it is being trained.
    """
    run = Run(home.classifiers / name)
    if not name or name != run.name or not (run.folder / "run.json").exists():
        raise NotFound(f"There is no classifier {name!r}.", way_out="See: python -m engine classify --list")
    if run.alive:
        raise BadParameter("classifier", "deleting", "one that is not being trained right now", name)
    run.remove()

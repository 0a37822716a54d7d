"""The task of a classification: the labelled items of a plan with their encoders, checked before any work starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.classification.folds import drawn
from engine.classification.plan import ClassificationPlan
from engine.classification.training.config import ClassifierConfig
from engine.collections.collection import Collection
from engine.collections.sources.table_rows import column
from engine.collections.sources.tables import checked_table
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import digest_of
from engine.encoders import choices, open_encoder
from engine.encoders.choosing import newest_weights
from engine.encoders.combination import parts_of
from engine.encoders.encoder import Encoder
from engine.encoders.examples.of_collection import examples_of
from engine.encoders.pooling import POOLINGS, embedding, unfinished
from engine.search.provenance import provenance_of
from engine.texts import TextEncoder, open_text_encoder
from engine.texts.plain import plain
from engine.texts.published import PUBLISHED
from engine.texts.vectors import fitted_to

if TYPE_CHECKING:
    from engine.encoders.examples.examples import Examples


Rows = NDArray[np.int64]


def config_of(plan: ClassificationPlan, fusion: str) -> ClassifierConfig:
    """The training config of one of a plan's fusions; BadParameter for an unknown setting."""
    return ClassifierConfig.from_dict({**plan.settings, "fusion": fusion, "seed": plan.seed})


@dataclass(frozen=True)
class Task:
    """The task of a plan: the encoders over the collection, and the class of each image.

    Attributes:
        labels: by the id of the participating images. classes: all labels by name.
    """

    collection: Collection
    plan: ClassificationPlan
    picture: Encoder | None
    text: TextEncoder | None
    labels: dict[int, str]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, home: Home, collection: Collection, plan: ClassificationPlan) -> Task:
        """The task of a plan, once it is known to be possible; raises as `plan_classification` does."""
        labels = checked_labels(collection, plan)
        picture = _picture_encoder(home, collection, plan) if plan.fusions != ("text",) else None
        text = None
        if plan.needs_text:
            text = fitted_to(_text_encoder(home, plan.text), collection)
        check_fine_tuning(plan, picture, text)
        return cls(collection, plan, picture, text, labels, tuple(sorted(set(labels.values()))))

    @property
    def made_of(self) -> str:
        """Changes when pictures, labels, texts or weights do."""
        encoders = [one.info.fingerprint for one in (self.picture, self.text) if one is not None]
        return f"{items_digest(self.collection, self.labels)}-{digest_of(*encoders)}"

    @property
    def made_with(self) -> dict[str, Any]:
        """What makes the pictures' vectors; empty if only texts are used."""
        return asdict(provenance_of(self.picture.info, self.collection.images())) if self.picture else {}

    def items(self, reporter: Reporter, every: bool = False) -> Examples:
        """The labelled items with their classes: those drawn as the plan says, or all of them."""
        found = examples_of(self.collection, self.picture, self.plan.embedding, self.text, reporter)
        place = {label: code for code, label in enumerate(self.classes)}
        codes = np.array([place.get(self.labels.get(id, ""), -1) for id in found.ids.tolist()], dtype=np.int64)
        known = np.flatnonzero((codes >= 0) & (found.has_picture | found.has_text))
        rows = known if every else known[drawn(codes[known], self.plan.each, self.plan.seed)]
        return replace(found, codes=codes, classes=self.classes).of(rows)

    def texts(self, ids: Rows) -> list[str]:
        """The plain texts of images."""
        images = self.collection.images()
        texts = dict(zip(images.ids.tolist(), images.texts, strict=True))
        return [plain(texts[id]) for id in ids.tolist()]


def checked_labels(collection: Collection, plan: ClassificationPlan) -> dict[int, str]:
    """The class of every participating image, once the plan is known to be possible for them.

    Raises:
        BadParameter: as `labels_of`, one class only, fewer items of a class than folds, no texts.
    """
    labels = labels_of(collection, plan)
    _check_labels(labels, plan)
    if plan.needs_text:
        _check_texts(collection, labels)
    return labels


def items_of_a_plan(collection: Collection, plan: ClassificationPlan) -> int:
    """The number of participating items; raises as `checked_labels` does."""
    sizes = Counter(checked_labels(collection, plan).values())
    return sum(min(size, plan.each or size) for size in sizes.values())


def items_digest(collection: Collection, labels: Mapping[int, str]) -> str:
    """Changes when pictures, texts or labels do; the first part of a row's `made_of`."""
    images = collection.images()
    return digest_of(*images.ids.tolist(), *images.hashes, *images.texts, *sorted(labels.items()))


def labels_of(collection: Collection, plan: ClassificationPlan) -> dict[int, str]:
    """The class of every participating image, by its id.

    Raises:
        BadParameter: the collection has no table, the table no such column, or a wanted label does not occur.
    """
    if plan.column:
        labels = _column(collection, plan.column)
    else:
        images = collection.images()
        labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    unknown = sorted(set(plan.labels) - set(labels.values()))
    if unknown:
        known = ", ".join(sorted(set(filter(None, labels.values())))) or "none"
        raise BadParameter("label", "a classification", f"one of {known}", unknown[0])
    return {id: label for id, label in labels.items() if label and (not plan.labels or label in plan.labels)}


def _column(collection: Collection, name: str) -> dict[int, str]:
    table = collection.source.get("table")
    if not table:
        wanted = "left out: the collection was not imported from a table"
        raise BadParameter("label column", collection.title, wanted, name)
    follow = collection.follows_links
    path = checked_table(table, unlinked=not follow, follow=follow)
    found = column(path, name, collection.source.get("columns"), follow=follow)
    return {row.id: found.get(row.key, "") for row in collection.rows("image")}


def _check_labels(labels: dict[int, str], plan: ClassificationPlan) -> None:
    sizes = Counter(labels.values())
    if len(sizes) < 2:
        found = f"only {next(iter(sizes))!r}" if sizes else "none"
        way_out = "Give the collection labels, or name a --label-column of its table."
        raise BadParameter("labels", "a classification", "two or more different ones", found, way_out=way_out)
    rare, least = min(sizes.items(), key=lambda pair: (pair[1], pair[0]))
    if least == 1:  # no number of folds would do
        others = ",".join(sorted(label for label, size in sizes.items() if size > 1))
        way_out = f"Leave it out: --labels {others}" if others.count(",") else ""
        raise BadParameter(f"label {rare!r}", "a classification", "on at least 2 pictures", 1, way_out=way_out)
    least = min(least, plan.each or least)
    if least < plan.folds:
        wanted = f"at most {least}, as many as there are items with the label {rare!r}"
        way_out = "Use fewer folds, or choose the labels that take part."
        raise BadParameter("number of folds", "a classification", wanted, plan.folds, way_out=way_out)


def _check_texts(collection: Collection, labels: dict[int, str]) -> None:
    images = collection.images()
    if not any(text.strip() for id, text in zip(images.ids.tolist(), images.texts, strict=True) if id in labels):
        way_out = "Import a table with a column text, or classify by picture alone (--fusion picture)."
        raise BadParameter("texts", "a classification", "given for some of the items", "none", way_out=way_out)


def _picture_encoder(home: Home, collection: Collection, plan: ClassificationPlan) -> Encoder:
    _check_embedding(plan.embedding)
    name, _, weights = plan.picture.partition("@")
    newest = newest_weights(home, name, "a classification", collection.name)
    weights = weights or newest
    _check_untaught(home, collection, name, weights)
    return open_encoder(name, weights, home, collection)


def _check_embedding(name: str) -> None:
    if embedding(name).name != unfinished(name):
        wanted = f"one of {', '.join(POOLINGS)}, nothing after it: finishing belongs to a collection's own pictures"
        raise BadParameter("embedding", "a classification", wanted, name)


def _check_untaught(home: Home, collection: Collection, name: str, weights: str) -> None:
    """Refuse an encoder that has learned the labels that are predicted, or reads texts; two combined as well."""
    parts = parts_of(name, weights)
    for line in choices(home):
        own = collection.name in (line.learned_from, line.trained_on if line.learned_labels else "")
        if (line.name, line.weights) in parts and own:
            wanted = f"one that has not learned from {collection.title} already: it knows their labels"
            raise BadParameter("encoder", "a classification", wanted, line.title)
        if (line.name, line.weights) in parts and line.words:
            wanted = "one that sees pictures only: this one reads their texts as well"
            raise BadParameter("encoder", "a classification", wanted, line.title)


def _text_encoder(home: Home, name: str) -> TextEncoder:
    return open_text_encoder(name, home)


_POOLED = [name for name, pooling in POOLINGS.items() if pooling.tunable]  # finishes belong to a collection


def fine_tuned(plan: ClassificationPlan) -> tuple[str, ...]:
    """The sides whose encoders are fine-tuned in some training of a plan, "picture" and "text"."""
    sides = [config_of(plan, fusion).tuned for fusion in plan.fusions]
    return tuple(side for side in ("picture", "text") if any(side in found for found in sides))


def check_something_learns(plan: ClassificationPlan) -> None:
    """BadParameter if encoders are to be fine-tuned that no fusion uses."""
    wanted = str(plan.settings.get("fine_tune", "none"))
    if not fine_tuned(plan) and wanted != "none":
        fusions = ", ".join(plan.fusions)
        raise BadParameter("fine-tuning", "a classification", f"none, for the fusion {fusions}", wanted)


def check_fine_tuning(plan: ClassificationPlan, picture: Encoder | None, text: TextEncoder | None) -> None:
    """Check that the encoders to fine-tune can be fine-tuned.

    Raises:
        BadParameter: an encoder without trainable weights, or vectors through which no gradient flows.
    """
    sides = fine_tuned(plan)
    if "picture" in sides:
        assert picture is not None
        _check_picture(picture, plan.embedding)
    if "text" in sides:
        assert text is not None
        if not text.learns:
            needed = f"a network with weights of its own ({', '.join(PUBLISHED)})"
            raise BadParameter("text encoder", "fine-tuning", needed, text.info.name)


def _check_picture(picture: Encoder, embedding: str) -> None:
    if not picture.learns:
        needed = "a ready-made network of torchvision, such as mobilenet-v2, or an autoencoder"
        raise BadParameter("encoder of pictures", "fine-tuning", needed, picture.info.name)
    if embedding not in _POOLED:
        raise BadParameter("embedding", "fine-tuning", "one of " + ", ".join(_POOLED), embedding)

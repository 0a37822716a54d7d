"""Where the label of each picture comes from: a person, a classifier, or the source of the collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from engine.collections.collection import Collection
from engine.collections.labelling import writings
from engine.core.humanize import count_of

LabelSource = Literal["person", "classifier", "folder", "table"]
_TABLES = ("csv", "table")  # kinds of sources whose labels stand in a column


def label_sources(collection: Collection) -> dict[int, LabelSource]:
    """Where the label of each labelled picture comes from, by id.

    The last writing whose label still stands decides; a label that nothing wrote is the source's own. One that a person
    accepted from a classifier is the classifier's.
    """
    images = collection.images()
    now = {int(id): label for id, label in zip(images.ids, images.labels, strict=True) if label}
    kind = str(collection.source.get("kind", ""))
    own: LabelSource = "table" if kind in _TABLES or "table" in collection.source else "folder"
    found: dict[int, LabelSource] = dict.fromkeys(now, own)
    for writing in writings(collection):
        found |= {int(id): writing["by"] for id, label in writing["after"].items() if now.get(int(id)) == label}
    return found


def by_classifier(collection: Collection) -> set[int]:
    """The ids of the pictures whose label a classifier wrote."""
    return {id for id, source in label_sources(collection).items() if source == "classifier"}


def own_labels(collection: Collection) -> list[str]:
    """The labels in the order of the collection's images, "" where a classifier wrote it."""
    images, written = collection.images(), by_classifier(collection)
    return ["" if int(id) in written else label for id, label in zip(images.ids, images.labels, strict=True)]


def sources_sentence(sources: Mapping[int, LabelSource]) -> str:
    """The numbers of labels by source, as "Labels: 120 from folders, 12 by a classifier."; "" without labels."""
    words = {
        "folder": "from folders",
        "table": "from a table",
        "person": "by you",
        "classifier": "by a classifier",
    }
    counts = Counter(sources.values())
    parts = [f"{counts[source]:,} {words[source]}" for source in words if counts[source]]  # type: ignore[index]
    return f"{count_of(len(sources), 'label')}: {', '.join(parts)}." if parts else ""

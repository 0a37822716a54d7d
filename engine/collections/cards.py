"""What the collections page shows of each collection."""

from __future__ import annotations

from dataclasses import dataclass

from engine.collections.collection import Collection
from engine.core.errors import Corrupt

_THUMBS = 4


@dataclass(frozen=True)
class CollectionCard:
    """What a card on the collections page shows; `count` is the number of usable images, `rejects` of the others."""

    name: str
    title: str
    count: int
    labels: int
    rejects: int
    thumb_ids: tuple[int, ...]
    origin: str


def card_of(collection: Collection) -> CollectionCard:
    """The card of a collection, with a few pictures spread evenly over it."""
    images = collection.images()
    step = max(1, len(images.ids) // _THUMBS)
    thumbs = tuple(int(id) for id in images.ids[::step][:_THUMBS])
    labels = len(set(images.labels) - {""})
    origin = str(collection.source.get("kind", ""))
    rejects = collection.counts()["rejected"]
    return CollectionCard(collection.name, collection.title, len(images.ids), labels, rejects, thumbs, origin)


def readable_card(collection: Collection) -> CollectionCard | None:
    """The card of a collection, None if a row of its catalogue is damaged."""
    try:
        return card_of(collection)
    except Corrupt:
        return None

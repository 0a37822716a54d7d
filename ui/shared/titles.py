"""Titles of encoders, pooling, metrics, methods and collections, as every page shows them."""

from __future__ import annotations

from engine.core.distances import METRICS
from engine.encoders.pooling import POOLINGS, embedding, unfinished
from ui.session.opened import collection_cards, workbench


def encoder_titles(collection: str = "") -> dict[str, str]:
    """The titles of all encoders by how they are written in a recipe; equal ones carry their name as well.

    With the name of a collection, those that can only be used with another one are left out.
    """
    ready = [choice for choice in workbench().choices(collection) if choice.ready]
    titles = {f"{c.name}@{c.weights}" if c.weights else c.name: c.title for c in ready}
    texts = list(titles.values())
    return {name: title if texts.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}


def embedding_title(name: str) -> str:
    """What people call an embedding; the name itself where there is none of that name."""
    return embedding(name).title if unfinished(name) in POOLINGS else name


def metric_title(name: str) -> str:
    """What people call a metric."""
    return METRICS[name].title if name in METRICS else name


def method_title(text: str) -> str:
    """What people call a search method, with its settings as they were written."""
    name, bracket, settings = text.partition("(")
    method = workbench().methods().get(name)
    return (method.title if method else name) + (f" ({settings}" if bracket else "")


def collection_title(name: str) -> str:
    """What people call a collection; its name where it is there no more."""
    return next((card.title for card in collection_cards() if card.name == name), name)

"""Titles of encoders, pooling, metrics, methods and collections, as every page shows them."""

from __future__ import annotations

from engine.core.distances import METRICS
from engine.encoders.pooling import POOLINGS, embedding, unfinished
from ui.session.opened import collection_cards, workbench


def encoder_titles(collection: str = "") -> dict[str, str]:
    """The titles of all encoders by their name in a recipe; duplicate titles include the name.

    With the name of a collection, encoders that only work with another collection are left out.
    """
    ready = [choice for choice in workbench().choices(collection) if choice.ready]
    return distinct({choice.key: choice.title for choice in ready})


def distinct(titles: dict[str, str]) -> dict[str, str]:
    """Titles by name; duplicate titles include the name."""
    texts = list(titles.values())
    return {name: title if texts.count(title) == 1 else f"{title} ({name})" for name, title in titles.items()}


def embedding_title(name: str) -> str:
    """The title of an embedding; the name itself if it is unknown."""
    return embedding(name).title if unfinished(name) in POOLINGS else name


def metric_title(name: str) -> str:
    """The title of a metric."""
    return METRICS[name].title if name in METRICS else name


def method_title(text: str) -> str:
    """The title of a search method, with its settings as written."""
    name, bracket, settings = text.partition("(")
    method = workbench().methods().get(name)
    return (method.title if method else name) + (f" ({settings}" if bracket else "")


def collection_title(name: str) -> str:
    """The title of a collection; its name if it no longer exists."""
    return next((card.title for card in collection_cards() if card.name == name), name)

"""Encoders: images in, vectors out. One file per family; every family defined here is offered everywhere."""

from __future__ import annotations

import sys

from engine.collections.collection import Collection
from engine.core.discovery import implementations
from engine.core.errors import NotFound
from engine.core.home import Home
from engine.encoders.encoder import Encoder, EncoderChoice, EncoderInfo

__all__ = ["Encoder", "EncoderChoice", "EncoderInfo", "choices", "families", "knows", "open_encoder"]


def families() -> list[type[Encoder]]:
    """Every family of encoders, learned ones first."""
    found = implementations(sys.modules[__name__], Encoder)
    return sorted(found.values(), key=lambda family: (family.rank, family.name))


def choices(home: Home, collection: str = "", also: str = "") -> list[EncoderChoice]:
    """The entries of the encoder drop-down: ready ones first, then those to be trained or downloaded.

    Given the name of a collection, encoders that only work with another one are left out. `also` may name an unlisted
    encoder to list as well.
    """
    lines = [choice for family in families() for choice in family.choices(home)]
    if also and not any(choice.name == also for choice in lines):
        lines += [line for family in families() for line in family.unlisted(also, home)]
    found = [choice for choice in lines if not collection or choice.collection in ("", collection)]
    return sorted(found, key=lambda choice: not choice.ready)


def knows(name: str, home: Home) -> bool:
    """Whether an encoder of that name exists, listed or not (a combination can be used without being saved)."""
    return any(family.knows(name, home) for family in families())


def open_encoder(name: str, weights: str, home: Home, collection: Collection | None = None) -> Encoder:
    """The encoder of that name with the weights of that run ("" if it needs none), fitted to that collection.

    Without a collection, an encoder that learns from one (`Encoder.at`) cannot encode yet.

    Raises:
        NotFound: no such encoder or run. NotTrained, NoWeights: it has no weights yet. Corrupt: damaged weights.
        BadParameter: weights of another architecture, or weights for an encoder without any.
    """
    for family in families():
        if family.knows(name, home):
            found = family.open(name, weights, home)
            return found if collection is None else found.at(collection)
    raise NotFound(f"There is no encoder {name!r}.", way_out="Known are: " + ", ".join(_names(home)) + ".")


def _names(home: Home) -> list[str]:
    return sorted({choice.name for choice in choices(home)})

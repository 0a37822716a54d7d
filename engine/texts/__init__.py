"""Text encoders. One file per family; every family defined here is offered everywhere."""

from __future__ import annotations

import sys

from engine.core.discovery import implementations
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.texts.encoder import Encoded, TextChoice, TextEncoder, TextInfo, Words

__all__ = ["Encoded", "TextChoice", "TextEncoder", "TextInfo", "Words", "choices", "families", "open_text_encoder"]


def families() -> list[type[TextEncoder]]:
    """Every family of text encoders, starting with those without prerequisites."""
    found = implementations(sys.modules[__name__], TextEncoder)
    return sorted(found.values(), key=lambda family: (family.rank, family.name))


def choices(home: Home) -> list[TextChoice]:
    """The entries of the drop-down: ready ones first, then those that need weights or a package."""
    lines = [choice for family in families() for choice in family.choices(home)]
    return sorted(lines, key=lambda choice: not choice.ready)


def open_text_encoder(name: str, home: Home) -> TextEncoder:
    """The text encoder of that name.

    Raises:
        BadParameter: unknown name. NoWeights, MissingPackage: something must be downloaded or installed first.
        Corrupt: its weights are damaged.
    """
    for family in families():
        if family.knows(name):
            return family.open(name, home)
    raise BadParameter("text encoder", "a classification", "one of " + ", ".join(c.name for c in choices(home)), name)

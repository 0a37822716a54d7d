"""An encoder as people write it and as they read it."""

from __future__ import annotations

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.encoders import choices


def newest_weights(home: Home, encoder: str, wanted_by: str, collection: str = "") -> str:
    """The newest weights of an encoder that are ready, "" where it needs none or has none yet.

    Args:
        wanted_by: what the encoder is for, "the search", as the error says it.
        collection: leaves out what can only be used with another collection, "" leaves nothing out.

    Raises:
        BadParameter: no such encoder.
    """
    lines = [choice for choice in choices(home, collection, also=encoder) if choice.name == encoder]
    if not lines:
        names = sorted({choice.name for choice in choices(home, collection)})
        raise BadParameter("encoder", wanted_by, "one of " + ", ".join(names), encoder)
    return next((choice.weights for choice in lines if choice.ready), "")


def with_weights(home: Home, text: str, wanted_by: str) -> str:
    """An encoder as it is written in a recipe, with its newest weights where it needs some and names none.

    Raises:
        As `newest_weights`.
    """
    name, _, weights = text.partition("@")
    newest = newest_weights(home, name, wanted_by)
    weights = weights or newest
    return f"{name}@{weights}" if weights else name


def encoder_title(home: Home, name: str, weights: str) -> str:
    """What people call an encoder, without the title of the run that trained it: "Model 4"."""
    titles = [line.title for line in choices(home, also=name) if (line.name, line.weights) == (name, weights)]
    title = titles[0] if titles else name
    return title.partition(" · ")[0] if weights else title

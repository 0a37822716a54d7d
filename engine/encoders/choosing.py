"""An encoder as people write it and as they read it."""

from __future__ import annotations

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.encoders import choices


def with_weights(home: Home, text: str) -> str:
    """An encoder as it is written in a recipe, with its newest weights where it needs some and names none."""
    name, _, weights = text.partition("@")
    lines = [choice for choice in choices(home, also=name) if choice.name == name]
    if not lines:
        names = sorted({choice.name for choice in choices(home)})
        raise BadParameter("encoder", "an experiment", "one of " + ", ".join(names), name)
    weights = weights or next((choice.weights for choice in lines if choice.ready), "")
    return f"{name}@{weights}" if weights else name


def encoder_title(home: Home, name: str, weights: str) -> str:
    """What people call an encoder, without the title of the run that trained it: "Model 4"."""
    titles = [line.title for line in choices(home, also=name) if (line.name, line.weights) == (name, weights)]
    title = titles[0] if titles else name
    return title.partition(" · ")[0] if weights else title

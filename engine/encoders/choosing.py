"""An encoder as people write it and as they read it."""

from __future__ import annotations

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.encoders import choices
from engine.encoders.encoder import EncoderChoice
from engine.encoders.networks.table import BACKBONES

_COMPUTED = "colour-histogram"  # of those that learned nothing, the one that finds most among photographs


def default_choice(home: Home, collection: str) -> EncoderChoice:
    """The encoder to begin with: a ready-made network, else weights trained on this collection, else a computed one.

    Of ready-made networks the first of the table is taken. Weights trained on other pictures are never the default:
    they see what those were made of.
    """
    ready = [choice for choice in choices(home, collection) if choice.ready and not choice.rare and choice.pictures]
    return min(ready, key=lambda choice: _place(choice, collection))


def _place(choice: EncoderChoice, collection: str) -> int:
    if choice.name in BACKBONES and not choice.weights:
        return 0
    if choice.trained_on == collection and choice.weights:
        return 1
    return 2 if choice.name == _COMPUTED else 3


def default_embedding(home: Home, encoder: str, weights: str = "") -> str:
    """The embedding that suits an encoder."""
    lines = [choice for choice in choices(home, also=encoder) if choice.name == encoder]
    exact = (choice.embedding for choice in lines if choice.weights == weights)
    return next(exact, lines[0].embedding if lines else "max")


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

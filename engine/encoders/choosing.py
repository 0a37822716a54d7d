"""Choosing encoders: defaults, names as typed by users, and titles to display."""

from __future__ import annotations

from dataclasses import replace

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.encoders import choices
from engine.encoders.best import measured_best
from engine.encoders.encoder import EncoderChoice
from engine.encoders.networks.table import BACKBONES
from engine.encoders.side_by_side import NAME as SIDE_BY_SIDE

_ALONE = "colour-histogram"  # of the encoders without training or fitting, the most accurate on photographs


def default_choice(home: Home, collection: str, *, measured: bool = True) -> EncoderChoice:
    """The default encoder: what measured best here, else a ready-made network, else colours and textures side by side.

    Among ready-made networks the first of the table wins; a network that learned to recognise the pictures of this
    very collection joins the colours and textures. All of these searched better than autoencoders and than networks
    trained on other pictures, which are never the default (docs/without-labels.md, docs/experiments.md). Without a
    collection to fit to, it is the colour histogram. `measured=False`: as if nothing was measured.
    """
    ready = [choice for choice in choices(home, collection) if choice.ready and not choice.rare and choice.pictures]
    best = measured_best(home, collection) if measured and collection else None
    fitting = [choice for choice in ready if best and (choice.name, choice.weights) == (best.encoder, best.weights)]
    if best and fitting:
        return replace(fitting[0], embedding=best.embedding)
    return min(ready, key=lambda choice: _preference(choice, collection))


def _preference(choice: EncoderChoice, collection: str) -> int:
    """The position in the order of `default_choice`, 0 for the most preferred; equal ones keep their order."""
    ready_made = choice.name in BACKBONES and not choice.weights
    side_by_side = choice.name == SIDE_BY_SIDE and bool(collection)
    order = (
        ready_made,
        side_by_side and bool(choice.weights) and choice.trained_on == collection,
        side_by_side and not choice.weights,
        choice.name == _ALONE,
        True,
    )
    return order.index(True)


def default_embedding(home: Home, encoder: str, weights: str = "") -> str:
    """The default embedding of an encoder."""
    lines = [choice for choice in choices(home, also=encoder) if choice.name == encoder]
    exact = (choice.embedding for choice in lines if choice.weights == weights)
    return next(exact, lines[0].embedding if lines else "max")


def newest_weights(home: Home, encoder: str, wanted_by: str, collection: str = "") -> str:
    """The newest ready weights of an encoder, "" if it needs none or has none yet.

    Args:
        wanted_by: what the encoder is for, as in the error message: "the search".
        collection: excludes weights that only work with another collection; "" excludes nothing.

    Raises:
        BadParameter: no such encoder.
    """
    lines = [choice for choice in choices(home, collection, also=encoder) if choice.name == encoder]
    if not lines:
        names = sorted({choice.name for choice in choices(home, collection)})
        raise BadParameter("encoder", wanted_by, "one of " + ", ".join(names), encoder)
    return next((choice.weights for choice in lines if choice.ready), "")


def with_weights(home: Home, text: str, wanted_by: str) -> str:
    """An encoder in a recipe's notation, with its newest weights if it needs some and names none.

    Raises:
        As `newest_weights`.
    """
    name, _, weights = text.partition("@")
    newest = newest_weights(home, name, wanted_by)
    weights = weights or newest
    return f"{name}@{weights}" if weights else name


def encoder_title(home: Home, name: str, weights: str) -> str:
    """The displayed name of an encoder, without the title of its training run: "Model 4"."""
    titles = [line.title for line in choices(home, also=name) if (line.name, line.weights) == (name, weights)]
    title = titles[0] if titles else name
    return title.partition(" · ")[0] if weights else title

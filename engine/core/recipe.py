"""The recipe: one choice from each drop-down, as one small frozen value.

It is the same value in the page's address, on the command line, in an experiment's grid, as the key of a stored index
and in an exported result. Its printed form reads like the page's sidebar:

    animal-faces / model-4@default / max / cosine / lsh(bits=8,tables=20) / 8
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine.core.errors import BadParameter
from engine.core.settings import Options, check_text, check_whole, parse_call, print_call

MAX_K = 1000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


@dataclass(frozen=True)
class Recipe:
    """What to search and how.

    `weights` names a trained run ("" for an encoder that needs none); `options` are the settings of the search method
    that differ from its defaults, sorted by name. Values are checked for form here and for meaning where they are used.

    >>> recipe = Recipe.parse("animal-faces/model-4@default/max/cosine/lsh(bits=8)/8")
    >>> recipe.method, dict(recipe.options), recipe.k
    ('lsh', {'bits': 8}, 8)
    >>> str(recipe)
    'animal-faces/model-4@default/max/cosine/lsh(bits=8)/8'
    """

    collection: str
    encoder: str
    weights: str = ""
    embedding: str = "max"
    metric: str = "cosine"
    method: str = "exact"
    k: int = 8
    options: Options = field(default=())

    def __post_init__(self) -> None:
        for name in ("collection", "encoder", "embedding", "metric", "method"):
            _check_name(name, getattr(self, name))
        if self.weights != "":
            _check_name("weights", self.weights)
        check_whole("k", "the search", self.k, 1, MAX_K)
        object.__setattr__(self, "options", _checked_options(self.options))

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """The recipe whose printed form is `text`; BadParameter if it cannot be parsed."""
        check_text("text", "a recipe", text)
        parts = [part.strip() for part in text.split("/")]
        if len(parts) != 6:
            raise BadParameter("text", "a recipe", "collection/encoder@weights/embedding/metric/method/k", text)
        collection, encoder, embedding, metric, method, k = parts
        encoder, _, weights = encoder.partition("@")
        name, options = parse_method(method)
        return cls(collection, encoder, weights, embedding, metric, name, _whole("k", k), options)

    def __str__(self) -> str:
        encoder = f"{self.encoder}@{self.weights}" if self.weights else self.encoder
        return "/".join([self.collection, encoder, self.embedding, self.metric, self.method_text, str(self.k)])

    @property
    def method_text(self) -> str:
        """The method with its settings, like `lsh(bits=8,tables=20)`."""
        return print_call(self.method, self.options)

    def but(self, **changes: Any) -> Recipe:
        """A copy with some choices changed. A different method starts from its own defaults."""
        self._check_keys(changes)
        if changes.get("method", self.method) != self.method:
            changes.setdefault("options", ())
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON: one entry per choice, the settings as an object."""
        return asdict(self) | {"options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The recipe of `as_dict`; BadParameter for a key it does not have, or without collection or encoder."""
        if not isinstance(values, Mapping):
            raise BadParameter("choices", "a recipe", "a dictionary as `as_dict` gives", type(values).__name__)
        cls._check_keys(values)
        return cls(**{"collection": "", "encoder": "", **values})

    @classmethod
    def _check_keys(cls, values: Mapping[str, Any]) -> None:
        unknown = [key for key in values if key not in cls.__dataclass_fields__]
        if unknown:
            raise BadParameter("key", "a recipe", "one of " + ", ".join(cls.__dataclass_fields__), unknown[0])


def parse_method(text: str) -> tuple[str, Options]:
    """Split `lsh(bits=8,tables=20)` into its name and settings.

    >>> parse_method("lsh(tables=20,bits=8)")
    ('lsh', (('tables', 20), ('bits', 8)))
    """
    return parse_call(text, "method", "a recipe", "lsh(tables=20,bits=8)")


def _check_name(choice: str, value: object) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadParameter(choice, "a recipe", "a name of at most 100 letters, digits, dots and dashes", value)


def _checked_options(options: Any) -> Options:
    """The settings sorted by name; BadParameter unless they are a dictionary or pairs."""
    try:
        named = dict(options)
    except (TypeError, ValueError):
        named = {None: options}
    if not all(isinstance(name, str) for name in named):
        raise BadParameter("options", "a recipe", "values by the names of settings", options)
    return tuple(sorted(named.items()))


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadParameter(name, "a recipe", "a whole number", text) from None

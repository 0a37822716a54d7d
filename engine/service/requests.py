"""Parsing and validating requests: every invalid value is named in one sentence."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.errors import BadParameter
from engine.core.recipe import Recipe
from engine.search.answer import Query
from engine.workbench.workbench import Workbench

_THING = "the request"
SEARCH_FIELDS: Mapping[str, type] = {
    "id": int,
    "words": str,
    "picture": str,
    "recipe": str,
    "k": int,
    "where": str,
    "label": str,
}


@dataclass(frozen=True)
class Search:
    """A search of a collection: the recipe, the query and its scope."""

    recipe: Recipe
    query: Query
    where: str = ""
    label: str = ""


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; BadParameter for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadParameter("body", _THING, "a JSON object", f"{len(body):,} bytes of something else") from error
    if not isinstance(found, dict):
        raise BadParameter("body", _THING, "a JSON object", type(found).__name__)
    return found


def search_of(bench: Workbench, collection: str, given: Mapping[str, Any], body: bytes | None = None) -> Search:
    """The search that the fields of a request describe; BadParameter, or NotFound for an unknown collection.

    `body` is the file of a picture that came beside the fields.
    """
    _check_fields(given)
    bench.collection(collection)
    recipe = Recipe.parse(given["recipe"]) if "recipe" in given else bench.default_recipe(collection)
    if recipe.collection != collection:
        raise BadParameter("recipe", _THING, f"one of the collection {collection}", str(recipe))
    recipe = recipe.but(k=given["k"]) if "k" in given else recipe
    query = _query(given) if body is None else _query_beside(given, body)
    return Search(recipe, query, given.get("where", ""), given.get("label", ""))


def _query(given: Mapping[str, Any]) -> Query:
    asked = [name for name in ("id", "words", "picture") if name in given]
    if not asked or asked == ["id", "words", "picture"]:
        raise BadParameter("query", _THING, "an id, words or a picture", ", ".join(asked) or "nothing")
    if "id" in given and len(asked) > 1:
        raise BadParameter("query", _THING, "an id alone, or a picture and words", ", ".join(asked))
    if "id" in given:
        return Query.image(given["id"])
    data = _decoded(given["picture"]) if "picture" in given else None
    words = given.get("words", "")
    return Query(data=data, name=words if data is None else "picture", text=words)


def _query_beside(given: Mapping[str, Any], body: bytes) -> Query:
    twice = next((name for name in ("id", "picture") if name in given), None)
    if twice is not None:
        raise BadParameter("query", _THING, "the picture of the body, with or without words", twice)
    return Query(data=body, name="picture", text=given.get("words", ""))


def _check_fields(given: Mapping[str, Any]) -> None:
    unknown = next((name for name in given if name not in SEARCH_FIELDS), None)
    if unknown is not None:
        raise BadParameter("field", _THING, "one of " + ", ".join(SEARCH_FIELDS), unknown)
    for name, value in given.items():
        if not isinstance(value, SEARCH_FIELDS[name]) or isinstance(value, bool):
            wanted = "a whole number" if SEARCH_FIELDS[name] is int else "a text"
            raise BadParameter(name, _THING, wanted, type(value).__name__)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadParameter("picture", _THING, "the bytes of a file in base64", text[:20]) from error

"""The description of the service in OpenAPI 3.1, from the same tables that requests are checked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine import VERSION
from engine.service.requests import SEARCH_FIELDS

KINDS = {int: "integer", str: "string"}
ABOUT = {
    "id": "a picture of the collection",
    "words": "what pictures show, or what is written of them",
    "picture": "the bytes of a picture file in base64",
    "recipe": "as printed by the app; by default the best encoder that is ready",
    "k": "how many results",
    "where": 'a filter, as in "date>=2020;tag=lake"',
    "label": "only pictures with this label",
}
_ERRORS = {
    "400": "a value that cannot be, or a file that is no picture",
    "401": "no token, or not that of the service",
    "404": "no such collection or picture",
    "409": "something must be prepared first, or other work is changing the collection",
    "413": "a body that is too large",
    "503": "too many requests are waiting",
}


def document() -> dict[str, Any]:
    """The whole document as plain values."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Benzer", "version": VERSION, "description": "Search for similar pictures on this computer."},
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": {"type": "object", "properties": {"error": {"type": "string"}}}, "Search": _search()},
        },
        "security": [{"token": []}],
        "paths": _paths(),
    }


def _paths() -> dict[str, Any]:
    own, ids = "/collections/{collection}", {"id": "integer"}
    names = {"collection": "string"}
    asked = {name: KINDS[kind] for name, kind in SEARCH_FIELDS.items() if name not in ("id", "picture", "words")}
    json_body = {"application/json": {"schema": {"$ref": "#/components/schemas/Search"}}}
    picture = {"image/*": {"schema": {"type": "string", "format": "binary"}}}
    facts = {"name": "string", "label": "string", "text": "string"}
    return {
        "/collections": {"get": _operation("List the collections")},
        f"{own}/search": {"post": _operation("Search by id, words or picture", names, asked, json_body | picture)},
        f"{own}/pictures": {"post": _operation("Add a picture and prepare it", names, facts, picture)},
        f"{own}/pictures/{{id}}": {
            "get": _operation("All that is known of a picture", names | ids),
            "delete": _operation("Remove a picture", names | ids),
        },
        f"{own}/pictures/{{id}}/neighbours": {"get": _operation("The most similar pictures", names | ids, asked)},
        f"{own}/pictures/{{id}}/thumbnail": {"get": _operation("A small WebP", names | ids)},
    }


def _operation(
    summary: str,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {"summary": summary, "responses": {"200": {"description": "done"}} | _errors()}
    found["parameters"] = [*_parameters(path or {}, "path"), *_parameters(query or {}, "query")]
    return found | ({"requestBody": {"required": True, "content": dict(body)}} if body else {})


def _parameters(named: Mapping[str, str], where: str) -> Sequence[dict[str, Any]]:
    return [
        {"name": name, "in": where, "required": where == "path", "schema": {"type": kind}}
        | ({"description": ABOUT[name]} if name in ABOUT else {})
        for name, kind in named.items()
    ]


def _search() -> dict[str, Any]:
    fields = {name: {"type": KINDS[kind], "description": ABOUT[name]} for name, kind in SEARCH_FIELDS.items()}
    return {"type": "object", "properties": fields, "additionalProperties": False}


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": sentence, "content": content} for status, sentence in _ERRORS.items()}

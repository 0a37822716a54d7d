"""The service as a tool of language models: the Model Context Protocol over standard input and output.

One JSON-RPC message a line, as https://modelcontextprotocol.io/specification describes it (tools only).
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, TextIO

from engine import VERSION
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.storage import json_text
from engine.search.answer import Hit
from engine.service.openapi import ABOUT, KINDS
from engine.service.requests import SEARCH_FIELDS, Search, search_of
from engine.workbench.inputs import picture_bytes
from engine.workbench.workbench import Workbench

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")  # of the protocol, the newest first
_SHOWN = 4  # results that are sent as pictures, too
_PARSE, _REQUEST, _METHOD, _PARAMS = -32700, -32600, -32601, -32602  # codes of JSON-RPC
_SCOPE = ("recipe", "k", "where", "label")
_FIELDS = {
    "collection": ("string", "the name of a collection, as list_collections gives it"),
    "file": ("string", "the path of a picture on this computer"),
    **{name: (KINDS[kind], ABOUT[name]) for name, kind in SEARCH_FIELDS.items() if name != "picture"},
}
_TOOLS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {  # what it does, its needed and its other fields
    "list_collections": ("List the collections of pictures on this computer.", (), ()),
    "search": ("Find pictures by words, by a picture file, or both.", ("collection",), ("words", "file", *_SCOPE)),
    "neighbours": ("Find the pictures most similar to one of the collection.", ("collection", "id"), _SCOPE),
}
Content = list[dict[str, Any]]


class McpServer:
    """Answers messages with the collections of a workbench."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    def run(self, lines: Iterable[str], out: TextIO) -> None:
        """Answer each line until there are no more."""
        for line in lines:
            if line.strip() and (answer := self.answer(line)) is not None:
                out.write(json.dumps(answer, ensure_ascii=True) + "\n")
                out.flush()

    def answer(self, line: str) -> dict[str, Any] | None:
        """The answer to one message, None to a notification."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return _refused(None, _PARSE, "This is no JSON.")
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            return _refused(None, _REQUEST, "This is no request.")
        if "id" not in message:
            return None
        id, given = message["id"], message.get("params") or {}
        methods: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "initialize": _initialised,
            "ping": lambda _: {},
            "tools/list": lambda _: {"tools": [_tool(name) for name in _TOOLS]},
            "tools/call": self._called,
        }
        if message["method"] not in methods:
            return _refused(id, _METHOD, f"There is no method {message['method']!r}.")
        if not isinstance(given, dict) or not isinstance(given.get("arguments") or {}, dict):
            return _refused(id, _PARAMS, "The params, and the arguments in them, must be objects.")
        return {"jsonrpc": "2.0", "id": id, "result": methods[message["method"]](given)}

    def _called(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The outcome of a tool; an error is returned as a sentence, so that the model can correct itself."""
        try:
            return {"content": self._content(given.get("name"), given.get("arguments") or {})}
        except BenzerError as error:
            return {"content": [_text(str(error))], "isError": True}
        except Exception:
            logging.getLogger("benzer").exception("A tool failed.")
            return {"content": [_text("An unexpected error occurred; see the log.")], "isError": True}

    def _content(self, name: object, given: Mapping[str, Any]) -> Content:
        if not isinstance(name, str) or name not in _TOOLS:
            raise NotFound(f"There is no tool {name!r}.")
        _check(name, given)
        if name == "list_collections":
            return [_text(json.dumps([asdict(card) for card in self.bench.collections()], default=str))]
        search = self._search(dict(given))
        answer = self.bench.search(search.recipe, search.query, where=search.where, label=search.label or None)
        pictures = [self._picture(search.recipe.collection, hit) for hit in (answer.hits or answer.written)[:_SHOWN]]
        return [_text(json_text(answer.as_dict())), *pictures]

    def _search(self, given: dict[str, Any]) -> Search:
        collection = given.pop("collection")
        if (file := given.pop("file", None)) is not None:
            given["picture"] = base64.b64encode(picture_bytes(file)).decode()
        return search_of(self.bench, collection, given)

    def _picture(self, collection: str, hit: Hit) -> dict[str, Any]:
        data = self.bench.collection(collection).thumbnail(hit.id)
        return {"type": "image", "mimeType": "image/webp", "data": base64.b64encode(data).decode()}


def _initialised(given: Mapping[str, Any]) -> dict[str, Any]:
    wanted = given.get("protocolVersion")
    version = wanted if wanted in VERSIONS else VERSIONS[0]
    server = {"name": "benzer", "title": "Benzer", "version": VERSION}
    return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": server}


def _tool(name: str) -> dict[str, Any]:
    does, needed, others = _TOOLS[name]
    fields = {field: {"type": _FIELDS[field][0], "description": _FIELDS[field][1]} for field in (*needed, *others)}
    schema = {"type": "object", "properties": fields, "required": list(needed), "additionalProperties": False}
    return {"name": name, "description": does, "inputSchema": schema, "annotations": {"readOnlyHint": True}}


def _check(name: str, given: Mapping[str, Any]) -> None:
    """BadParameter for a field that is missing, or that the tool does not have."""
    _, needed, others = _TOOLS[name]
    for field in needed:
        if field not in given:
            raise BadParameter(field, f"the tool {name}", "given", "nothing")
    for field, value in given.items():
        if field not in (*needed, *others):
            raise BadParameter("field", f"the tool {name}", "one of " + ", ".join((*needed, *others)), field)
        if field in ("collection", "file") and not isinstance(value, str):
            raise BadParameter(field, f"the tool {name}", "a text", type(value).__name__)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _refused(id: object, code: int, sentence: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": sentence}}

"""The routes of the local service. The engine works in a few threads; requests beyond wait for one of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from engine.collections.sources.changing import add_pictures, remove_pictures
from engine.core.errors import (
    BadParameter,
    BenzerError,
    InUse,
    NameTaken,
    NotFound,
    NothingKnown,
    NotReady,
    StorageFull,
    Unreadable,
)
from engine.core.progress import Reporter
from engine.core.storage import json_text
from engine.service.guard import Guard, error
from engine.service.openapi import document
from engine.service.requests import Search, json_object, search_of
from engine.workbench.workbench import Workbench

LOOPBACK = ("localhost", "127.0.0.1")
_NUMBERS = ("k", "id")
_STATUS: Mapping[type[BenzerError], int] = {
    NotFound: 404,
    NothingKnown: 404,
    BadParameter: 400,
    Unreadable: 400,
    NotReady: 409,
    NameTaken: 409,
    InUse: 409,
    StorageFull: 507,
}
_log = logging.getLogger("benzer")


class Service:
    """What the routes do, for one workbench."""

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        self._threads: CapacityLimiter | None = None
        self._changing: CapacityLimiter | None = None

    async def collections(self, _: Request) -> Response:
        return await self._done(lambda: [asdict(card) for card in self.bench.collections()])

    async def search(self, request: Request) -> Response:
        """By a JSON object, or by the bytes of a picture with the rest in the address."""
        name, body = request.path_params["collection"], await request.body()
        if request.headers.get("content-type", "").startswith("image/"):
            given = _asked(request)
            return await self._done(lambda: self._searched(search_of(self.bench, name, given, body)))
        return await self._done(lambda: self._searched(search_of(self.bench, name, json_object(body))))

    async def neighbours(self, request: Request) -> Response:
        given = {**_asked(request), "id": request.path_params["id"]}
        return await self._done(lambda: self._searched(search_of(self.bench, request.path_params["collection"], given)))

    async def picture(self, request: Request) -> Response:
        name, id = request.path_params["collection"], request.path_params["id"]
        return await self._done(lambda: asdict(self.bench.picture_facts(name, id)))

    async def thumbnail(self, request: Request) -> Response:
        name, id = request.path_params["collection"], request.path_params["id"]
        return await self._done(lambda: self.bench.collection(name).thumbnail(id))

    async def add(self, request: Request) -> Response:
        name, given, body = request.path_params["collection"], dict(request.query_params), await request.body()
        return await self._changed(lambda: self._added(name, given, body))

    async def remove(self, request: Request) -> Response:
        name, id = request.path_params["collection"], request.path_params["id"]
        return await self._changed(lambda: {"removed": remove_pictures(self.bench.collection(name), [id])})

    async def _changed(self, work: Callable[[], Any]) -> Response:
        """As `_done`, one request at a time; waiting requests occupy none of the threads for searches."""
        self._changing = self._changing or CapacityLimiter(1)
        async with self._changing:
            return await self._done(work)

    async def _done(self, work: Callable[[], Any]) -> Response:
        """The result of work in a thread, or its error as a sentence."""
        self._threads = self._threads or CapacityLimiter(max(2, os.cpu_count() or 1))
        try:
            found = await to_thread.run_sync(work, limiter=self._threads)
        except BenzerError as refused:
            status = next((code for kind, code in _STATUS.items() if isinstance(refused, kind)), 500)
            return error(status, str(refused))
        except Exception:  # nothing of it leaves the computer
            _log.exception("A request to the service failed.")
            return error(500, "An unexpected error occurred; see the log of the service.")
        if isinstance(found, bytes):
            return Response(found, media_type="image/webp")
        return _Plain(found)

    def _searched(self, search: Search) -> dict[str, Any]:
        answer = self.bench.search(search.recipe, search.query, where=search.where, label=search.label or None)
        return answer.as_dict()

    def _added(self, name: str, given: dict[str, str], body: bytes) -> dict[str, Any]:
        unknown = next((field for field in given if field not in ("name", "label", "text")), None)
        if unknown is not None:
            raise BadParameter("field", "the request", "one of name, label, text", unknown)
        collection = self.bench.collection(name)
        file = (given.get("name", "picture"), body)
        report = add_pictures(collection, [file], Reporter(), given.get("label", ""), given.get("text", ""))
        if report.rejects:
            raise Unreadable(report.rejects[0].message)
        self.bench.prepare(self.bench.default_recipe(name))
        return {"added": report.added, "copies": report.copies, "pictures": len(self.bench.collection(name))}


class _Plain(JSONResponse):
    """JSON in which paths are texts."""

    def render(self, content: Any) -> bytes:
        return json_text(content, default=str).encode()


def _asked(request: Request) -> dict[str, Any]:
    """The fields of a search in the address, numbers as such; BadParameter comes with the others later."""
    given: dict[str, Any] = dict(request.query_params)
    for name in _NUMBERS:
        text = str(given.get(name, ""))
        if text.isascii() and text.isdigit() and len(text) < 10:
            given[name] = int(text)
    return given


def service(bench: Workbench, token: str, hosts: tuple[str, ...] = LOOPBACK) -> Starlette:
    """The application.

    Args:
        token: that requests must bear. hosts: names by which the service may be called, "*" for any.
    """
    does, own = Service(bench), "/collections/{collection}"

    async def described(_: Request) -> Response:
        return JSONResponse(document())

    return Starlette(
        routes=[
            Route("/openapi.json", described),
            Route("/collections", does.collections),
            Route(f"{own}/search", does.search, methods=["POST"]),
            Route(f"{own}/pictures", does.add, methods=["POST"]),
            Route(f"{own}/pictures/{{id:int}}", does.picture),
            Route(f"{own}/pictures/{{id:int}}", does.remove, methods=["DELETE"]),
            Route(f"{own}/pictures/{{id:int}}/neighbours", does.neighbours),
            Route(f"{own}/pictures/{{id:int}}/thumbnail", does.thumbnail),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts)), Middleware(Guard, token=token)],
    )

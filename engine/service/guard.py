"""Checks on every request: the token, the size of its body, and the number of waiting requests."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 48_000_000  # of a body: a picture of 32 MB in base64, and some words
MOST_WAITING = 1000  # requests; more are refused at once
OPEN_PATHS = frozenset({"/openapi.json"})  # without a token: it says nothing of the collections


class TooLarge(Exception):
    """A body of more than MOST_BYTES."""


class Guard:
    """Refuses requests without the token (401), beyond the limits (413, 503), and from pages of the web (403)."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app, self.token, self.waiting = app, token.encode(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await refusal(scope, receive, send)
            return
        self.waiting += 1
        try:
            await self.app(scope, _counted(receive), send)
        except TooLarge:
            await error(413, f"The body must be at most {MOST_BYTES // 10**6} MB.")(scope, receive, send)
        finally:
            self.waiting -= 1

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if "origin" in headers:
            return error(403, "Requests of web pages are refused.")
        if scope["path"] not in OPEN_PATHS and not self._has_token(headers.get("authorization", "")):
            challenge = {"www-authenticate": "Bearer"}
            return error(
                401, "The header Authorization must be: Bearer TOKEN, with the token of this service.", challenge
            )
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > MOST_BYTES:
            return error(413, f"The body must be at most {MOST_BYTES // 10**6} MB.")
        if self.waiting >= MOST_WAITING:
            return error(503, "Too many requests are waiting.", {"retry-after": "1"})
        return None

    def _has_token(self, header: str) -> bool:
        kind, _, token = header.partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.token)


def error(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A refusal as JSON: {"error": one sentence}."""
    return JSONResponse({"error": sentence}, status, headers)


def _counted(receive: Receive) -> Receive:
    """The same body; TooLarge once it exceeds the limit, regardless of its header."""
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_BYTES:
            raise TooLarge
        return message

    return counted

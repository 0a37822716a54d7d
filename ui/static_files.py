"""Streamlit's own scripts, styles and fonts: served from memory, and preloaded by link headers.

A page in a browser that has never seen it needs a hundred small files. From the disk each takes its turn behind the
threads that draw the page, and those of the fields are only asked for when the first field is to be drawn.
"""

from __future__ import annotations

import mimetypes
import re
from functools import cache
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PLACE = "/static/"
_FOLDERS = ("js", "css", "media")
_MOST_BYTES = 2 << 20  # of a file: larger ones are those of charts that few pages show
_FOREVER = "public, max-age=31536000, immutable"  # their names change with their contents
# What the sidebar and the search page draw. A part that another version of Streamlit lacks is not announced.
_DRAWN = ("Selectbox", "BidiComponent", "Html", "Button", "TextInput", "FileUploader", "DownloadButton", "Popover")
_IMPORT = re.compile(rb"""(?:from|import)\s*["']\./([\w.-]+\.js)["']""")


class StaticFiles:
    """Answers requests for these files; pages get a header that names the files they will need."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
        elif (answer := _answer(scope["path"])) is not None:
            await answer(scope, receive, send)
        else:
            await self.app(scope, receive, _announcing(send))


def _answer(path: str) -> Response | None:
    """One of the files; None for any other path."""
    name = path.rpartition(_PLACE)[2] if _PLACE in path else ""
    if name not in _names():
        return None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Response(_read(name), media_type=kind, headers={"cache-control": _FOREVER})


def _announcing(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.append("link", announced())
        await send(message)

    return wrapped


@cache
def announced() -> str:
    """Links (RFC 8288), relative to a page, that preload the scripts of the drawn components and their imports.

    Those that the page itself names are left out.
    """
    found = dict.fromkeys(_named())
    waiting = [name for stem in _DRAWN for name in _names() if name.startswith(f"js/{stem}.")]
    while waiting:
        name = waiting.pop()
        if name in _names() and name not in found:
            found[name] = None
            waiting += [f"js/{other.decode()}" for other in _IMPORT.findall(_read(name))]
    how = "rel=modulepreload; fetchpriority=low"  # brief: proxies take 4 KB of headers
    return ", ".join(f"<.{_PLACE}{name}>; {how}" for name in sorted(found.keys() - _named()))


@cache
def _named() -> frozenset[str]:
    page = (_folder().parent / "index.html").read_text(encoding="utf-8")
    return frozenset(re.findall(rf"\.{_PLACE}(js/[\w.-]+\.js)", page))


@cache
def _folder() -> Path:
    return Path(streamlit.__file__).parent / "static" / "static"


@cache
def _names() -> frozenset[str]:
    """The files that are served: exactly those present now."""
    found = (path for folder in _FOLDERS for path in (_folder() / folder).glob("*"))
    return frozenset(f"{path.parent.name}/{path.name}" for path in found if path.stat().st_size <= _MOST_BYTES)


@cache
def _read(name: str) -> bytes:
    return (_folder() / name).read_bytes()

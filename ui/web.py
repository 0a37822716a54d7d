"""What the server handles besides the pages: pictures and their facts by number, and refusing foreign requests."""

from __future__ import annotations

import gc
import io
import logging
import os
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import IO, Any
from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.core.errors import BenzerError, NotFound
from engine.indexes.ahead import compile_in_a_process, compile_loops
from engine.workbench.watching import watch_folders
from ui.session.facts import facts_shown, suggestions_shown, taken_away
from ui.session.maps import tile_png
from ui.session.opened import open_collection, recent_jobs, workbench
from ui.static_files import StaticFiles

# Behind your own reverse proxy: BENZER_HOSTS="pictures.example.org other.example.org".
PROXIED = frozenset(os.environ.get("BENZER_HOSTS", "").split())
HOSTS = frozenset({"localhost", "127.0.0.1", "::1"}) | PROXIED
_LOOKED_EVERY, _MANY_MODULES = 3.0, 50  # seconds; modules that have come in since the last time
_PORTS = {"http": 80, "https": 443}

_BLOCK = 1 << 20  # bytes of a file that are sent at a time
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")

_HEADERS = {
    "content-security-policy": "; ".join(
        [
            "default-src 'self'",
            # Streamlit loads the code of components from blobs and inline modules.
            "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob: data:",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' data: blob:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class OwnPagesOnly:
    """Refuse requests that name a foreign Host or come from a foreign page; the rest get the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif not _is_own(scope):
            await _refuse(scope, receive, send)
        else:
            await self.app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)


def _is_own(scope: Scope) -> bool:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if _host_name("//" + headers.get("host", "")) not in HOSTS:
        return False
    if "origin" in headers and not _is_own_origin(headers, scope["scheme"]):
        return False
    # A link on another site may open a page here, but its scripts and images must not read from here.
    foreign = headers.get("sec-fetch-site") == "cross-site"
    return not foreign or headers.get("sec-fetch-mode") == "navigate"


def _is_own_origin(headers: dict[str, str], scheme: str) -> bool:
    """Whether a page has the scheme, host and port of this request, or comes through the user's own proxy."""
    scheme = headers.get("x-forwarded-proto") or {"ws": "http", "wss": "https"}.get(scheme, scheme)
    origin, own = _origin(headers["origin"]), _origin(f"{scheme}://{headers.get('host', '')}")
    if origin is None or own is None:
        return False
    # A proxy may speak TLS to the outside and may tell its own address in the place of the one that was asked.
    return origin == own or (origin[1] in PROXIED and origin[2] in (own[2], _PORTS[origin[0]]))


def _origin(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of a page's address; None for anything else."""
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    return (parts.scheme, host, port) if host and port and parts.scheme in _PORTS else None


def _host_name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    answer = PlainTextResponse("This server answers its own pages on this computer only.", status_code=403)
    await answer(scope, receive, send)


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            extra = [(n.encode(), v.encode()) for n, v in _HEADERS.items() if n.encode() not in present]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return wrapped


def thumbnail(request: Request) -> Response:
    """`/thumbs/<collection>/<id>.webp`: one thumbnail. The pages add `?v=<content>`, so a response never changes."""
    try:
        data = open_collection(_named(request)).thumbnail(request.path_params["id"])
    except (BenzerError, OSError):
        return PlainTextResponse("There is no such picture.", status_code=404)
    return Response(data, media_type="image/webp", headers={"cache-control": "private, max-age=31536000, immutable"})


def picture(request: Request) -> Response:
    """`/pictures/<collection>/<id>.jpg`: the original, upright; with `?side=1280` no larger than that."""
    side = request.query_params.get("side", "")
    try:
        data = workbench().look(_named(request), request.path_params["id"], int(side) if side else None)
    except (BenzerError, OSError, ValueError):
        return PlainTextResponse("There is no such picture.", status_code=404)
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=31536000, immutable"})


def dropped(request: Request) -> Response:
    """`/dropped/<collection>/<act>/<number>.jpg`: a small picture of a file in the trash; it never changes."""
    act, number = request.path_params["act"], request.path_params["number"]
    try:
        data = workbench().look_dropped(_named(request), act, number)
    except (BenzerError, OSError):
        return PlainTextResponse("There is no such picture.", status_code=404)
    return Response(data, media_type="image/jpeg", headers={"cache-control": "private, max-age=31536000, immutable"})


def facts(request: Request) -> Response:
    """`/facts/<collection>/<id>.json`: the facts of a picture, as the page shows them."""
    try:
        known = workbench().picture_facts(_named(request), request.path_params["id"])
        found = facts_shown(known) | {"suggested": suggestions_shown(_named(request), known)}
    except (BenzerError, OSError) as error:
        said = error.message if isinstance(error, BenzerError) else "The file cannot be read."
        return PlainTextResponse(said, status_code=404)
    return JSONResponse(found, headers={"cache-control": "no-store"})


def selected(request: Request) -> Response:
    """`/selected/<collection>.<kind>?ids=1,2`: pictures as a table, a page, paths or a ZIP."""
    try:
        ids = [int(id) for id in request.query_params.get("ids", "").split(",") if id]
        kind = request.path_params["kind"]
        body, media = taken_away(_named(request), ids, kind)
    except (BenzerError, OSError, ValueError) as error:
        said = error.message if isinstance(error, BenzerError) else "There are no such pictures."
        return PlainTextResponse(said, status_code=404)
    name = f"benzer-{request.path_params['collection']}.{kind}"
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}"'}
    if isinstance(body, str | bytes):
        return Response(body, media_type=media, headers=headers)
    headers["content-length"] = str(os.fstat(body.fileno()).st_size)
    return StreamingResponse(_sent(body), media_type=media, headers=headers)


def _sent(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file, which is closed at its end or when the visitor disconnects."""
    with file:
        while block := file.read(_BLOCK):
            yield block


def tile(request: Request) -> Response:
    """`/maps/<name>/<theme>/<z>/<x>/<y>.png`: a tile of a map that a page has offered; it never changes."""
    path = request.path_params
    try:
        png = tile_png(path["name"], path["z"], path["x"], path["y"], dark=path["theme"] == "dark")
    except BenzerError as error:
        return PlainTextResponse(error.message, status_code=404)
    return Response(png, media_type="image/png", headers={"cache-control": "private, max-age=31536000, immutable"})


def _named(request: Request) -> str:
    """The name of the collection in the path; NotFound if none can have it."""
    name = str(request.path_params["collection"])
    if not _NAME.fullmatch(name):
        raise NotFound("No collection has such a name.")
    return name


_SERVED = (
    ("thumbs/{collection}/{id:int}.webp", thumbnail),
    ("pictures/{collection}/{id:int}.jpg", picture),
    ("dropped/{collection}/{act}/{number:int}.jpg", dropped),
    ("facts/{collection}/{id:int}.json", facts),
    ("maps/{name}/{theme}/{z:int}/{x:int}/{y:int}.png", tile),
    ("selected/{collection}.{kind}", selected),
)
# The second for a server that stands below a path of a proxy (server.baseUrlPath).
ROUTES = [Route(below + path, serve, methods=["GET"]) for path, serve in _SERVED for below in ("/", "/{base:path}/")]
MIDDLEWARE = [Middleware(OwnPagesOnly), Middleware(StaticFiles)]


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Load the heavy libraries while the first page is on screen, and keep watched folders up to date."""
    stop = threading.Event()
    threading.Thread(target=_warm_up, daemon=True).start()
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    threading.Thread(target=_spare_libraries, args=(stop,), daemon=True).start()
    try:
        yield
    finally:
        stop.set()


def _spare_libraries(stop: threading.Event) -> None:
    """Exempt loaded libraries from garbage collection whenever many new modules have been imported.

    Streamlit collects all garbage after every run of a script or a fragment. With PyTorch, Plotly and Numba loaded that
    looks through half a million objects that stay anyway, 0.29 s of processor time each time. What else is
    alive at that moment is never collected either where it ends in a cycle; a server does this a few times in its life.
    """
    spared = 0
    while not stop.wait(_LOOKED_EVERY):
        if len(sys.modules) - spared >= _MANY_MODULES:
            spared = len(sys.modules)
            gc.collect()
            gc.freeze()


def _watch(stop: threading.Event) -> None:
    """Keep the watched collections up to date as long as the app runs."""
    try:
        watch_folders(workbench(), stop)
    except Exception:  # a file system that cannot be watched must not end the app
        logging.getLogger("benzer").warning("Folders are not watched any more.", exc_info=True)


def _wait_for_jobs() -> None:
    """Wait while pictures are imported and embedded, which needs the CPU more urgently."""
    until = time.monotonic() + 120
    time.sleep(3)
    while time.monotonic() < until and any(job.alive for job in recent_jobs()):
        time.sleep(1)


def _warm_up() -> None:
    """Run a first search, which loads and compiles what later ones use."""
    try:
        import torch  # first of all, so that no page calls SciPy meanwhile: see `ui/main.py`

        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
        _wait_for_jobs()
        workbench().preview(_one_pixel(), 16)  # starts the process that reads pictures, for the first look at one
        compile_in_a_process()
        compile_loops()
    except Exception:  # optional: the page that needs it reports what is missing
        logging.getLogger("benzer").info("Nothing could be loaded ahead.", exc_info=True)


def _one_pixel() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    return out.getvalue()

"""The command that starts the app and opens it in the browser: open."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from engine.cli.flags import Commands, refuse
from engine.cli.printing import print_left_out, print_report, progress_line
from engine.collections.listing import collections
from engine.collections.sources.job import source_of, title_of
from engine.core.errors import BadParameter
from engine.core.home import PROJECT
from engine.workbench.workbench import Workbench

_PORT = 8501
_PORTS_TRIED = 100
_START = 120.0  # seconds that the app may take to answer before the browser is no longer opened
_INTERVAL = 0.2


def register(commands: Commands) -> None:
    sub = commands.add("open", command_open, job="embed")
    sub.add_argument("source", nargs="?", help="a folder, ZIP, tar or CSV to import, prepare and show")
    sub.add_argument("--title", help="the name of the new collection (default: that of the file or folder)")
    sub.add_argument("--port", type=int, help=f"the app's port (default: {_PORT}, or the next free one)")
    sub.add_argument("--no-browser", action="store_true", help="only start the app")


def command_open(arguments: argparse.Namespace) -> int:
    """Start the app and open it in the browser; pictures are imported and prepared first if a folder is given."""
    if not arguments.source:
        refuse(arguments, ("title",), "open without a folder or file", "it is the name of the new collection")
    port = _checked(arguments.port) if arguments.port is not None else _free_port()
    shown = {"collection": _prepared(Path(arguments.source), arguments.title)} if arguments.source else {}
    address = f"http://localhost:{port}/" + (f"?{urlencode(shown)}" if shown else "")
    print(f"Benzer is at {address} (Ctrl-C stops it).", flush=True)
    if not arguments.no_browser and _has_screen():
        threading.Thread(target=_open_browser, args=(port, address), daemon=True).start()
    return _serve(port)


def _prepared(path: Path, title: str | None) -> str:
    """The name of the collection of these pictures, imported or rescanned, with its vectors."""
    bench, path = Workbench(), path.expanduser().resolve()
    if not path.exists():
        raise BadParameter("source", "opening", "a folder, archive or CSV that exists", str(path))
    name = next((one.name for one in collections(bench.home) if one.source.get("folder") == str(path)), None)
    if name is None:
        given: dict[str, Any] = {"source": source_of(path), "title": title or title_of(path), "path": str(path)}
        report = bench.run("import", progress_line(), **given)
    else:
        if title:
            print(f"It is imported already as {name}, which keeps its title.", file=sys.stderr)
        report = bench.run("rescan", progress_line(), collection=name)
    print_report(report, False, None)
    recipe = bench.default_recipe(report["collection"])
    bench.run("embed", progress_line(), recipe=recipe.as_dict())
    print_left_out(bench.left_out(recipe), len(bench.collection(recipe.collection)))
    return recipe.collection


def _serve(port: int) -> int:
    """Run the app until it ends; in its own folder, as Streamlit looks for the settings there."""
    command = [sys.executable, "-m", "streamlit", "run", str(PROJECT / "app.py"), "--server.port", str(port)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())  # as service managers and containers end it
    try:
        return max(0, process.wait())  # below zero: ended by a signal
    except KeyboardInterrupt:  # it has reached the app as well
        return max(0, process.wait())


def _open_browser(port: int, address: str) -> None:
    """Open the address as soon as the app answers."""
    end = time.monotonic() + _START
    while time.monotonic() < end:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
            webbrowser.open(address)
            return
        time.sleep(_INTERVAL)


def _has_screen() -> bool:
    """Whether a browser can show itself; in a mere terminal Python would start one that works with text."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"})


def _checked(port: int) -> int:
    if not 1 <= port <= 65535:
        raise BadParameter("port", "the app", "from 1 to 65535", port)
    if not _is_free(port):
        raise BadParameter("port", "the app", "one that no other program uses", port)
    return port


def _free_port() -> int:
    free = next(filter(_is_free, range(_PORT, _PORT + _PORTS_TRIED)), None)
    if free is None:
        wanted = f"free: all from {_PORT} to {_PORT + _PORTS_TRIED - 1} are in use"
        raise BadParameter("port", "the app", wanted, _PORT, way_out="Name another one with --port.")
    return free


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False

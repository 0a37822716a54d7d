"""The command serve: the local service for other programs, over HTTP or as a tool of language models."""

from __future__ import annotations

import argparse
import io
import os
import secrets
import sys

from engine.cli.flags import Commands, only
from engine.core.errors import BadParameter
from engine.service.mcp import McpServer
from engine.workbench.workbench import Workbench

TOKEN = "BENZER_API_TOKEN"  # noqa: S105 - the name of a variable
_PORT = 8600
_SHORTEST = 16  # characters of a token
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(commands: Commands) -> None:
    sub = commands.add("serve", command_serve)
    way = sub.add_mutually_exclusive_group(required=True)
    way.add_argument("--api", action="store_true", help="searching and changing over HTTP, as JSON")
    way.add_argument("--mcp", action="store_true", help="searching by the Model Context Protocol, over standard input")
    sub.add_argument("--host", help="the address to listen on (default: this computer only)")
    sub.add_argument("--port", type=int, help=f"default: {_PORT}")
    sub.epilog = (
        f"Every request bears a token: Authorization: Bearer TOKEN. It is ${TOKEN}, or a new one that is printed.\n"
        "What can be asked is described at /openapi.json."
    )


def command_serve(arguments: argparse.Namespace) -> None:
    """Let other programs search and change collections."""
    if arguments.mcp:
        only(arguments, ("mcp",), "serve --mcp", "it speaks on standard input and output")
        McpServer(Workbench()).run(io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"), sys.stdout)
        return
    import uvicorn

    from engine.service.app import LOOPBACK, service

    host = _LOOPBACK[0] if arguments.host is None else arguments.host
    port = _PORT if arguments.port is None else arguments.port
    if not 1 <= port <= 65535:
        raise BadParameter("port", "the service", "from 1 to 65535", port)
    token, local = _token(), host in _LOOPBACK
    app = service(Workbench(), token, LOOPBACK if local else ("*",))
    print(f"Serving at http://{host}:{port}, described at /openapi.json (Ctrl-C stops it).")
    if not os.environ.get(TOKEN):
        print(f"Token: {token}", flush=True)
    if not local:
        print("Other computers can reach this address; the token is all that protects it.", file=sys.stderr)
    uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False)


def _token() -> str:
    token = os.environ.get(TOKEN) or secrets.token_urlsafe(32)
    if len(token) < _SHORTEST or not token.isascii() or not token.isprintable():
        wanted = f"at least {_SHORTEST} printable characters of ASCII"
        raise BadParameter("token", f"${TOKEN}", wanted, f"{len(token)} characters")
    return token

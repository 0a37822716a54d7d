"""Only pages of this server may open a session: scheme, host and port are compared."""

from __future__ import annotations

import pytest
from starlette.routing import Match

from ui import web
from ui.widgets.gallery import thumbnail_url


def asked(monkeypatch: pytest.MonkeyPatch, host: str, origin: str, scheme: str = "ws", **more: str) -> bool:
    monkeypatch.setattr(web, "PROXIED", frozenset({"pictures.example.org"}))
    monkeypatch.setattr(web, "HOSTS", web.HOSTS | {"pictures.example.org"})
    headers = {"host": host, "origin": origin, **more}
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return web._is_own({"type": "websocket", "scheme": scheme, "headers": pairs})


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:8501"),
        ("127.0.0.1:8501", "http://127.0.0.1:8501"),
        ("[::1]:8501", "http://[::1]:8501"),
        ("localhost", "http://localhost:80"),
        ("pictures.example.org", "https://pictures.example.org"),
        ("pictures.example.org:8443", "https://pictures.example.org:8443"),
        ("127.0.0.1:8501", "https://pictures.example.org"),
    ],
)
def test_own_pages_may_open_a_session(monkeypatch: pytest.MonkeyPatch, host: str, origin: str) -> None:
    assert asked(monkeypatch, host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:9000"),
        ("localhost:8501", "https://localhost:8501"),
        ("localhost:8501", "http://127.0.0.1:8501"),
        ("localhost:8501", "http://localhost"),
        ("localhost:8501", "null"),
        ("localhost:8501", ""),
        ("localhost:8501", "http://localhost:x"),
        ("localhost:8501", "file://localhost:8501"),
        ("localhost:8501", "http://evil.example"),
        ("evil.example:8501", "http://evil.example:8501"),
        ("pictures.example.org", "https://pictures.example.org:9000"),
        ("pictures.example.org", "ftp://pictures.example.org"),
    ],
)
def test_pages_of_others_may_not(monkeypatch: pytest.MonkeyPatch, host: str, origin: str) -> None:
    assert not asked(monkeypatch, host, origin)


def test_the_scheme_comes_from_the_proxy_header(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "localhost:8443", "https://localhost:8443", x_forwarded_proto="https")


@pytest.mark.parametrize("base", ["", "benzer", "/a/b/"])
def test_thumbnails_are_asked_for_and_found_below_the_path_of_a_proxy(
    monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    monkeypatch.setattr("streamlit.get_option", lambda name: base if name == "server.baseUrlPath" else None)
    address = thumbnail_url("blanks", 3, "0123456789abcdef")
    assert address.startswith(f"/{base.strip('/')}/thumbs/blanks/3.webp" if base else "/thumbs/blanks/3.webp")
    asked_for = {"type": "http", "method": "GET", "path": address.partition("?")[0]}
    found = [child["path_params"] for match, child in (r.matches(asked_for) for r in web.ROUTES) if match is Match.FULL]
    assert [(one["collection"], one["id"]) for one in found] == [("blanks", 3)]

"""Streamlit's own files from memory: exactly those, for ever, and announced with every page."""

from __future__ import annotations

from pathlib import Path

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from ui.static_files import StaticFiles, announced

FOLDER = Path(streamlit.__file__).parent / "static"


async def behind(request: Request) -> Response:
    """What stands behind: a page, or something else."""
    return HTMLResponse("<p>page</p>") if request.url.path == "/" else JSONResponse({"behind": True})


@pytest.fixture
def client() -> TestClient:
    methods = ["GET", "POST"]
    return TestClient(StaticFiles(Starlette(routes=[Route("/{path:path}", behind, methods=methods)])))


@pytest.mark.parametrize("below", ["", "/below/a/path"])
@pytest.mark.parametrize("pattern", ["js/index.*.js", "css/index.*.css", "media/SourceSansVF-Upright*.woff2"])
def test_a_served_file_has_the_bytes_on_disk(client: TestClient, below: str, pattern: str) -> None:
    path = next((FOLDER / "static").glob(pattern))
    answer = client.get(f"{below}/static/{path.parent.name}/{path.name}")
    assert answer.content == path.read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].split(";")[0] in ("text/javascript", "text/css", "font/woff2")


@pytest.mark.parametrize(
    "path", ["/static/", "/static/js/", "/static/index.html", "/static/js/../../index.html", "/static/js/none.js", "/x"]
)
def test_anything_else_goes_on(client: TestClient, path: str) -> None:
    assert client.get(path).json() == {"behind": True}
    assert client.post("/static/js/" + next((FOLDER / "static/js").glob("index.*.js")).name).json() == {"behind": True}


def test_a_page_announces_what_it_will_need(client: TestClient) -> None:
    assert client.get("/").headers["link"] == announced()
    assert "link" not in client.get("/other").headers
    names = [link.split(">")[0].removeprefix("<./") for link in announced().split(", ")]
    page = (FOLDER / "index.html").read_text("utf-8")
    assert all((FOLDER / name).is_file() and name not in page for name in names)
    for part in ("Selectbox", "BidiComponent", "TextInput"):
        assert any(f"/{part}." in name for name in names), part
    assert len(names) == len(set(names))
    assert len(announced()) < 3500, "with the other headers less than the 4 KB that a proxy takes"

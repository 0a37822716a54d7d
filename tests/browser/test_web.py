"""What the server refuses: other hosts, other pages, ways out of the thumbnails' folder."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.helpers import Server, blobs, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("web")
    blobs(home)
    with serving(home) as running:
        yield running


def ask(
    server: Server, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> tuple[int, dict, bytes]:
    """Send a request exactly as written, with no client tidying the path."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in ({"Host": f"localhost:{server.port}"} | (headers or {})).items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def first_thumbnail(server: Server) -> str:
    from engine.core.home import Home
    from engine.workbench.workbench import Workbench

    cards = Workbench(Home(server.home)).collections()
    return f"/thumbs/{cards[0].name}/{cards[0].thumb_ids[0]}.webp"


def test_a_thumbnail_is_a_webp_that_never_changes(server: Server) -> None:
    status, headers, body = ask(server, first_thumbnail(server))
    assert status == 200
    assert body[:4] == b"RIFF"
    assert body[8:12] == b"WEBP"
    assert headers["content-type"] == "image/webp"
    assert "immutable" in headers["cache-control"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/thumbs/../server.log",
        "/thumbs/..%2f..%2fetc/1.webp",
        "/thumbs/%2e%2e/1.webp",
        "/thumbs/%2e%2e%2f%2e%2e%2fetc%2fpasswd/1.webp",
        "/thumbs/..%5c..%5c/1.webp",
        "/thumbs/.creating-x/1.webp",
        "/thumbs/%00/1.webp",
        "/thumbs/blobs%00/1.webp",
        "/thumbs/blobs/../../jobs/1.webp",
        "/thumbs//etc/passwd/1.webp",
        "/thumbs/blobs/99999999999999999999999.webp",
        "/thumbs/blobs/0.webp",
        "/thumbs/no-such/1.webp",
    ],
)
def test_there_is_no_way_out_of_the_thumbnails(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status in (400, 403, 404) or headers.get("content-type", "").startswith("text/html")
    assert b"root:" not in body
    assert b"Traceback" not in body
    assert headers.get("content-type") != "image/webp"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8501", "localhost.evil.example", "", "127.0.0.1.nip.io"]
)
def test_a_foreign_host_is_refused(server: Server, host: str) -> None:
    for path in ("/", "/_stcore/health", first_thumbnail(server)):
        assert ask(server, path, {"Host": host})[0] in (400, 403)


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost.evil.example"])
def test_a_foreign_origin_is_refused(server: Server, origin: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Origin": origin,
    }
    assert ask(server, "/_stcore/stream", upgrade)[0] == 403
    assert ask(server, first_thumbnail(server), {"Origin": origin})[0] == 403


def test_another_site_may_link_here_but_not_read_from_here(server: Server) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert ask(server, first_thumbnail(server), foreign | {"Sec-Fetch-Mode": "no-cors"})[0] == 403
    assert ask(server, "/", foreign | {"Sec-Fetch-Mode": "navigate"})[0] == 200


def test_an_upload_without_a_session_is_refused(server: Server) -> None:
    status, _, body = ask(server, "/_stcore/upload_file/nobody/1", method="PUT")
    assert status in (400, 403, 404, 405)
    assert b"Traceback" not in body


def test_pages_carry_the_security_headers(server: Server) -> None:
    _, headers, _ = ask(server, "/")
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_the_server_listens_on_this_computer_only(server: Server) -> None:
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            pytest.skip("no table of open ports on this system")
        for line in Path(table).read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and int(address.split(":")[1], 16) == server.port:
                listening.append(address.split(":")[0])
    assert listening
    assert all(re.fullmatch("0100007F|0{24}01000000|0{31}1", address) for address in listening)


@pytest.mark.parametrize("path", ["/pictures/%2e%2e/1.jpg", "/pictures/no-such/1.jpg", "/facts/..%2f..%2fetc/1.json"])
def test_there_is_no_way_out_of_the_pictures_and_their_facts(server: Server, path: str) -> None:
    status, headers, body = ask(server, path)
    assert status in (400, 403, 404) or headers.get("content-type", "").startswith("text/html")
    assert b"root:" not in body
    assert b"Traceback" not in body


def test_the_original_is_served_no_larger_than_asked_and_its_facts_are_text(server: Server) -> None:
    original = first_thumbnail(server).replace("/thumbs/", "/pictures/").replace(".webp", ".jpg")
    status, headers, body = ask(server, original + "?side=100")
    assert (status, headers["content-type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")
    for side in ("0", "-4", "many", "1e9"):
        assert ask(server, f"{original}?side={side}")[0] == 404
    status, headers, _ = ask(server, original.replace("/pictures/", "/facts/").replace(".jpg", ".json"))
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "application/json", "no-store")
    assert ask(server, original, {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0] == 403

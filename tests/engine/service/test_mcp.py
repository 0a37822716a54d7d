"""The service as a tool of language models: messages in, messages out."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.service.mcp import VERSIONS, McpServer
from engine.workbench.workbench import Workbench

SCOPE = {"collection": "kept", "k": 3}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> McpServer:
    """Five pictures of growing redness, prepared by their pixels."""
    bench = Workbench(Home(tmp_path / "home"))
    for red in range(0, 250, 50):
        Image.new("RGB", (24, 24), (red, 60, 120)).save(tmp_path / f"{red}.png")
    spool = bench.spool((f"{red}.png", (tmp_path / f"{red}.png").read_bytes()) for red in range(0, 250, 50))
    bench.run("import", source="upload", title="Kept", spool=str(spool))
    monkeypatch.setattr(Workbench, "default_recipe", lambda *_: Recipe("kept", "raw-pixels", "", "max", "euclidean"))
    bench.prepare("kept")
    return McpServer(bench)


def asked(server: McpServer, method: str, **params: Any) -> dict[str, Any]:
    answer = server.answer(json.dumps({"jsonrpc": "2.0", "id": 7, "method": method, "params": params}))
    assert answer is not None
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    return answer


def called(server: McpServer, name: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = asked(server, "tools/call", name=name, arguments=arguments)["result"]
    return found


def test_a_client_negotiates_a_version_and_lists_tools(server: McpServer) -> None:
    for version in VERSIONS:
        told = asked(server, "initialize", protocolVersion=version, capabilities={})["result"]
        assert (told["protocolVersion"], told["serverInfo"]["name"]) == (version, "benzer")
    assert asked(server, "initialize", protocolVersion="1999-01-01")["result"]["protocolVersion"] == VERSIONS[0]
    assert server.answer('{"jsonrpc": "2.0", "method": "notifications/initialized"}') is None
    assert asked(server, "ping")["result"] == {}
    tools = {tool["name"]: tool["inputSchema"] for tool in asked(server, "tools/list")["result"]["tools"]}
    assert list(tools) == ["list_collections", "search", "neighbours"]
    assert tools["neighbours"]["required"] == ["collection", "id"]


def test_collections_are_listed(server: McpServer) -> None:
    [card] = json.loads(called(server, "list_collections")["content"][0]["text"])
    assert (card["name"], card["count"]) == ("kept", 5)


def test_neighbours_come_with_pictures(server: McpServer) -> None:
    text, *pictures = called(server, "neighbours", id=1, **SCOPE)["content"]
    assert [hit["name"] for hit in json.loads(text["text"])["hits"]] == ["50.png", "100.png", "150.png"]
    assert [picture["mimeType"] for picture in pictures] == ["image/webp"] * 3


def test_a_search_takes_a_file_or_words(server: McpServer, tmp_path: Path) -> None:
    found = json.loads(called(server, "search", file=str(tmp_path / "200.png"), **SCOPE)["content"][0]["text"])
    assert found["hits"][0]["name"] == "200.png"
    found = json.loads(called(server, "search", words="150.png", **SCOPE)["content"][0]["text"])
    assert [hit["name"] for hit in found["written"]] == ["150.png"]


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("remove", {}, "There is no tool"),
        ("search", {"words": "red"}, "The collection of the tool search must be given"),
        ("search", {"collection": "kept", "picture": "/etc/passwd"}, "must be one of collection, words"),
        ("search", {"collection": "kept", "file": 3}, "must be a text"),
        ("search", {"collection": "kept", "file": "/no/such"}, "There is no picture file"),
        ("neighbours", {"collection": "no", "id": 1}, "There is no collection"),
        ("neighbours", {"collection": "kept", "id": 99}, "no longer in this collection"),
        ("neighbours", {"collection": "kept", "id": "1"}, "must be a whole number"),
    ],
)
def test_what_cannot_be_is_a_sentence(server: McpServer, name: str, arguments: dict[str, Any], sentence: str) -> None:
    answer = called(server, name, **arguments)
    assert answer["isError"]
    assert sentence in answer["content"][0]["text"]


@pytest.mark.parametrize(
    ("line", "code"),
    [("no json", -32700), ("[1]", -32600), ('{"id": 1}', -32600), ('{"id": 1, "method": "resources/list"}', -32601),
     ('{"id": 1, "method": "ping", "params": [1]}', -32602), ("[" * 100_000, -32700)],
)  # fmt: skip
def test_bad_messages_are_refused_by_their_code(server: McpServer, line: str, code: int) -> None:
    answer = server.answer(line)
    assert answer is not None
    assert answer["error"]["code"] == code


def test_one_message_a_line_is_answered_by_one_line(server: McpServer) -> None:
    out = io.StringIO()
    server.run(['{"id": 1, "method": "ping"}\n', "\n", '{"method": "notifications/cancelled"}\n', "x\n"], out)
    assert [json.loads(line)["id"] for line in out.getvalue().splitlines()] == [1, None]

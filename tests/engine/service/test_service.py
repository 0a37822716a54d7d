"""The local service: what it answers, and what it refuses."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from engine.collections import folders
from engine.collections.folders import hold
from engine.collections.sources.changing import add_pictures
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.service import app, guard
from engine.service.app import service
from engine.service.openapi import document
from engine.service.requests import SEARCH_FIELDS
from engine.workbench.workbench import Workbench

TOKEN = "a token for tests only"
RECIPE = str(Recipe("kept", "raw-pixels", "", "max", "euclidean", k=3))


def png(red: int, size: int = 24) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (size, size), (red, 60, 120)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """A collection of uploads, `kept`, and one that is read in place, `pile`, both prepared by their pixels."""
    bench = Workbench(Home(tmp_path / "home"))
    spool = bench.spool((f"{red}.png", png(red)) for red in range(0, 250, 50))
    bench.run("import", source="upload", title="Kept", spool=str(spool))
    (tmp_path / "pile").mkdir()
    (tmp_path / "pile" / "only.png").write_bytes(png(77))
    bench.run("import", source="folder", title="Pile", path=str(tmp_path / "pile"))
    default = {name: Recipe(name, "raw-pixels", "", "max", "euclidean") for name in ("kept", "pile")}
    monkeypatch.setattr(Workbench, "default_recipe", lambda self, name: default[name])
    for recipe in default.values():
        bench.prepare(recipe)
    return bench


@pytest.fixture
def client(bench: Workbench) -> Iterator[TestClient]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with TestClient(service(bench, TOKEN), base_url="http://localhost", headers=headers) as client:
        yield client


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [hit["name"] for hit in answer.json()["hits"]]


def test_searches_by_id_by_picture_and_neighbours_agree(client: TestClient) -> None:
    expected = ["50.png", "100.png", "150.png"]
    assert names(client.post("/collections/kept/search", json={"id": 1, "recipe": RECIPE})) == expected
    assert names(client.get("/collections/kept/pictures/1/neighbours", params={"k": 3})) == expected
    encoded = base64.b64encode(png(0)).decode()
    assert names(client.post("/collections/kept/search", json={"picture": encoded, "k": 4})) == ["0.png", *expected]
    headers = {"content-type": "image/png"}
    raw = client.post("/collections/kept/search", params={"k": 4}, content=png(0), headers=headers)
    assert names(raw) == ["0.png", *expected]
    for other in ({"id": 1}, {"picture": encoded}):
        twice = client.post("/collections/kept/search", params=other, content=png(0), headers=headers)
        assert twice.status_code == 400
        assert "the picture of the body" in twice.json()["error"]


def test_words_and_filters_scope_a_search(client: TestClient) -> None:
    found = client.post("/collections/kept/search", json={"words": "150.png"})
    assert found.status_code == 200
    assert [hit["name"] for hit in found.json()["written"]] == ["150.png"]
    filtered = client.get("/collections/kept/pictures/1/neighbours", params={"where": "name~100", "k": 3})
    assert names(filtered) == ["100.png"]


def test_pictures_are_added_found_and_removed(client: TestClient, bench: Workbench) -> None:
    facts = {"name": "new.png", "label": "blue", "text": "a blue one"}
    added = client.post("/collections/kept/pictures", params=facts, content=png(10))
    assert added.json() == {"added": 1, "copies": 0, "pictures": 6}
    assert names(client.get("/collections/kept/pictures/1/neighbours"))[0] == "new.png"
    id = int(max(bench.collection("kept").images().ids))
    known = client.get(f"/collections/kept/pictures/{id}").json()
    assert (known["name"], known["label"], known["text"]) == ("new.png", "blue", "a blue one")
    thumbnail = client.get(f"/collections/kept/pictures/{id}/thumbnail")
    assert Image.open(io.BytesIO(thumbnail.content)).format == "WEBP"
    assert (
        client.post("/collections/kept/pictures", params={"name": "again.png"}, content=png(10)).json()["copies"] == 1
    )
    path = bench.collection("kept").image(id).path
    assert client.delete(f"/collections/kept/pictures/{id}").json() == {"removed": 1}
    assert not path.exists()
    assert client.delete(f"/collections/kept/pictures/{id}").status_code == 404
    assert len(bench.collection("kept").rows()) == 5  # the exact copy has gone with it


def test_a_name_that_is_taken_is_counted_on(client: TestClient, bench: Workbench) -> None:
    for red in (11, 12):
        assert client.post("/collections/kept/pictures", params={"name": "0.png"}, content=png(red)).status_code == 200
    assert bench.collection("kept").images().names.count("0.png") == 3


def test_pictures_added_at_once_come_one_after_the_other(
    client: TestClient, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*given: Any) -> Any:
        with hold(bench.collection("kept").folder / "beside", "Beside"):  # raises where two get here together
            time.sleep(0.1)
        return add_pictures(*given)

    (bench.collection("kept").folder / "beside").mkdir()
    monkeypatch.setattr(app, "add_pictures", slow)
    monkeypatch.setattr(folders, "_PATIENCE", 0)
    with ThreadPoolExecutor(3) as pool:
        added = list(pool.map(lambda red: client.post("/collections/kept/pictures", content=png(red)), (11, 22, 33)))
    assert [answer.status_code for answer in added] == [200] * 3


def test_a_collection_that_other_work_is_changing_is_no_fault_of_the_service(
    client: TestClient, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_PATIENCE", 0)
    with hold(bench.collection("kept").folder, "Kept"):
        refused = [
            client.post("/collections/kept/pictures", content=png(11)),
            client.delete("/collections/kept/pictures/1"),
        ]
    for answer in refused:
        assert (answer.status_code, "being changed by other work" in answer.text) == (409, True)


def test_pictures_read_in_place_are_left_alone(client: TestClient) -> None:
    for refused in (
        client.post("/collections/pile/pictures", content=png(1)),
        client.delete("/collections/pile/pictures/1"),
    ):
        assert refused.status_code == 400
        assert "whose pictures Benzer keeps" in refused.json()["error"]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer é"]
)
def test_without_the_token_every_request_is_refused(client: TestClient, header: str) -> None:
    for path in ("/collections", "/collections/kept/pictures/1", "/nowhere"):
        refused = client.get(path, headers={"authorization": header.encode()})
        assert refused.status_code == 401
        assert "Bearer TOKEN" in refused.json()["error"]
        assert refused.headers["www-authenticate"] == "Bearer"


def test_foreign_hosts_and_pages_are_refused(client: TestClient) -> None:
    assert client.get("/collections", headers={"host": "evil.example"}).status_code == 400
    assert client.get("/collections", headers={"origin": "http://localhost:8501"}).status_code == 403


def test_large_bodies_are_refused_before_and_while_they_come(client: TestClient) -> None:
    large = client.post("/collections/kept/pictures", content=b"x" * (100 << 20))
    assert large.status_code == 413
    blocks = (b"x" * (1 << 20) for _ in range(100))  # without a length
    assert client.post("/collections/kept/search", content=blocks).status_code == 413
    lying = client.get("/collections", headers={"content-length": "1e9"})
    assert lying.status_code == 413


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "body of the request must be a JSON object"),
        (b"{", "body of the request must be a JSON object"),
        (b"\xff\xfe\x00", "body of the request must be a JSON object"),
        (b"[" * 100_000, "body of the request must be a JSON object"),
        (b"[1]", "got 'list'"),
        (b"{}", "query of the request must be an id, words or a picture; got 'nothing'"),
        (b'{"id": 1, "words": "x"}', "must be an id alone"),
        (b'{"id": "1"}', "id of the request must be a whole number; got 'str'"),
        (b'{"id": true}', "id of the request must be a whole number; got 'bool'"),
        (b'{"id": 1, "size": 3}', "field of the request must be one of id, words"),
        (b'{"id": 1, "k": 0}', "k of the search must be"),
        (b'{"id": 1, "k": 1e3}', "k of the request must be a whole number"),
        (b'{"id": 1, "where": "colour<3"}', "must be"),
        (b'{"id": 1, "recipe": "pile/raw-pixels/max/cosine/exact/8"}', "recipe of the request must be one of"),
        (b'{"id": 1, "recipe": "../../etc"}', "must be"),
        (b'{"picture": "!!"}', "picture of the request must be the bytes of a file in base64"),
        (b'{"picture": ""}', "empty"),
        (b'{"picture": "aGVsbG8="}', ""),
    ],
)
def test_malformed_requests_are_one_sentence(client: TestClient, body: bytes, sentence: str) -> None:
    refused = client.post("/collections/kept/search", content=body)
    assert refused.status_code == 400
    assert sentence in refused.json()["error"]
    assert "Traceback" not in refused.text


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2fkept", "%2fetc", "kept%00", ".", "nothing", "kept%5c.."])
def test_names_lead_nowhere_else(client: TestClient, name: str) -> None:
    for path in (f"/collections/{name}/pictures/1", f"/collections/{name}/pictures/1/thumbnail"):
        assert client.get(path).status_code in (400, 404)
    assert client.post(f"/collections/{name}/pictures", content=png(1)).status_code in (400, 404, 405)


def test_what_is_no_picture_is_not_added(client: TestClient, bench: Workbench) -> None:
    refused = client.post("/collections/kept/pictures", params={"name": "a.png"}, content=b"no picture")
    assert refused.status_code == 400
    assert len(bench.collection("kept")) == 5
    assert client.post("/collections/kept/pictures", params={"size": "1"}, content=png(1)).status_code == 400


def test_two_hundred_requests_at_once_are_all_answered(client: TestClient) -> None:
    with ThreadPoolExecutor(32) as pool:
        found = list(pool.map(lambda n: client.get(f"/collections/kept/pictures/{n % 5 + 1}/neighbours"), range(200)))
    assert {answer.status_code for answer in found} == {200}


def test_more_than_can_wait_are_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_WAITING", 0)
    refused = client.get("/collections")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"


def test_the_description_needs_no_token_and_names_every_route(client: TestClient, bench: Workbench) -> None:
    found = client.get("/openapi.json", headers={"authorization": ""}).json()
    assert found == json.loads(json.dumps(document()))
    routes = {route.path.replace(":int", "") for route in service(bench, TOKEN).routes}  # type: ignore[attr-defined]
    assert set(found["paths"]) == routes - {"/openapi.json"}
    assert set(found["components"]["schemas"]["Search"]["properties"]) == set(SEARCH_FIELDS)
    assert "kept" not in json.dumps(found).split()

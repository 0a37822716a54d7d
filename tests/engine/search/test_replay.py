"""Replaying an exported answer: the same where nothing changed, else exactly what differs."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.device import asked_precision, device, precision_asked_for
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.search.replay import compared, query_of, read_answer

EMBEDDED = ["--encoder", "model-4", "--weights", "default", "--pooling", "avg"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BENZER_PRECISION", "bfloat16")
    rng = np.random.default_rng(2)
    (tmp_path / "pile").mkdir()
    for number in range(12):
        pixels = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC).save(tmp_path / "pile" / f"{number:02d}.png")
    assert main(["import", str(tmp_path / "pile")]) == 0
    return tmp_path / "pile"


@pytest.fixture
def exported(pictures: Path, tmp_path: Path, capsys: Capture) -> Callable[..., Path]:
    def export(*words: str) -> Path:
        capsys.readouterr()
        assert main(["search", "--collection", "pile", *words, "--json"]) == 0
        file = tmp_path / "answer.json"
        file.write_text(capsys.readouterr().out, encoding="utf-8")
        return file

    return export


def replayed(file: Path, capsys: Capture, *words: str) -> tuple[int, str]:
    capsys.readouterr()
    status = main(["search", "--replay", str(file), *words])
    out, err = capsys.readouterr()
    return status, out + err


def test_an_export_names_everything_that_decides(exported: Callable[..., Path]) -> None:
    body = read_answer(exported(*EMBEDDED, "--image", "3"))
    made = body["made_with"]
    assert made["precision"] == "bfloat16"
    assert len(made["weights"]) == len(made["collection"]) == len(body["query"]["sha256"]) == 64
    assert {"benzer", "python", "torch", "numpy"} <= set(made["versions"])
    assert body["query"]["name"].endswith(".png")
    assert all(len(hit["sha256"]) == 64 for hit in body["hits"])


def test_a_table_of_results_names_it_too(pictures: Path, capsys: Capture) -> None:
    capsys.readouterr()
    assert main(["search", "--collection", "pile", *EMBEDDED, "--image", "3", "--csv"]) == 0
    line = next(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert line["precision"] == "bfloat16"
    assert len(line["sha256"]) == len(line["sha256 of the weights"]) == len(line["contents of the collection"]) == 64
    assert "torch=" in line["versions"]


def test_on_the_same_home_it_is_the_same(exported: Callable[..., Path], capsys: Capture) -> None:
    assert replayed(exported(*EMBEDDED, "--image", "3"), capsys) == (0, "The same results.\n")


def test_a_second_home_in_float32_says_exactly_what_differs(
    exported: Callable[..., Path], pictures: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = exported(*EMBEDDED, "--image", "3", "--k", "11")
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "second"))
    assert main(["import", str(pictures)]) == 0
    assert replayed(file, capsys)[0] == 0  # as it was asked for: in bfloat16
    status, said = replayed(file, capsys, "--precision", "float32")
    assert status == 1
    assert "The results differ." in said
    assert "Precision: bfloat16 then, float32 now (--precision bfloat16 computes as then)." in said
    assert "Distances of the same pictures differ by up to" in said
    assert "Weights" not in said
    assert "Collection" not in said
    assert replayed(file, capsys, "--precision", "bfloat16")[1] == "The same results.\n"


def test_a_collection_with_other_contents_is_named(
    exported: Callable[..., Path], pictures: Path, capsys: Capture
) -> None:
    file = exported("--encoder", "colour-histogram", "--pooling", "flatten", "--image", "3", "--k", "11")
    (pictures / "05.png").unlink()
    assert main(["rescan", "pile"]) == 0
    status, said = replayed(file, capsys)
    assert status == 1
    assert "11 pictures were found then, 10 now." in said
    assert "Collection: other contents, 12 pictures then and 11 now." in said
    assert "Precision" not in said


def test_a_query_from_a_file_is_that_file(
    exported: Callable[..., Path], pictures: Path, tmp_path: Path, capsys: Capture
) -> None:
    query = tmp_path / "query.png"
    query.write_bytes((pictures / "02.png").read_bytes())
    file = exported("--encoder", "colour-histogram", "--pooling", "flatten", "--crop", "0,0,.5,1", str(query))
    assert replayed(file, capsys) == (0, "The same results.\n")
    query.write_bytes((pictures / "03.png").read_bytes())
    status, said = replayed(file, capsys)
    assert status == 1
    assert "is not the one that was asked for" in said


def body(*names: str, **made: Any) -> dict[str, Any]:
    hits = [{"name": name, "sha256": name * 8, "distance": 0.1 * place} for place, name in enumerate(names)]
    known = {"precision": "float32", "depends": True, "encoder": "e", "weights": "w" * 64, "collection": "c"}
    return {"hits": hits, "made_with": {**known, "images": 9, "versions": {"torch": "2"}, **made}}


def test_ranks_that_differ_are_listed() -> None:
    same, said = compared(body("a", "b", "c"), body("a", "c", "b"))
    assert not same
    assert said[1:] == [
        "Rank 2: b then, c now.",
        "Rank 3: c then, b now.",
        "Distances of the same pictures differ by up to 0.1.",
    ]


def test_what_it_was_made_with_is_compared_also_where_the_results_are_the_same() -> None:
    now = body("a", weights="v" * 64, encoder="f", versions={"torch": "3", "numpy": "2"})
    same, said = compared(body("a"), now)
    assert same
    assert said == [
        "The same results.",
        "Weights: sha256 wwwwwwwwwwww… then, vvvvvvvvvvvv… now.",
        "Version of torch: 2 then, 3 now.",
        "Version of numpy: unknown then, 2 now.",
    ]
    assert compared(body("a"), body("a", encoder="f"))[1][1].startswith("Encoder: another version")


def test_an_export_of_before_is_compared_as_far_as_it_goes() -> None:
    former = copy.deepcopy(body("a", "b"))
    del former["made_with"]
    for hit in former["hits"]:
        del hit["sha256"]
    same, said = compared(former, body("a", "b"))
    assert same
    assert "does not say" in said[-1]
    assert "Rank 1: a then, b now." in compared(former, body("b", "a"))[1]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"recipe": {}, "query": {}, "hits": []}', "\x00"])
def test_what_is_no_answer_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(BadParameter, match="file of the replay"):
        read_answer(tmp_path / "a.json")


BROKEN: list[tuple[str, Any]] = [
    ("recipe", {}),
    ("recipe.weights", []),
    ("recipe.options", 5),
    ("query.image", [1]),
    ("query.text", 5),
    ("query.crop", [0, "x", 1, 1]),
    ("query.crop", [1]),
    ("query.sha256", 5),
    ("query.examples", [{"image": 3, "weight": 10**400}]),
    ("query.examples", [{"text": 5}]),
    ("where", 5),
    ("label", {}),
    ("label", {"a": 1}),
    ("made_with", {}),
    ("made_with.weights", 5),
    ("made_with.versions", "x"),
    ("hits", [{"name": "00.png", "distance": "x", "sha256": ""}]),
    ("hits", [{"name": "00.png", "distance": 10**400}]),
    ("words", [1]),
    ("words", {"classes": 5}),
]


@pytest.mark.parametrize(("field", "value"), BROKEN, ids=lambda one: str(one)[:40])
def test_an_export_with_a_value_that_cannot_be_is_named(
    field: str, value: Any, exported: Callable[..., Path], capsys: Capture
) -> None:
    file = exported("--encoder", "colour-histogram", "--image", "3")
    body = json.loads(file.read_text(encoding="utf-8"))
    *outer, last = field.split(".")
    (body[outer[0]] if outer else body)[last] = value
    file.write_text(json.dumps(body), encoding="utf-8")
    status, said = replayed(file, capsys)
    assert "Traceback" not in said
    assert status in (0, 1)


def test_a_query_that_is_not_in_the_collection_is_named() -> None:
    from engine.collections.collection import Images

    images = Images(np.array([4]), ["aa"], [""], ["x.png"], [""])
    asked = {"query": {"image": 7, "name": "x.png", "sha256": "aa", "crop": None}}
    assert query_of(asked, images).image_id == 4  # the same file under another id
    with pytest.raises(NotFound, match="no picture has the same contents"):
        query_of({"query": asked["query"] | {"sha256": "bb"}}, images)


def test_an_example_whose_contents_are_not_known_is_named() -> None:
    from engine.collections.collection import Images

    images = Images(np.array([4]), ["aa"], [""], ["x.png"], [""])
    with pytest.raises(NotFound, match=r"does not say what the file beach\.jpg held"):
        query_of({"query": {"examples": [{"name": "beach.jpg", "weight": 1}], "crop": None}}, images)


def test_the_precision_asked_for_is_one_that_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("float32", "bfloat16"):
        monkeypatch.setenv("BENZER_PRECISION", name)
        assert device().precision == name
    monkeypatch.setenv("BENZER_PRECISION", "half")
    with pytest.raises(BadParameter, match="BENZER_PRECISION"):
        device()


def test_a_search_without_a_collection_is_refused(pictures: Path, capsys: Capture) -> None:
    assert main(["search", "--image", "1"]) == 1
    assert "collection of the search" in capsys.readouterr().err


def test_the_precision_of_a_command_ends_with_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    monkeypatch.setenv("BENZER_PRECISION", "float32")
    for words in (["search", "none"], ["train", "--collection=none"]):
        assert main([*words, "--precision=bfloat16"]) == 1
        assert asked_precision() == "float32"
    with precision_asked_for("bfloat16"):
        assert asked_precision() == "bfloat16"
    monkeypatch.delenv("BENZER_PRECISION")
    with precision_asked_for("bfloat16"), precision_asked_for(None):
        assert asked_precision() == "bfloat16"
    assert asked_precision() == ""


def test_the_command_repeats_the_precision(exported: Callable[..., Path]) -> None:
    from engine.core.recipe import Recipe
    from engine.search.answer import Query
    from engine.workbench.workbench import Workbench

    body = json.loads(exported(*EMBEDDED, "--image", "3").read_text(encoding="utf-8"))
    answer = Workbench().search(Recipe.from_dict(body["recipe"]), Query.image(3))
    assert "--precision bfloat16" in answer.command()
    plain = answer.recipe.but(encoder="colour-histogram", weights="", embedding="flatten")
    Workbench().run("embed", recipe=plain.as_dict())
    assert "--precision" not in Workbench().search(plain, Query.image(3)).command()

"""Pictures that have vanished or changed since the import: every command says how many it left out, and which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from engine.cli.parser import main

RECIPE = ["--collection", "p", "--encoder", "hog"]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection of six pictures, one of which has vanished and one of which is no picture any more."""
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    (tmp_path / "p").mkdir()
    for number in range(6):
        picture = Image.new("L", (40, 40), 9)
        picture.paste(250, (number * 5, 5, number * 5 + 9, 30))
        picture.save(tmp_path / "p" / f"{number}.png")
    assert main(["import", str(tmp_path / "p")]) == 0
    (tmp_path / "p" / "0.png").unlink()
    (tmp_path / "p" / "1.png").write_text("junk")
    return tmp_path


def test_every_command_says_what_it_left_out(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["embed", *RECIPE]) == 0
    told = capsys.readouterr().err
    assert "2 of 6 pictures left out: 0.png, 1.png. 0.png: The file is not there. 1.png: " in told
    assert main(["search", *RECIPE, "--image", "3"]) == 0
    told = capsys.readouterr().err
    assert "2 of 6 pictures left out: 0.png, 1.png." in told
    assert "engine rescan" in told
    assert main(["duplicates", *RECIPE]) == 0
    assert "among 4 pictures. 2 pictures without a vector left out: 0.png, 1.png." in capsys.readouterr().out
    assert main(["duplicates", *RECIPE, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == ["0.png", "1.png"]
    assert main(["outliers", *RECIPE]) == 0
    assert "2 pictures without a vector left out: 0.png, 1.png." in capsys.readouterr().out
    assert main(["group", *RECIPE]) == 0
    assert "2 pictures could not be prepared and are in no group: 0.png, 1.png." in capsys.readouterr().out


def test_nothing_is_said_where_nothing_was_left_out(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescan", "p"]) == 0
    assert main(["embed", *RECIPE]) == 0
    assert main(["duplicates", *RECIPE]) == 0
    assert "left out" not in "".join(capsys.readouterr())


@pytest.mark.parametrize("method", ["exact", "rdh", "lsh", "hnsw"])
def test_a_collection_of_one_picture(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    (tmp_path / "p").mkdir()
    Image.new("L", (40, 40), 9).save(tmp_path / "p" / "a.png")
    assert main(["import", str(tmp_path / "p")]) == 0
    assert main(["search", *RECIPE, "--method", method, "--image", "1"]) == 0
    assert "no results" in capsys.readouterr().out
    assert main(["search", *RECIPE, "--method", method, "--image", "1", "--include-query", "--json"]) == 0
    assert [hit["id"] for hit in json.loads(capsys.readouterr().out)["hits"]] == [1]
    assert main(["duplicates", *RECIPE]) == 0
    assert "No duplicates among 1 picture." in capsys.readouterr().out


@pytest.mark.parametrize("encoder", ["raw-pixels", "hog", "colour-histogram"])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_blank_pictures_are_no_outliers_and_named(
    encoder: str, metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    (tmp_path / "p").mkdir()
    for name, colour in {"black.png": 0, "white.png": 255, "grey.png": 99}.items():
        Image.new("L", (40, 40), colour).save(tmp_path / "p" / name)
    Image.new("RGB", (40, 40)).save(tmp_path / "p" / "dark.bmp")
    for number in range(6):
        picture = Image.new("L", (40, 40), 9)
        picture.paste(250, (number * 5, 5, number * 5 + 9, 30))
        picture.save(tmp_path / "p" / f"{number}.png")
    assert main(["import", str(tmp_path / "p")]) == 0
    capsys.readouterr()
    assert main(["outliers", "--collection", "p", "--encoder", encoder, "--metric", metric, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found["odd_ones"] if not one["name"][0].isdigit()] == []
    assert set(found["blank"]) == {"black.png", "white.png", "grey.png", "dark.bmp"}
    assert found["unseen"] == []
    assert main(["outliers", "--collection", "p", "--encoder", encoder, "--metric", metric]) == 0
    assert "4 blank pictures left out: black.png, dark.bmp, grey.png and 1 more." in capsys.readouterr().out

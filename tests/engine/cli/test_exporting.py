"""Data sets of other programs on the command line, out and in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from engine.cli.parser import main


@pytest.fixture
def pile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    for name, colour in (("red/a", "red"), ("red/b", "maroon"), ("blue/c", "blue")):
        path = tmp_path / "Pile" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), colour).save(path)
    assert main(["import", str(tmp_path / "Pile")]) == 0
    capsys.readouterr()
    return tmp_path


def export(pile: Path, *words: str) -> int:
    return main(["export", "--collection", "pile", "--to", str(pile), *words])


def test_a_part_goes_out_with_vectors_and_comes_back(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--format", "coco", "--where", "label=red", "--encoder", "colour-histogram", "--title", "Reds"]
    assert export(pile, *words) == 0
    assert f"Exported 2 pictures to {pile / 'Reds'}." in capsys.readouterr().out
    assert {path.name for path in (pile / "Reds").iterdir()} == {"images", "annotations.json", "embeddings.parquet"}
    assert main(["import", str(pile / "Reds"), "--format", "coco", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["added"] == 2
    assert any("are custom embeddings" in note for note in report["notes"])
    assert main(["search", "--collection", "reds", "--encoder", "own-reds", "--image", "1", "--json"]) == 0
    assert [hit["label"] for hit in json.loads(capsys.readouterr().out)["hits"]] == ["red"]


def test_columns_are_named_on_both_ways(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(pile, "--format", "csv", "--rename", "label=kind", "--rename", "image=file", "--json") == 0
    path = Path(json.loads(capsys.readouterr().out)["path"])
    assert (path / "table.csv").read_text().splitlines()[0] == "file,kind"
    assert main(["import", str(path), "--format", "csv", "--title", "Back", "--label", "kind"]) == 0
    assert main(["list", "back", "--json"]) == 0
    out = capsys.readouterr().out
    assert {one["label"] for one in json.loads(out[out.index("[") :])} == {"red", "blue"}


def test_mistakes_are_one_sentence(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        (["--format", "excel"], "format of a data set must be one of csv"),
        (["--format", "csv", "--rename", "label"], "rename of an export must be as in label=class_name"),
        (["--format", "coco", "--grouping", "none"], "There is no grouping 'none'"),
        (["--format", "npy"], "vectors of the format npy must be named"),
    ):
        assert export(pile, *words) == 1
        assert sentence in capsys.readouterr().err
    assert main(["import", str(pile / "Pile"), "--format", "coco", "--title", "Other"]) == 1
    assert "This is no data set in COCO" in capsys.readouterr().err

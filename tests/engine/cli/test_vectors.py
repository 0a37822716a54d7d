"""Vectors that were made elsewhere, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.home import Home
from engine.search.opening import default_recipe

VECTORS = np.array([[1, 0], [0.9, 0.1], [0, 1]], np.float32)  # of a.png, b.png and c.png
SEARCH = ["search", "--collection", "pile", "--encoder", "own-mine"]


@pytest.fixture
def pile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A collection of three pictures, and a file of vectors in another order."""
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    (tmp_path / "Pile").mkdir()
    for name, colour in (("a", "red"), ("b", "green"), ("c", "blue")):
        Image.new("RGB", (20, 20), colour).save(tmp_path / "Pile" / f"{name}.png")
    assert main(["import", str(tmp_path / "Pile")]) == 0
    np.save(tmp_path / "v.npy", VECTORS[::-1])
    (tmp_path / "names.txt").write_text("c.png\nb.png\na.png\n")
    capsys.readouterr()
    return tmp_path


def add(pile: Path, *words: str) -> int:
    return main(["vectors", "add", str(pile / "v.npy"), "--collection", "pile", *words])


def test_vectors_are_added_searched_listed_and_removed(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(pile, "--names", str(pile / "names.txt"), "--title", "Mine") == 0
    assert "search with: --encoder own-mine" in capsys.readouterr().out
    assert main([*SEARCH, "--image", "1", "--json"]) == 0
    assert [hit["name"] for hit in json.loads(capsys.readouterr().out)["hits"]] == ["b.png", "c.png"]
    assert main(["vectors", "--collection", "pile", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["vectors"] == 3
    assert default_recipe(Home(pile / "home"), "pile").encoder != "own-mine"
    assert main(["vectors", "delete", "own-mine", "--collection", "pile", "--yes"]) == 0
    assert main([*SEARCH, "--image", "1"]) == 1


def test_mistakes_are_one_sentence(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(pile, "--names", str(pile / "names.txt"), "--title", "Mine") == 0
    (pile / "short.txt").write_text("a.png\nb.png\n")
    mistakes = [
        (["vectors", "add", "--collection", "pile"], "The file of vectors add must be named"),
        (["vectors", "add", "/no/such.npy", "--collection", "pile"], "must be an existing file or folder"),
        (
            ["vectors", "add", str(pile / "names.txt"), "--collection", "pile"],
            "must be a table with a column of file names",
        ),
        (
            ["vectors", "delete", "own-nothing", "--collection", "pile", "--yes"],
            "no custom embeddings 'own-nothing'",
        ),
        (["vectors", "--collection", "nothing"], "There is no collection 'nothing'"),
        ([*SEARCH, str(pile / "Pile" / "a.png")], "only whole pictures of the collection can be used"),
        (
            [*SEARCH, "--image", "1", "--crop", "0,0,0.5,0.5"],
            "only whole pictures of the collection can be used",
        ),
    ]
    for words, sentence in mistakes:
        capsys.readouterr()
        assert main(words) == 1
        assert sentence in capsys.readouterr().err
    assert add(pile, "--names", str(pile / "short.txt")) == 1
    assert "must be that of the names, 2; got 3" in capsys.readouterr().err


def test_damage_is_found_by_looking_a_collection_over(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add(pile, "--title", "Mine") == 0
    assert main(["check", "pile"]) == 0
    path = next((pile / "home" / "datasets" / "pile" / "own_vectors").rglob("matrix.npy"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert main(["check", "pile"]) == 1
    assert "matrix.npy" in capsys.readouterr().out


def test_copies_and_skipped_files_are_named(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pile / "more"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.png").write_bytes((pile / "Pile" / f"{name}.png").read_bytes())
    (folder / "copy.png").write_bytes((folder / "a.png").read_bytes())
    (folder / "broken.png").write_bytes(b"no picture")
    assert main(["import", str(folder), "--title", "more"]) == 0
    rows = [f"{name}.png;7;{value};0.5" for value, name in enumerate(["b", "copy", "broken", "a"])]
    (pile / "t.csv").write_text("sep=;\n" + "\n".join(["file;class_id;d0;d1", *rows]))
    capsys.readouterr()
    assert main(["vectors", "add", str(pile / "t.csv"), "--collection", "more"]) == 0
    told = capsys.readouterr().out
    assert "Columns of t.csv that were not used: class_id." in told
    assert "1 vector left out as exact duplicates that were skipped at import: copy.png." in told
    assert "1 vector left out for files that could not be read at import: broken.png." in told
    assert "2 vectors of 2 values were added" in told
    np.save(pile / "four.npy", np.ones((4, 2)))
    assert main(["vectors", "add", str(pile / "four.npy"), "--collection", "more"]) == 1
    assert "skipped 1 exact duplicate and 1 unreadable file; give a list of names" in capsys.readouterr().err


def test_a_folder_of_another_program_is_imported(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"filepath": f"/data/{name}.png", "clip": row} for name, row in zip("abc", VECTORS.tolist(), strict=True)]
    (pile / "export").mkdir()
    (pile / "export" / "samples.json").write_text(json.dumps({"samples": rows}))
    assert main(["vectors", "add", str(pile / "export"), "--collection", "pile", "--columns", "clip"]) == 0
    assert "3 vectors of 2 values were added; search with: --encoder own-export" in capsys.readouterr().out
    assert main(["vectors", "add", str(pile / "Pile"), "--collection", "pile"]) == 1
    assert "img_emb and metadata (clip-retrieval)" in capsys.readouterr().err

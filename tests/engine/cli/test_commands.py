"""The command line, word by word."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main, parser
from engine.workbench.job_kinds import KINDS
from engine.workbench.workbench import Workbench


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(1)
    for label, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        (tmp_path / "Pile" / label).mkdir(parents=True)
        for number in range(10):
            pixels = np.clip(rng.normal(colour, 20, (30, 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "Pile" / label / f"{number}.png")
    return tmp_path / "Pile"


SEARCH = ["search", "--collection", "pile", "--encoder", "colour-histogram", "--embedding", "flatten"]


def test_import_search_and_remove(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(pictures)]) == 0
    assert "20 added" in capsys.readouterr().out
    query = str(pictures / "red" / "3.png")
    assert main([*SEARCH, "--metric", "euclidean", "--method", "lsh(bits=4,tables=8)", "--k", "5", query]) == 0
    out, err = capsys.readouterr()
    assert "Doing that first" in err
    assert out.count("red") >= 5
    assert "5 nearest of 20 pictures" in out
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["images"] == 20
    assert main(["delete", "pile"]) == 0
    assert "Nothing was deleted" in capsys.readouterr().out
    assert main(["remove", "pile", "--yes"]) == 0  # as it was called before
    assert main(["list", "pile"]) == 1


def test_json_and_csv_of_a_search(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(pictures)]) == 0
    assert main([*SEARCH, "--image", "1", "--json"]) == 0
    out = capsys.readouterr().out
    body = json.loads(out[out.index("{") :])
    assert len(body["hits"]) == 8
    assert body["receipt"]["recall"] == 1.0
    assert main([*SEARCH, "--image", "1", "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [int(row["id"]) for row in rows if row["id"]] == [hit["id"] for hit in body["hits"]]


def test_csv_is_written_and_never_over_a_picture(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(pictures)]) == 0
    query = pictures / "red" / "3.png"
    before = query.read_bytes()
    assert main([*SEARCH, "--image", "1", "--csv", str(query)]) == 1
    assert "a new file, or one that ends in .csv" in capsys.readouterr().err
    assert query.read_bytes() == before
    for _ in range(2):  # a table may be written again
        assert main([*SEARCH, "--image", "1", "--csv", str(tmp_path / "found.csv")]) == 0
    assert (tmp_path / "found.csv").read_text(encoding="utf-8-sig").startswith("rank,")
    assert main(["list", "--csv"]) == 0
    assert "pile,Pile,20," in capsys.readouterr().out


STORED = {"compare": True, "hashing": True, "classify": True, "group": False, "runs": False}


@pytest.mark.parametrize("command", STORED)
def test_what_is_stored_has_the_same_flags_everywhere(command: str) -> None:
    [commands] = [action for action in parser()._actions if action.dest == "command"]
    assert commands.choices is not None
    flags = {flag for action in commands.choices[command]._actions for flag in action.option_strings}
    assert {"--list", "--show", "--delete", "--yes", "--json", "--csv"} <= flags
    assert ("--resume" in flags) == STORED[command]


def test_old_names_are_understood_and_not_listed() -> None:
    arguments = parser().parse_args(["compare", "--collection", "pile", "--embeddings", "max", "--no-run"])
    assert (arguments.embeddings, arguments.no_run) == ("max", True)
    assert parser().parse_args(["weights", "fetch", "resnet-18"]).action == "download"
    assert parser().parse_args(["vectors", "remove", "x", "--collection", "pile"]).action == "delete"
    [commands] = [action for action in parser()._actions if action.dest == "command"]
    assert commands.choices is not None
    assert "--embeddings" not in commands.choices["compare"].format_help()


def test_an_interrupted_command_says_what_is_kept(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.cli.search.recipe_of", interrupted)
    assert main([*SEARCH, "--image", "1"]) == 130
    assert KINDS["embed"].kept in capsys.readouterr().err


def test_rejects_are_listed_and_written(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    assert main(["import", str(pictures), "--rejects", str(tmp_path / "rejects.csv")]) == 0
    assert "1 damaged picture" in capsys.readouterr().out
    [row] = csv.DictReader(io.StringIO((tmp_path / "rejects.csv").read_text(encoding="utf-8-sig")))
    assert row["path"].endswith("broken.jpg")
    assert row["message"]
    assert (
        (tmp_path / "rejects.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    )  # the mark by which spreadsheets know UTF-8


def test_a_list_of_rejects_that_cannot_be_written_is_noticed_before_the_work(pictures, tmp_path, capsys) -> None:
    assert main(["import", str(pictures), "--title", "Late", "--rejects", str(tmp_path / "none" / "r.csv")]) == 1
    assert "can be written" in capsys.readouterr().err
    assert main(["list", "late"]) == 1


def test_an_archive_and_a_table(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "zipped.zip", "w") as archive:
        for path in pictures.rglob("*.png"):
            archive.write(path, path.relative_to(pictures))
    (tmp_path / "table.csv").write_text("image,label,text\nPile/red/1.png,warm,a red one\nPile/none.png,x,y\n")
    assert main(["import", str(tmp_path / "zipped.zip")]) == 0
    assert "20 added" in capsys.readouterr().out
    assert main(["import", str(tmp_path / "table.csv"), "--title", "Tabled", "--json"]) == 0
    out = capsys.readouterr().out
    report = json.loads(out[out.index("{") :])
    assert (report["added"], len(report["rejects"])) == (1, 1)
    assert main(["list", "tabled", "--json"]) == 0
    out = capsys.readouterr().out
    [image] = json.loads(out[out.index("[") :])
    assert (image["label"], image["text"]) == ("warm", "a red one")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["import", "/no/such/place"], "must be a folder, archive, CSV or one of"),
        (["search", "--collection", "nothing", "--image", "1"], "There is no collection 'nothing'"),
        ([*SEARCH, "--image", "1", "--k", "0"], "The k of the search must be a whole number from 1 to 1000; got 0."),
        ([*SEARCH, "--image", "999"], "Picture 999"),
        ([*SEARCH], "either a picture's file or --image"),
        ([*SEARCH, "no-such.png"], "no-such.png"),
        ([*SEARCH, "--image", "1", "--crop", "1,2"], "The crop of the query must be four numbers"),
        ([*SEARCH, "--image", "1", "--crop", "0,0,0,0"], "The crop of the query must be left < right"),
        ([*SEARCH, "--image", "1", "--method", "magic"], "The method of the search must be one of"),
        ([*SEARCH, "--image", "1", "--method", "lsh(bits=0)"], "The bits of the method lsh must be a whole number"),
        ([*SEARCH, "--image", "1", "--metric", "taxi"], "The metric of the search must be one of"),
        ([*SEARCH, "--image", "1", "--encoder", "magic"], "The encoder of the search must be one of"),
        ([*SEARCH, "--image", "1", "--embedding", "magic"], "embedding"),
        ([*SEARCH, "--image", "1", "--label", "green"], "No picture of this collection has the label 'green'"),
        (["embed", "--collection", "pile", "--model", "3", "--weights", ""], "trained"),
        (["train", "--collection", "pile", "--model", "9"], "The model of"),
        (["train", "--collection", "pile", "--model", "4", "--epochs", "0"], "epochs"),
        (["samples", "no-such"], "The name of a sample must be one of"),
        (
            ["import", "stl-10", "--follow-links"],
            "--follow-links does not go with a public data set",
        ),
        (["import", "stl-10", "--format", "coco"], "--format does not go with a public data set"),
        (["import", "stl-10", "--label", "class"], "--label does not go with a public data set"),
        (["stop", "no-such"], "There is no job 'no-such'"),
        (["rescan", "no-such"], "There is no collection 'no-such'"),
    ],
)
def test_every_mistake_is_one_sentence(
    pictures: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert main(["import", str(pictures)]) == 0
    capsys.readouterr()
    assert main(words) == 1
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err


def test_what_only_programs_run_is_understood_and_not_listed() -> None:
    assert parser().parse_args(["work", "folder"]).folder == "folder"
    listed = re.findall(r"^    (\w+)", parser().format_help(), re.MULTILINE)
    assert "jobs" in listed
    assert "work" not in listed


def test_a_wrong_sample_is_named_before_any_is_made(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["samples", "animal-faces", "no-such"]) == 1
    assert "The name of a sample must be one of" in capsys.readouterr().err
    assert Workbench().collections() == []

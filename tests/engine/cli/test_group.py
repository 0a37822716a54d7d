"""Grouping a collection from its pictures on, by the command line."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.device import device
from engine.workbench.workbench import Workbench


@pytest.fixture
def pile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(1)
    for label, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200)), ("=green", (40, 200, 40))):
        (tmp_path / "Pile" / label).mkdir(parents=True)
        for number in range(12):
            pixels = np.clip(rng.normal(colour, 20, (30, 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "Pile" / label / f"{number}.png")
    assert main(["import", str(tmp_path / "Pile")]) == 0
    capsys.readouterr()
    return tmp_path


GROUP = ["group", "--collection", "pile", "--encoder", "colour-histogram", "--map", "pca"]


def test_pictures_are_grouped_shown_and_exported(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GROUP, "--cluster", "hierarchical", "--csv", str(pile / "groups.csv"), "--title", "By colour"]) == 0
    out = capsys.readouterr().out
    assert "By colour (by-colour-1): hierarchical on colour-histogram, cosine" in out
    figures = next(line for line in out.splitlines() if line.startswith("purity"))
    assert re.sub(r" \(chance -?0\.\d{3}\)", "", figures).startswith("purity 1.000 · nmi 1.000 · ami 1.000 · ari 1.000")
    assert figures.count("chance") == 4
    rows = list(csv.DictReader((pile / "groups.csv").open(encoding="utf-8-sig")))  # as spreadsheets want it
    assert len(rows) == 36
    assert {row["group"] for row in rows} == {"Group 1", "Group 2", "Group 3"}
    assert all(not row["file"].startswith("=") for row in rows)
    (pile / "out").mkdir()
    assert main([*GROUP[:3], "--show", "by-colour-1", "--folders", str(pile / "out")]) == 0
    assert len(list((pile / "out" / "By colour" / "Group 2").iterdir())) == 12
    assert main([*GROUP[:3], "--delete", "by-colour-1", "--yes"]) == 0
    assert Workbench().groupings("pile") == []


def test_a_preset_takes_what_is_there(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["group", "--collection", "pile", "--preset", "model", "--map", "pca", "--json"]) == 0
    out = capsys.readouterr().out
    body = json.loads(out[out.index("{") :])
    assert body["precision"] == device().precision
    assert body["plan"]["reduction"] == "pca(share=0.9)"
    assert sum(len(group["ids"]) for group in body["groups"]) == 36
    [stored] = Workbench().groupings("pile")
    assert stored.name == body["name"]
    assert main(["group", "--collection", "pile", "--list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["images"] == 36


def test_a_picture_that_could_not_be_embedded_is_reported_and_makes_no_grouping_stale(
    pile: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = pile / "Pile" / "red" / "3.png"
    whole = broken.read_bytes()
    broken.write_bytes(b"no picture any more")
    assert main([*GROUP, "--cluster", "kmeans(groups=3)"]) == 0
    out = capsys.readouterr().out
    assert "1 picture could not be prepared and is in no group: " in out
    assert "red/3.png" in out
    bench = Workbench()
    [stored] = bench.groupings("pile")
    assert len(stored.ids) == 35
    assert stored.stale(bench.collection("pile")) == ""
    Image.new("RGB", (9, 9), "red").save(broken)
    assert main(["rescan", "pile"]) == 0
    assert "since then: 1 new picture." in stored.stale(bench.collection("pile"))
    broken.write_bytes(whole)


@pytest.mark.parametrize(
    "words",
    [
        ["--cluster", "kmeans(groups=40)"],
        ["--cluster", "hierarchical(linkage=middling)"],
        ["--cluster", "magic"],
        ["--reduce", "pca(share=2)"],
        ["--map", "globe"],
        ["--preset", "best"],
        ["--show", "nothing-1"],
        ["--metric", "manhattan"],
        ["--seed", "-4"],
        ["--csv", "."],
        ["--folders", "nowhere"],
    ],
)
def test_bad_words_are_one_sentence(pile: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main([*GROUP, *words]) == 1
    err = capsys.readouterr().err.strip()
    assert err.endswith(".")
    assert "Traceback" not in err
    assert not Workbench().groupings("pile")


def test_one_picture_is_one_group(pile: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pile / "one").mkdir()
    Image.new("RGB", (20, 20), "teal").save(pile / "one" / "only.png")
    assert main(["import", str(pile / "one")]) == 0
    assert main(["group", "--collection", "one", "--encoder", "raw-pixels", "--preset", "photo"]) == 0
    assert "There is only one picture." in capsys.readouterr().out

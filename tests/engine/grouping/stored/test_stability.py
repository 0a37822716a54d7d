"""The stability of a stored tree: measured as a job, kept beside it, printed by the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BenzerError, Corrupt, NotFound
from engine.grouping.stored.stability import branches, measured, sentence
from engine.workbench.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Workbench:
    """A collection of three colours, with a tree "tree-1" and a k-means "flat-1"."""
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(1)
    for label, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200)), ("green", (40, 200, 40))):
        (tmp_path / "Pile" / label).mkdir(parents=True)
        for number in range(8):
            pixels = np.clip(rng.normal(colour, 20, (30, 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "Pile" / label / f"{number}.png")
    assert main(["import", str(tmp_path / "Pile")]) == 0
    group = ["group", "--collection", "pile", "--encoder", "raw-pixels", "--pooling", "flatten", "--map", "pca"]
    assert main([*group, "--cluster", "hierarchical", "--title", "Tree"]) == 0
    assert main([*group, "--cluster", "kmeans(groups=3)", "--title", "Flat"]) == 0
    capsys.readouterr()
    return Workbench()


def measure(bench: Workbench, name: str = "tree-1", **words: object) -> None:
    bench.run("stability", collection="pile", name=name, title="Tree", rounds=20, **words)


@pytest.mark.parametrize("by", ["dimensions", "pictures"])
def test_the_branch_of_each_colour_comes_back(bench: Workbench, by: str) -> None:
    tree = bench.grouping("pile", "tree-1")
    assert measured(tree, by) is None
    measure(bench, by=by)
    found = measured(tree, by)
    assert found is not None
    assert (found.by, found.rounds) == (by, 20)
    labels = dict(zip(*(getattr(bench.collection("pile").images(), name) for name in ("ids", "labels")), strict=True))
    rows = branches(tree, found)
    colours = [row for row in rows if len(row.ids) == 8 and len({labels[id] for id in row.ids.tolist()}) == 1]
    assert len(colours) == 3
    assert all(row.exact >= 0.95 and row.near >= row.exact for row in colours)
    assert [row.height for row in rows] == sorted((row.height for row in rows), reverse=True)
    assert "came back with the same pictures" in sentence(found)


def test_what_has_no_tree_says_so(bench: Workbench) -> None:
    with pytest.raises(BenzerError, match="no tree with branches"):
        measure(bench, "flat-1")
    with pytest.raises(NotFound):
        measure(bench, "nothing-1")


def test_a_damaged_file_is_named_and_a_deleted_grouping_takes_it_along(bench: Workbench) -> None:
    measure(bench)
    tree = bench.grouping("pile", "tree-1")
    path = tree.folder / "stability-dimensions.json"
    path.write_text(path.read_text()[:-20])
    with pytest.raises(Corrupt, match="stability-dimensions"):
        measured(tree, "dimensions")
    tree.remove()
    assert not tree.folder.exists()


def test_the_command_prints_branches_and_measures_once(
    bench: Workbench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["branches", "--collection", "pile", "tree-1"]
    assert main([*words, "--rounds", "20"]) == 0
    assert "in at least 95 % of 20 trees" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rounds"], told["bound"], len(told["branches"])) == (20, 0.75, 22)
    assert main([*words, "--csv", str(tmp_path / "branches.csv")]) == 0
    assert len(list(csv.reader((tmp_path / "branches.csv").open(encoding="utf-8-sig")))) == 23
    for wrong in (["--by", "labels"], ["--rounds", "1"]):
        assert main([*words, *wrong]) == 1
    assert main(["branches", "--collection", "pile", "flat-1"]) == 1
    assert "no tree" in capsys.readouterr().err

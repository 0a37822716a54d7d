"""Duplicates and outliers end to end, on real files: workbench, job and commands; what is stored, stale or damaged."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BadParameter, NoIndex, NotFound, NoVectors
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.grouping.neighbourhoods import neighbourhoods
from engine.workbench.job_kinds import KINDS, title_of
from engine.workbench.workbench import Workbench

COUNT = 30
TWICE = 4  # pictures that come once more, half as large


def draw_pictures(folder: Path) -> None:
    """Soft patches of colour; the first few once more at half the size, the first of all as a poor JPEG as well."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        patches = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        picture = patches.resize((96, 96), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:02d}.png")
        if number < TWICE:
            picture.resize((48, 48)).save(folder / f"{number:02d}-small.png")
        if number == 0:
            picture.save(folder / "00-poor.jpg", quality=40)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tidying")
    draw_pictures(root / "pictures")
    bench = Workbench(Home(root / "home"))
    bench.run("import", source="folder", title="Twins", path=str(root / "pictures"))
    return root


@pytest.fixture
def bench(root: Path, tmp_path: Path) -> Workbench:
    """A copy that a test may change."""
    shutil.copytree(root / "home", tmp_path / "home")
    return Workbench(Home(tmp_path / "home"))


def recipe(**changes: object) -> Recipe:
    return Recipe("twins", "raw-pixels", embedding="flatten", k=3).but(**changes)


def names(bench: Workbench) -> dict[int, str]:
    images = bench.collection("twins").images()
    return dict(zip(images.ids.tolist(), images.names, strict=True))


def kept(bench: Workbench, **asked: object) -> dict[str, set[str]]:
    called = names(bench)
    groups = bench.duplicates(recipe(), **asked).groups
    return {called[group.keeper]: {called[id] for id in group.copies} for group in groups}


def nearest_folder(bench: Workbench) -> Path:
    [folder] = (bench.home.datasets / "twins" / "indexes").glob("nearest-*")
    return folder


def test_the_job_embeds_first_and_the_largest_is_kept(bench: Workbench) -> None:
    with pytest.raises(NoVectors):
        bench.duplicates(recipe())
    done = bench.run("duplicates", recipe=recipe().as_dict())
    assert done == {
        "collection": "twins",
        "threshold": bench.duplicates(recipe()).suggestion.threshold,
        "pictures": COUNT + TWICE + 1,
        "groups": TWICE,
        "copies": TWICE + 1,
    }
    expected = {f"{number:02d}.png": {f"{number:02d}-small.png"} for number in range(TWICE)}
    expected["00.png"].add("00-poor.jpg")
    assert kept(bench) == expected


def test_a_chosen_keeper_is_kept_and_one_that_is_not_there_is_named(bench: Workbench) -> None:
    bench.run("embed", recipe=recipe().as_dict())
    small = next(id for id, name in names(bench).items() if name == "01-small.png")
    assert kept(bench, keepers=[small])["01-small.png"] == {"01.png"}
    assert "01.png" in kept(bench)
    with pytest.raises(NotFound, match="4711"):
        bench.duplicates(recipe(), keepers=[4711])


def test_what_is_said_and_exported_is_true(bench: Workbench) -> None:
    bench.run("embed", recipe=recipe().as_dict())
    found = bench.duplicates(recipe())
    assert found.sentence().startswith(f"{TWICE} groups with {TWICE + 1} duplicates (")
    assert len(found.kept) == COUNT
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["keep"] for row in rows].count("yes") == TWICE
    assert {row["file"] for row in rows if row["keep"] == "no"} == set().union(*kept(bench).values())
    assert all(float(row["distance"]) <= found.share.threshold for row in rows)
    assert found.as_dict()["precision"] == "float32"
    assert found.as_dict()["copies"] == len(found.as_dict()["names"]) - TWICE == TWICE + 1
    nothing = bench.duplicates(recipe(), 0.0)
    assert nothing.sentence() == f"No duplicates among {COUNT + TWICE + 1} pictures."
    with pytest.raises(BadParameter, match="threshold"):
        bench.duplicates(recipe(), 2.5)


def test_lists_are_stored_and_used_until_the_vectors_change(bench: Workbench, root: Path) -> None:
    bench.run("embed", recipe=recipe().as_dict())
    bench.duplicates(recipe())
    pointer = nearest_folder(bench) / "current.json"
    before = pointer.read_bytes()
    Workbench(bench.home).duplicates(recipe(method="lsh", k=8))  # neither belongs to the answer
    assert pointer.read_bytes() == before
    extra = root / "pictures" / "extra.png"
    Image.open(root / "pictures" / "07.png").resize((50, 50)).save(extra)
    try:
        bench.run("rescan", collection="twins")
        bench.run("embed", recipe=recipe().as_dict())
    finally:
        extra.unlink()
    assert kept(bench)["07.png"] == {"extra.png"}
    assert pointer.read_bytes() != before


def test_damaged_lists_are_made_again(bench: Workbench) -> None:
    bench.run("embed", recipe=recipe().as_dict())
    before = kept(bench)
    [path] = nearest_folder(bench).glob("*/distances.npy")
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    assert kept(Workbench(bench.home)) == before
    [again] = [p for p in nearest_folder(bench).glob("*/distances.npy") if p != path]
    assert float(np.load(again)[-1, -1]) > 0


def test_a_large_collection_is_left_to_a_job(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.run("embed", recipe=recipe().as_dict())
    monkeypatch.setattr(neighbourhoods, "WHILE_WAITING", 1.0)
    with pytest.raises(NoIndex, match="not been computed"):
        bench.duplicates(recipe())
    seen = []
    KINDS["duplicates"].run(
        {"recipe": recipe().as_dict(), "home": str(bench.home.root)}, Reporter(listen=lambda told: seen.append(told))
    )
    assert seen[-1].done == seen[-1].total == COUNT + TWICE + 1
    assert len(bench.duplicates(recipe()).groups) == TWICE
    assert title_of("duplicates", {"recipe": recipe().as_dict(), "home": str(bench.home.root)}) == (
        "Finding nearest neighbours in “Twins” (Raw pixels)"
    )


def test_outliers_are_listed_by_score(bench: Workbench) -> None:
    bench.run("embed", recipe=recipe().as_dict())
    found = bench.outliers(recipe(), 5)
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [float(row["score"]) for row in rows] == sorted((float(row["score"]) for row in rows), reverse=True)
    assert len(bench.outliers(recipe()).ones) == COUNT + TWICE + 1
    with pytest.raises(BadParameter, match="outliers"):
        bench.outliers(recipe(), 0)


def test_the_commands(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["--collection", "twins", "--encoder", "raw-pixels", "--embedding", "flatten"]
    assert main(["duplicates", *words, "--csv", str(tmp_path / "copies.csv")]) == 0
    out, errors = capsys.readouterr()
    assert "Doing that first." in errors
    assert f"{TWICE} groups with {TWICE + 1} duplicates" in out
    assert "By chance less than" in out
    assert (tmp_path / "copies.csv").read_text(encoding="utf-8-sig").startswith("group,keep,distance,id,file")
    assert main(["duplicates", *words, "--json", "--threshold", "0"]) == 0
    assert json.loads(capsys.readouterr().out)["groups"] == []
    assert main(["duplicates", *words]) == 0
    assert "00-poor.jpg" in capsys.readouterr().out
    assert main(["outliers", *words, "--most", "2"]) == 0
    assert "rank" in capsys.readouterr().out
    assert main(["odd", *words, "--most", "2", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["odd_ones"]) == 2
    assert main(["duplicates", *words, "--threshold", "-1"]) == 1
    assert "threshold of the duplicates must be" in capsys.readouterr().err

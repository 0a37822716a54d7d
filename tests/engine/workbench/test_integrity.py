"""Every stored byte is checked, and what can be made again is."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from engine.cli.parser import main
from engine.collections.integrity import check, check_and_repair
from engine.collections.seal import seal, seal_path
from engine.core.errors import NotFound
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.core.storage import read_object, write_json
from engine.workbench import Workbench
from engine.workbench.integrity import check_home

HOME = Path(__file__).resolve().parents[2] / "data" / "home-of-0.1.zip"
UNSEALED = ("lock", ".lock", "log.txt", "events.jsonl", "stop")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    with zipfile.ZipFile(HOME) as archive:
        archive.extractall(tmp_path)
    monkeypatch.setenv("BENZER_HOME", str(tmp_path))
    return Workbench(Home(tmp_path))


def sealed_files(root: Path) -> list[Path]:
    inside = ("datasets", "jobs", "studies", "experiments", "classifications")
    files = [path for name in inside for path in (root / name).rglob("*") if path.is_file()]
    return [path for path in files if not path.name.endswith(UNSEALED)]


def test_the_home_is_sound(bench: Workbench) -> None:
    assert check(bench.collection("old-shapes")) == []
    assert check_home(bench.home) == []
    assert main(["check"]) == 0


def test_every_emptied_file_is_found(bench: Workbench) -> None:
    files = sealed_files(bench.home.root)
    assert len(files) > 50
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(b"")
        assert main(["check"]) == 1, path
        path.write_bytes(whole)


def test_what_is_derived_is_made_again(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    place = bench.home.datasets / "old-shapes"
    for path in [*place.glob("vectors/*/*/matrix.npy"), *place.glob("indexes/*/current.json")]:
        path.write_bytes(b"")
    for path in [*bench.home.root.glob("experiments/*/cells/*"), *bench.home.root.glob("jobs/*/result.json")]:
        path.write_bytes(b"")
    assert main(["check"]) == 1
    assert main(["check", "--repair"]) == 0
    assert "made again" in capsys.readouterr().out
    assert main(["check"]) == 0
    recipe = Recipe(collection="old-shapes", encoder="glcm")
    assert bench.readiness(recipe).action == "embed"


def test_a_damaged_catalogue_is_not_sealed_again_whatever_the_name_of_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(HOME) as archive:
        archive.extractall(tmp_path / "seals")
    collection = Workbench(Home(tmp_path / "seals")).collection("old-shapes")
    seal(collection.catalogue)
    sealed = seal_path(collection.catalogue.path)
    write_json(sealed, {**read_object(sealed), "sha256": "0" * 64})
    [found] = check(collection)
    assert "catalogue.sqlite has been damaged" in found
    assert [one.repair for one in check_and_repair(collection)] == [None]
    assert check(collection) == [found]
    sealed.write_bytes(b"")
    assert len(check_and_repair(collection)) == 1
    assert check(collection) == []


def test_edits_that_are_lost_leave_the_groups(bench: Workbench) -> None:
    [grouping] = bench.groupings("old-shapes")
    (grouping.folder / "person.json").write_bytes(b"x")
    collection = bench.collection("old-shapes")
    assert [finding.repair is not None for finding in check_and_repair(collection)] == [True]
    [again] = bench.groupings("old-shapes")
    assert list(again.ids) == list(grouping.ids)
    assert next(again.folder.glob("person.json.damaged-*")).read_bytes() == b"x"


def test_what_cannot_be_repaired_is_said(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    picture = next((bench.home.datasets / "old-shapes" / "images").rglob("*.png"))
    picture.write_bytes(b"")
    assert main(["check", "--repair"]) == 1
    assert f"{picture} has been damaged: it no longer matches its checksum. It cannot be repaired." in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("damage", ["empty", "missing", "foreign", "folder"])
def test_a_damaged_collection_can_be_removed_and_imported_again(bench: Workbench, damage: str, tmp_path: Path) -> None:
    place = bench.home.datasets / "old-shapes"
    pictures = tmp_path / "pictures"
    shutil.copytree(place / "images", pictures)
    path = place / "catalogue.sqlite"
    path.unlink()
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(b"" if damage == "empty" else b"SQLite format 3\0" + bytes(2000))
    assert main(["check"]) == 1
    kept = bench.remove("old-shapes")
    assert kept is not None
    assert (kept / "groupings" / "two-kinds-1" / "person.json").is_file()
    report = bench.run("import", source="folder", title="Old shapes", path=str(pictures))
    assert report["added"] == 12
    assert [card.name for card in bench.collections()] == ["old-shapes"]


def test_labels_of_a_damaged_row_are_rescued(bench: Workbench) -> None:
    import sqlite3

    place = bench.home.datasets / "old-shapes"
    with sqlite3.connect(place / "catalogue.sqlite") as db:
        db.execute("UPDATE files SET name='other' WHERE id=1")
    db.close()
    assert bench.collections() == []
    kept = bench.remove("old-shapes")
    assert kept is not None
    assert len((kept / "labels.csv").read_text(encoding="utf-8-sig").splitlines()) == 13


def test_a_sound_collection_is_removed_without_a_trace(bench: Workbench) -> None:
    assert bench.remove("old-shapes") is None
    assert not (bench.home.root / "rescued").exists()
    with pytest.raises(NotFound):
        bench.remove("old-shapes")
    (bench.home.datasets / "mine").mkdir()
    (bench.home.datasets / "mine" / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(NotFound):
        bench.remove("mine")  # any folder that somebody put there

"""Jobs that take pictures elsewhere: a new collection, folders, a ZIP."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from engine.collections.integrity import check
from engine.core.errors import BadParameter, NameTaken, NotFound, Stopped
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.grouping.stored import exporting
from engine.workbench.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    for number in range(8):
        path = tmp_path / "pictures" / ("odd" if number % 2 else "even") / f"{number // 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (24, 20), (30 * number, 255 - 30 * number, 90)).save(path)
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="folder", title="Small", path=str(tmp_path / "pictures"))
    return bench


def contents(bench: Workbench, name: str) -> dict[str, tuple[str, str]]:
    images = bench.collection(name).images()
    return {n: (label, hash) for n, label, hash in zip(images.names, images.labels, images.hashes, strict=True)}


def test_a_new_collection_has_the_pictures_and_the_labels(bench: Workbench, tmp_path: Path) -> None:
    ids, own = bench.collection("small").images().ids.tolist(), contents(bench, "small")
    parts = [{"label": "../x", "ids": ids[:2]}, {"label": None, "ids": ids[2:5]}, {"label": "", "ids": ids[5:6]}]
    report = bench.run("extract", collection="small", title="Mine", parts=parts)
    assert (report["added"], report["collection"]) == (6, "mine")
    found = contents(bench, "mine")
    names = bench.collection("small").images().names[:6]
    assert set(found) == set(names)
    assert [found[name][0] for name in names] == ["../x", "../x", *(own[name][0] for name in names[2:5]), ""]
    assert all(found[name][1] == own[name][1] for name in names)
    assert check(bench.collection("mine")) == []
    assert bench.collection("mine").source["kind"] == "extract"
    for path in (tmp_path / "pictures").rglob("*.png"):  # the copies do not need the originals
        path.unlink()
    assert len(bench.collection("mine").picture(1)) > 0


def test_jobs_take_a_grouping_by_its_name(bench: Workbench, tmp_path: Path) -> None:
    recipe = bench.default_recipe("small").but(encoder="colour-histogram", weights="")
    plan = {"clustering": "hierarchical(groups=2)", "map": "pca"}
    name = bench.run("group", recipe=recipe.as_dict(), plan=plan, title="Two")["grouping"]
    grouping = bench.grouping("small", name)
    grouping.edit({"kind": "name", "group": 0, "title": "../x"})
    ids = grouping.groups().group(1).ids.tolist()
    grouping.edit({"kind": "move", "ids": ids[:1], "to": -1})
    report = bench.run("extract", collection="small", title="Mine", grouping=name, alone="")
    assert report["added"] == 8
    assert bench.collection("mine").labels()["../x"] == len(grouping.groups().group(0))
    assert bench.collection("mine").images().labels.count("") == 1
    done = bench.run("copy", collection="small", title="x", grouping=name, groups=[0], folder=str(tmp_path))
    assert done["count"] == len(grouping.groups().group(0))
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["x"]
    with pytest.raises(NotFound):
        bench.run("copy", collection="small", title="x", grouping="../other", folder=str(tmp_path))


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([], BadParameter),
        ([{"label": "a", "ids": []}], BadParameter),
        ([{"label": "a", "ids": [99_999]}], NotFound),
        ([{"label": 7, "ids": [1]}], BadParameter),
        ([{"label": "a", "ids": "1"}], BadParameter),
        ([{"label": "a", "ids": [True]}], BadParameter),
        ([{"label": "x" * 300, "ids": [1]}], BadParameter),
    ],
)
def test_impossible_parts_leave_no_collection(bench: Workbench, parts: list, error: type[Exception]) -> None:
    with pytest.raises(error):
        bench.run("extract", collection="small", title="Mine", parts=parts)
    assert [card.name for card in bench.collections()] == ["small"]


def test_a_name_in_use_is_refused_also_for_the_same_pictures(bench: Workbench) -> None:
    parts = [{"label": None, "ids": [1, 2]}]
    bench.run("extract", collection="small", title="Mine", parts=parts)
    for title in ("Mine", "Small"):
        with pytest.raises(NameTaken):
            bench.run("extract", collection="small", title=title, parts=parts)


def test_a_picture_that_has_vanished_is_among_the_rejects(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "pictures" / "even" / "0.png").unlink()
    ids = bench.collection("small").images().ids.tolist()
    report = bench.run("extract", collection="small", title="Mine", parts=[{"label": None, "ids": ids}])
    assert report["added"] == 7
    assert [reject["path"] for reject in report["rejects"]] == ["even/0.png"]


def test_a_collection_that_was_cut_off_goes_on(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.collections.sources import ingest

    monkeypatch.setattr(ingest, "BATCH", 2)
    ids = bench.collection("small").images().ids.tolist()
    arguments = {"collection": "small", "title": "Mine", "parts": [{"label": "all", "ids": ids}]}

    def stop(progress: Progress) -> None:
        if progress.done >= 4:
            raise Stopped

    with pytest.raises(Stopped):
        bench.run("extract", listen=stop, **arguments)
    assert len(bench.collection("mine")) < 8
    report = bench.run("extract", **arguments)
    assert report["unchanged"] >= 4
    assert len(bench.collection("mine")) == 8


def test_pictures_are_copied_into_folders(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    ids = bench.collection("small").images().ids.tolist()
    parts = [{"label": "Both", "ids": [ids[0], ids[4]]}, {"label": None, "ids": ids[1:4]}]
    done = bench.run("copy", collection="small", title="My groups", parts=parts, folder=str(tmp_path / "out"))
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png"))
    assert done["count"] == 5
    assert found == [
        f"My groups/{rest}" for rest in ("Both/0 (2).png", "Both/0.png", "even/1.png", "even/2.png", "even/3.png")
    ]
    original = tmp_path / "pictures" / "even" / "0.png"
    assert (tmp_path / "out" / "My groups" / "Both" / "0.png").read_bytes() == original.read_bytes()


def test_the_zip_is_written_into_the_folder_of_the_job(bench: Workbench, tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    arguments = {"home": str(bench.home.root), "collection": "small", "title": "x", "folder": ""}
    done = exporting.copy(arguments | {"parts": [{"label": "a", "ids": [1]}]}, Reporter(folder))
    assert Path(done["path"]) == folder / exporting.ZIP
    with zipfile.ZipFile(done["path"]) as archive:
        assert archive.namelist() == ["a/0.png"]


def test_too_much_for_a_zip_is_refused(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MOST_IN_A_ZIP", 10)
    with pytest.raises(BadParameter, match="Copy the files to a folder instead"):
        bench.run("copy", collection="small", title="x", parts=[{"label": "a", "ids": [1, 2]}], folder="")


def test_drawn_pictures_get_an_ending() -> None:
    assert exporting._with_ending("faces/cat 1", "ab/cd.png") == "faces/cat 1.png"
    assert exporting._with_ending("cat.jpg", "ab/cd.png") == "cat.jpg"

"""XMP sidecar files of a collection: both sides are merged, and writing is taken back to the byte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.collections.collection import Collection
from engine.collections.facts import sidecars
from engine.collections.facts.marks import mark_pictures, marks
from engine.collections.facts.sidecars import undo_sidecars, write_sidecars
from engine.collections.facts.xmp import Sidecar, read_sidecar, with_sidecar
from engine.collections.integrity import check, check_and_repair
from engine.collections.sources.importing import rescan
from engine.core.errors import NotFound, Unreadable
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import read_object, write_bytes
from tests.engine.collections.facts.conftest import DARKTABLE, beside


def by_name(collection: Collection, name: str) -> int:
    return next(row.id for row in collection.rows("image") if row.name.endswith(name))


def write(home: Home, collection: Collection, ids: list[int] | None = None) -> dict:
    arguments = {"home": str(home.root), "collection": collection.name, "ids": ids}
    return write_sidecars(arguments, Reporter())


def test_sidecars_are_read_at_import(collection: Collection) -> None:
    found = marks(collection)
    assert (found[by_name(collection, "00.png")].tags, found[by_name(collection, "00.png")].stars) == (
        ("Ferien & Meer", "lake"),
        3,
    )
    assert found[by_name(collection, "02.png")].stars == 4
    assert len(found) == 2


def test_writing_merges_and_leaves_alone_what_is_no_xmp(home: Home, collection: Collection, pile: Path) -> None:
    known, broken, fresh = (by_name(collection, name) for name in ("00.png", "01.png", "03.png"))
    mark_pictures(collection, [known, broken, fresh], add=["sea"], remove=["lake"], stars=5)
    before = (pile / "red" / "01.png.xmp").read_bytes()
    report = write(home, collection, [known, broken, fresh])
    assert (report["written"], report["unchanged"]) == (2, 0)
    assert report["left"] == [("red/01.png", "The sidecar file is no XML.")]
    assert (pile / "red" / "01.png.xmp").read_bytes() == before
    merged = (pile / "blue" / "00.png.xmp").read_bytes()
    assert read_sidecar(merged) == Sidecar(("Ferien & Meer", "sea"), 5)
    assert b"darktable:history" in merged
    assert read_sidecar((pile / "red" / "03.png.xmp").read_bytes()) == Sidecar(("sea",), 5)
    assert write(home, collection, [known, fresh])["unchanged"] == 2


def test_a_file_that_cannot_be_changed_is_left_alone_and_named(
    home: Home, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(data: bytes | None, wanted: Sidecar) -> bytes:
        raise Unreadable("This cannot be changed.")

    id = by_name(collection, "03.png")
    mark_pictures(collection, [id], add=["sea"])
    monkeypatch.setattr(sidecars, "with_sidecar", refused)
    report = write(home, collection, [id])
    assert report["left"] == [("red/03.png", "This cannot be changed.")]
    assert report["written"] == 0
    assert report["act"] == ""


def test_both_sides_may_change_and_a_removed_tag_stays_removed(
    home: Home, collection: Collection, pile: Path, reporter: Reporter
) -> None:
    id, path = by_name(collection, "03.png"), pile / "red" / "03.png.xmp"
    mark_pictures(collection, [id], add=["a", "b"], stars=2)
    write(home, collection)
    path.write_bytes(with_sidecar(path.read_bytes(), Sidecar(("b", "theirs"), 2)))  # another program removes a
    mark_pictures(collection, [id], add=["ours"], remove=["b"], stars=4)
    rescan(collection, reporter)
    assert (marks(collection)[id].tags, marks(collection)[id].stars) == (("ours", "theirs"), 4)
    write(home, collection)
    assert read_sidecar(path.read_bytes()) == Sidecar(("ours", "theirs"), 4)
    assert marks(collection)[by_name(collection, "02.png")].stars == 4  # its tags came from 02.XMP
    assert rescan(collection, reporter).notes == ["01.png.xmp: The sidecar file is no XML."]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_named(home: Home, collection: Collection, pile: Path) -> None:
    id = by_name(collection, "03.png")
    mark_pictures(collection, [id], stars=1)
    (pile / "red").chmod(0o555)
    try:
        [[name, sentence]] = write(home, collection, [id])["left"]
    finally:
        (pile / "red").chmod(0o755)
    assert name == "red/03.png"
    assert "refused to store" in sentence


def test_a_link_in_the_place_of_a_sidecar_is_left_alone(
    home: Home, collection: Collection, pile: Path, tmp_path: Path
) -> None:
    id = by_name(collection, "03.png")
    mark_pictures(collection, [id], stars=1)
    (tmp_path / "elsewhere").write_text("mine", "utf-8")
    (pile / "red" / "03.png.xmp").symlink_to(tmp_path / "elsewhere")
    assert "link" in write(home, collection, [id])["left"][0][1]
    assert (tmp_path / "elsewhere").read_text("utf-8") == "mine"


def test_a_tag_given_while_sidecars_are_written_or_read_is_kept(
    home: Home, collection: Collection, reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tab does not wait for a job over many files."""
    id = by_name(collection, "03.png")
    mark_pictures(collection, [id], add=["a"])

    def while_writing(path: Path, data: bytes) -> None:
        mark_pictures(collection, [id], add=["b"])
        write_bytes(path, data)

    with monkeypatch.context() as busy:
        busy.setattr(sidecars, "write_bytes", while_writing)
        assert write(home, collection, [id])["written"] == 1
    assert marks(collection)[id].tags == ("a", "b")
    assert write(home, collection, [id])["written"] == 1
    path = collection.image(id).path
    write_bytes(path.with_name(path.name + ".xmp"), with_sidecar(None, Sidecar(("a", "b", "theirs"))))

    def while_reading(read: Collection) -> dict:
        known = marks(read)
        mark_pictures(read, [id], add=["c"])
        return known

    with monkeypatch.context() as busy:
        busy.setattr(sidecars, "marks", while_reading)
        rescan(collection, reporter)
    assert marks(collection)[id].tags == ("a", "b", "c", "theirs")


def test_writing_is_taken_back_to_the_byte(home: Home, collection: Collection, reporter: Reporter) -> None:
    new, old = by_name(collection, "03.png"), by_name(collection, "04.png")
    beside(collection, old).write_text(DARKTABLE, "utf-8")
    rescan(collection, reporter)
    mark_pictures(collection, [new, old], add=["boat"], stars=5)
    act = write(home, collection, [new, old])["act"]
    assert read_sidecar(beside(collection, old).read_bytes()).stars == 5
    assert undo_sidecars(collection, act) == undo_sidecars(collection, act) == (2, [])
    assert not beside(collection, new).exists()
    assert beside(collection, old).read_text("utf-8") == DARKTABLE
    rescan(collection, reporter)  # what left the files was not removed there by anybody
    assert marks(collection)[new].tags == ("boat",)
    assert marks(collection)[old].tags == ("Ferien & Meer", "boat", "lake")
    assert marks(collection)[old].stars == 5
    assert write(home, collection, [new, old])["written"] == 2


def test_what_has_changed_since_stays_and_the_last_act_comes_first(home: Home, collection: Collection) -> None:
    first, second = by_name(collection, "03.png"), by_name(collection, "04.png")
    mark_pictures(collection, [first, second], stars=1)
    assert write(home, collection, [])["act"] == ""
    write(home, collection, [first])
    write(home, collection, [second])
    beside(collection, second).write_bytes(with_sidecar(None, Sidecar(("theirs",))))
    back, [(name, reason)] = undo_sidecars(collection)
    assert (back, Path(name).name, reason) == (0, "04.png", "The sidecar file has changed since.")
    assert undo_sidecars(collection) == (1, [])
    assert not beside(collection, first).exists()
    assert beside(collection, second).exists()
    with pytest.raises(NotFound, match="could be taken back"):
        undo_sidecars(collection)


def test_damage_to_former_contents_is_found_and_only_costs_the_undo(home: Home, collection: Collection) -> None:
    id = by_name(collection, "03.png")
    beside(collection, id).write_text(DARKTABLE, "utf-8")
    mark_pictures(collection, [id], add=["boat"])
    write(home, collection, [id])
    [former] = (collection.folder / "sidecars").glob("*/*.xmp")
    former.write_text(DARKTABLE.replace("lake", "like"), "utf-8")
    [sentence] = check(collection)
    assert str(former) in sentence
    assert undo_sidecars(collection)[1][0][1].endswith("it no longer matches its checksum.")
    [found] = check_and_repair(collection)
    assert found.repaired.startswith("Deleted: ")
    assert check(collection) == []
    assert "boat" in read_sidecar(beside(collection, id).read_bytes()).tags


def test_each_file_is_noted_once_and_a_missing_list_is_found(
    home: Home, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sidecars, "_AT_A_TIME", 2)
    ids = [row.id for row in collection.rows("image") if not row.name.endswith(("01.png", "00.png"))]
    mark_pictures(collection, ids, add=["boat"])
    assert write(home, collection, ids)["written"] == len(ids) == 10
    [folder] = (collection.folder / "sidecars").iterdir()
    lists = [read_object(path, written=list)["written"] for path in folder.glob("act*.json")]
    assert [len(lines) for lines in lists] == [2] * 5
    assert sorted(id for lines in lists for id, *_ in lines) == ids
    assert check(collection) == []
    lost = (folder / "act-4.json").rename(folder / "lost")
    assert check(collection) == [f"The file {folder / 'act-4.json'} is missing."]
    lost.rename(folder / "act-4.json")
    assert undo_sidecars(collection) == (10, [])
    assert not any(beside(collection, id).exists() for id in ids if id != by_name(collection, "02.png"))

"""XMP sidecar files: what others wrote is read and kept, both sides are merged, and what is no XMP is left alone."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.collections.collection import Collection
from engine.collections.facts import sidecars
from engine.collections.facts.marks import mark_pictures, marks
from engine.collections.facts.sidecars import undo_sidecars, write_sidecars
from engine.collections.facts.xmp import DC, RDF, Sidecar, embedded, read_sidecar, with_sidecar
from engine.collections.integrity import check, check_and_repair
from engine.collections.sources.importing import import_folder, rescan
from engine.core.errors import NotFound, Stopped, Unreadable
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import read_object, write_bytes

DARKTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/"
   xmlns:darktable="http://darktable.sf.net/" xmp:Rating="3" darktable:history_end="7">
   <dc:subject><rdf:Seq><rdf:li>lake</rdf:li><rdf:li>Ferien &amp; Meer</rdf:li></rdf:Seq></dc:subject>
   <darktable:history><rdf:Seq><rdf:li darktable:operation="exposure"/></rdf:Seq></darktable:history>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
"""
LIGHTROOM = DARKTABLE.replace(' xmp:Rating="3"', "").replace("<dc:sub", "<xmp:Rating>4</xmp:Rating><dc:sub")


def test_tags_and_stars_of_other_programs_are_read() -> None:
    assert read_sidecar(DARKTABLE.encode()) == Sidecar(("Ferien & Meer", "lake"), 3)
    assert read_sidecar(LIGHTROOM.encode()).stars == 4
    assert read_sidecar(DARKTABLE.replace('"3"', '"-1"').encode()).stars == 0  # rejected
    assert read_sidecar(DARKTABLE.replace('"3"', '"many"').encode()).stars == 0


def test_what_others_wrote_stays() -> None:
    for text in (DARKTABLE, LIGHTROOM):
        written = with_sidecar(text.encode(), Sidecar(("lake", "new"), 5))
        assert read_sidecar(written) == Sidecar(("lake", "new"), 5)
        root = ElementTree.fromstring(written)
        assert root.find(".//{http://darktable.sf.net/}history") is not None
        assert b'darktable:operation="exposure"' in written
        assert b'darktable:history_end="7"' in written


def test_names_that_differ_in_capitals_have_sidecar_files_of_their_own(tmp_path: Path) -> None:
    given = {"a.png": 2, "A.png": 5, "b.png": 3, "B.png": 0, "c.png": 4}
    for number, name in enumerate(given):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / name)
    for name, stars in {"a.png.xmp": 2, "A.png.xmp": 5, "b.png.xmp": 3, "C.PNG.XMP": 4}.items():
        (tmp_path / name).write_bytes(with_sidecar(None, Sidecar((), stars)))
    import_folder(Home(tmp_path / ".home"), "Case", tmp_path, Reporter())
    collection = Collection.open(Home(tmp_path / ".home"), "case")
    names, known = {row.id: row.name for row in collection.rows("image")}, marks(collection)
    assert {name: known[id].stars if id in known else 0 for id, name in names.items()} == given


XMP = with_sidecar(None, Sidecar(("lake", "red & blue"), 4))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_tags_and_stars_inside_a_picture_are_read(format: str) -> None:
    out, further = io.BytesIO(), PngInfo()
    further.add_itxt("XML:com.adobe.xmp", XMP.decode())
    how = {"PNG": {"pnginfo": further}, "TIFF": {"tiffinfo": {700: XMP}}}.get(format, {"xmp": XMP})
    Image.new("RGB", (16, 16)).save(out, format, **how)
    assert embedded(out.getvalue()) == Sidecar(("lake", "red & blue"), 4)
    assert embedded(out.getvalue().replace(b"</rdf:RDF>", b"</rdf:ROT>")) == Sidecar()


def test_metadata_inside_a_picture_is_imported_once(tmp_path: Path) -> None:
    for number, xmp in enumerate([XMP, XMP, b""]):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / f"{number}.jpg", xmp=xmp)
    (tmp_path / "1.jpg.xmp").write_bytes(with_sidecar(None, Sidecar(("boat",), 2)))
    report = import_folder(Home(tmp_path / ".home"), "Inside", tmp_path, Reporter())
    assert "Tags and stars of 2 pictures were read from inside the files." in report.notes
    collection = Collection.open(Home(tmp_path / ".home"), "inside")
    ids = {row.name: row.id for row in collection.rows("image")}

    def told() -> dict[str, tuple[tuple[str, ...], int]]:
        known = marks(collection)
        return {name: (known[id].tags, known[id].stars) for name, id in ids.items() if id in known}

    assert told() == {"0.jpg": (("lake", "red & blue"), 4), "1.jpg": (("boat", "lake", "red & blue"), 2)}
    mark_pictures(collection, [ids["0.jpg"]], remove=["lake"], stars=1)
    os.utime(tmp_path / "0.jpg")
    rescan(collection, Reporter(), verify=True)
    assert told()["0.jpg"] == (("red & blue",), 1)


def killed_at(number: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which fails from its call of that number on."""
    calls = count(1)

    def called(*arguments: Any) -> Any:
        if next(calls) >= number:
            raise SystemError
        return function(*arguments)

    return called


def test_several_writings_in_a_row_may_be_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "0.png")
    import_folder(Home(tmp_path / ".home"), "Row", tmp_path, Reporter())
    collection, how = Collection.open(Home(tmp_path / ".home"), "row"), {"home": str(tmp_path / ".home")}
    id, beside = collection.rows("image")[0].id, tmp_path / "0.png.xmp"

    for tag, point, at in [("a", "change_marks", 2), ("b", "write_bytes", 1), ("c", "change_marks", 2)]:
        mark_pictures(collection, [id], add=[tag], remove={"a", "b", "c"} - {tag})
        with monkeypatch.context() as cutting, suppress(SystemError):
            cutting.setattr(sidecars, point, killed_at(at, getattr(sidecars, point)))
            write_sidecars({**how, "collection": "row"}, Reporter())
    assert read_sidecar(beside.read_bytes()).tags == ("c",)
    mark_pictures(collection, [id], add=["d"], remove=["c"])
    rescan(collection, Reporter())
    assert marks(collection)[id].tags == ("d",)


@pytest.mark.parametrize("how", [Stopped, KeyboardInterrupt, SystemError])
@pytest.mark.parametrize("noted", [True, False])
def test_what_was_written_when_the_work_was_cut_off_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: type[BaseException], noted: bool
) -> None:
    for number in range(3):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / f"{number}.png")
    import_folder(Home(tmp_path / ".home"), "Cut", tmp_path, Reporter())
    collection = Collection.open(Home(tmp_path / ".home"), "cut")
    ids = [row.id for row in collection.rows("image")]
    mark_pictures(collection, ids, add=["lake"], stars=2)

    def cut(path: Path, data: bytes) -> None:
        if path.name.startswith("1"):
            if not noted:  # as a kill: nothing is settled
                monkeypatch.setattr(sidecars, "_settled", lambda mark, *_: mark)
            raise how("cut off")
        write_bytes(path, data)

    with monkeypatch.context() as cutting:
        cutting.setattr(sidecars, "write_bytes", cut)
        settled = sidecars._settled
        with pytest.raises(how):
            write_sidecars({"home": str(tmp_path / ".home"), "collection": "cut"}, Reporter())
        monkeypatch.setattr(sidecars, "_settled", settled)
    assert (tmp_path / "0.png.xmp").is_file()
    assert not (tmp_path / "1.png.xmp").exists()
    mark_pictures(collection, ids, add=["boat"], remove=["lake"], stars=4)
    rescan(collection, Reporter())
    assert {(mark.tags, mark.stars) for mark in marks(collection).values()} == {(("boat",), 4)}
    write_sidecars({"home": str(tmp_path / ".home"), "collection": "cut"}, Reporter())
    assert read_sidecar((tmp_path / "0.png.xmp").read_bytes()) == Sidecar(("boat",), 4)
    assert {mark.writing for mark in marks(collection).values()} == {None}


def test_what_another_program_has_just_written_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(tmp_path / f"{number}.png")
    import_folder(Home(tmp_path / ".home"), "Both", tmp_path, Reporter())
    collection = Collection.open(Home(tmp_path / ".home"), "both")
    mark_pictures(collection, [row.id for row in collection.rows("image")], add=["lake"])

    def meanwhile(path: Path, data: bytes) -> None:
        write_bytes(path, data)
        (tmp_path / "1.png.xmp").write_text(DARKTABLE)

    monkeypatch.setattr(sidecars, "write_bytes", meanwhile)
    done = write_sidecars({"home": str(tmp_path / ".home"), "collection": "both"}, Reporter())
    assert (done["written"], [name for name, _ in done["left"]]) == (1, ["1.png"])
    assert (tmp_path / "1.png.xmp").read_text() == DARKTABLE
    rescan(collection, Reporter())
    assert {mark.tags for mark in marks(collection).values()} == {("lake",), ("Ferien & Meer", "lake")}


TAG = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
SIDECARS = st.builds(lambda tags, stars: Sidecar(tuple(sorted(tags)), stars), st.sets(TAG), st.integers(0, 5))


@given(SIDECARS, SIDECARS)
def test_what_is_written_is_read_back_and_may_be_written_again(first: Sidecar, second: Sidecar) -> None:
    once = with_sidecar(None, first)
    assert read_sidecar(once) == first
    assert read_sidecar(with_sidecar(once, second)) == second


def test_the_tags_are_a_bag_of_dublin_core() -> None:
    root = ElementTree.fromstring(with_sidecar(None, Sidecar(("b", "a"), 0)))
    items = root.findall(f".//{{{DC}}}subject/{{{RDF}}}Bag/{{{RDF}}}li")
    assert sorted(item.text or "" for item in items) == ["a", "b"]
    assert b"Rating" not in with_sidecar(None, Sidecar(("a",), 0))


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'
HIDDEN_BOMB = f'<!DOCTYPE x [<!ENTITY a "aaaa">]><rdf:RDF xmlns:rdf="{RDF}">&a;</rdf:RDF>'.encode("utf-16")
DEEP = f'<rdf:RDF xmlns:rdf="{RDF}">{"<a>" * 5000}{"</a>" * 5000}</rdf:RDF>'.encode()


@pytest.mark.parametrize(
    "data", [b"", b"no xml", b"<a><b></a>", b"<html/>", BOMB, HIDDEN_BOMB, DEEP, b" " * (5 << 20)], ids=range(8)
)
def test_what_is_no_xmp_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable, match="The sidecar file"):
        read_sidecar(data)


@pytest.fixture
def collection(home: Home, pile: Path, reporter: Reporter) -> Collection:
    (pile / "blue" / "00.png.xmp").write_text(DARKTABLE, "utf-8")
    (pile / "blue" / "02.XMP").write_text(LIGHTROOM, "utf-8")
    (pile / "red" / "01.png.xmp").write_text("no xml", "utf-8")
    report = import_folder(home, "Pile", pile, reporter)
    assert report.rejects == []
    assert report.notes[0] == "Tags and stars of 2 pictures were read from sidecar files."
    assert report.notes[1].startswith("01.png.xmp: The sidecar file is no XML.")
    return Collection.open(home, "pile")


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


# ── taking it back ───────────────────────────────────────────────────────────────────────────────────────────────────


def beside(collection: Collection, id: int) -> Path:
    path = collection.image(id).path
    return path.with_name(path.name + ".xmp")


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

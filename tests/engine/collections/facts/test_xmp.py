"""XMP: what others wrote is read and kept, inside a picture and beside it, and what is no XMP is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.collections.collection import Collection
from engine.collections.facts.marks import mark_pictures, marks
from engine.collections.facts.xmp import DC, RDF, Sidecar, embedded, read_sidecar, with_sidecar
from engine.collections.sources.importing import import_folder, rescan
from engine.core.errors import Unreadable
from engine.core.home import Home
from engine.core.progress import Reporter
from tests.engine.collections.facts.conftest import DARKTABLE, LIGHTROOM


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

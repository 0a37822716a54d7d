"""One picture on the workbench: looked at, all its facts, and those of collections that were imported before."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from engine.collections.catalogue import Catalogue
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.workbench.workbench import Workbench


def turned_photograph(path: Path) -> None:
    """A picture of 60 × 40 stored pixels that is shown upright as 40 × 60: red above, blue below."""
    upright = np.zeros((600, 400, 3), np.uint8)
    upright[:300], upright[300:] = (220, 20, 20), (20, 20, 220)
    block = Image.Exif()
    block[ExifTags.Base.Orientation], block[ExifTags.Base.Model] = 6, "X100V"
    block.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2023:07:02 09:00:00"
    Image.fromarray(np.rot90(upright)).save(path, "JPEG", exif=block, quality=95)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    folder = tmp_path / "photos" / "2023" / "lake"
    folder.mkdir(parents=True)
    turned_photograph(folder / "turned.jpg")
    Image.new("RGB", (30, 20), (10, 200, 10)).save(tmp_path / "photos" / "plain.png")
    made = Workbench(Home(tmp_path / "home"))
    made.run("import", source="folder", title="Photos", path=str(tmp_path / "photos"))
    return made


def by_name(bench: Workbench, ending: str) -> int:
    images = bench.collection("photos").images()
    return int(images.ids[next(n for n, name in enumerate(images.names) if name.endswith(ending))])


def test_paths_are_found_by_one_look_at_the_catalogue(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    collection, looks = bench.collection("photos"), list[object]()
    ids, read = collection.images().ids.tolist(), Catalogue.reading
    expected = [collection.image(id).path for id in ids]
    monkeypatch.setattr(Catalogue, "reading", lambda self: looks.append(self) or read(self))
    assert collection.paths(ids * 50) == expected * 50
    assert len(looks) == 1
    assert bench.paths("photos", ids) == expected
    with pytest.raises(NotFound):
        bench.paths("photos", [*ids, 999])


def test_a_picture_is_looked_at_upright_and_no_larger_than_asked(bench: Workbench) -> None:
    id = by_name(bench, "turned.jpg")
    whole = Image.open(io.BytesIO(bench.look("photos", id, None)))
    assert (whole.format, whole.size) == ("JPEG", (400, 600))
    small = Image.open(io.BytesIO(bench.look("photos", id, 120)))
    assert small.size == (80, 120)
    assert small.getexif().get(ExifTags.Base.Orientation, 1) == 1
    top, bottom = np.asarray(small)[10, 40].astype(int), np.asarray(small)[110, 40].astype(int)
    assert top[0] > 180 > bottom[0]
    assert bottom[2] > 180 > top[2]
    assert Image.open(io.BytesIO(bench.look("photos", by_name(bench, "plain.png"), 1920))).size == (30, 20)


def test_a_jpeg_that_needs_no_change_is_shown_as_it_is(bench: Workbench, tmp_path: Path) -> None:
    path = tmp_path / "photos" / "upright.jpg"
    Image.linear_gradient("L").resize((90, 60)).convert("RGB").save(path, "JPEG", quality=95)
    bench.run("rescan", collection="photos")
    id = by_name(bench, "upright.jpg")
    assert bench.look("photos", id, None) == bench.look("photos", id, 90) == path.read_bytes()
    assert Image.open(io.BytesIO(bench.look("photos", id, 45))).size == (45, 30)


def test_what_cannot_be_looked_at_is_named(bench: Workbench, tmp_path: Path) -> None:
    with pytest.raises(BadParameter, match="side of the picture"):
        bench.look("photos", 1, 4)
    with pytest.raises(NotFound, match="no picture 99"):
        bench.look("photos", 99)
    id = by_name(bench, "plain.png")
    (tmp_path / "photos" / "plain.png").unlink()
    with pytest.raises(NotFound, match="can no longer be read"):
        bench.look("photos", id)
    assert bench.picture_facts("photos", id).exif_table == ()  # the rest is known without the file


def test_the_facts_of_a_picture(bench: Workbench, tmp_path: Path) -> None:
    id = by_name(bench, "turned.jpg")
    bench.mark("photos", [id], add=["water"], stars=4)
    facts = bench.picture_facts("photos", id)
    assert (facts.name, facts.folder) == ("turned.jpg", "2023/lake")
    assert facts.path == tmp_path / "photos" / "2023" / "lake" / "turned.jpg"
    assert (facts.width, facts.height, facts.exif.taken, facts.exif.camera) == (
        400,
        600,
        "2023-07-02T09:00:00",
        "X100V",
    )
    assert (facts.tags, facts.stars) == (("water",), 4)
    assert ("Model", "X100V") in facts.exif_table
    assert bench.facts_missing("photos") == 0
    assert bench.undo_mark("photos") == 1
    assert bench.picture_facts("photos", id).tags == ()


def test_a_collection_of_before_is_read_by_a_job(bench: Workbench) -> None:
    catalogue = bench.collection("photos").catalogue.path
    with sqlite3.connect(catalogue) as db:
        db.execute("DROP TABLE exif")
    db.close()
    assert bench.facts_missing("photos") == 2
    id = by_name(bench, "turned.jpg")
    assert bench.picture_facts("photos", id).exif.taken == ""
    assert bench.run("facts", collection="photos") == {"collection": "photos", "read": 2}
    assert bench.picture_facts("photos", id).exif.camera == "X100V"
    assert bench.facts_missing("photos") == 0


def test_further_columns_of_a_table_are_facts_and_follow_it(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    (folder / "images").mkdir(parents=True)
    for number in (1163, 1164):
        Image.new("RGB", (8, 8), (number % 256, 0, 0)).save(folder / "images" / f"{number}.jpg")
    table = folder / "styles.csv"
    header = "id,gender,articleType,season,productDisplayName\n"
    table.write_text(header + "1163,Men,Shirts,Summer,Blue shirt\n1164,Women,Shoes,,Red shoe\n", "utf-8")
    bench = Workbench(Home(tmp_path / "home"))
    report = bench.run("import", source="csv", title="Shop", path=str(table))
    assert report["added"] == 2
    facts = bench.picture_facts("shop", 1)
    assert (facts.label, facts.text, facts.columns) == ("Shirts", "Blue shirt", {"gender": "Men", "season": "Summer"})
    assert bench.picture_facts("shop", 2).columns == {"gender": "Women"}
    table.write_text(header + "1163,Boys,Shirts,,Blue shirt\n1164,Women,Shoes,,Red shoe\n", "utf-8")
    bench.run("rescan", collection="shop")
    assert bench.picture_facts("shop", 1).columns == {"gender": "Boys"}
    with sqlite3.connect(bench.collection("shop").catalogue.path) as db:
        db.execute("DROP TABLE columns")
    db.close()
    bench.run("facts", collection="shop")
    assert bench.picture_facts("shop", 1).columns == {"gender": "Boys"}


def test_columns_are_named_where_the_guess_is_wrong(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    table = tmp_path / "t.csv"
    table.write_text("image,label,kind,note,pic\nx,1,cat,first,a.png\n", "utf-8")
    bench = Workbench(Home(tmp_path / "home"))
    columns = {"image": "pic", "label": "Kind", "text": "note"}
    bench.run("import", source="csv", title="T", path=str(table), columns=columns)
    facts = bench.picture_facts("t", 1)
    assert (facts.name, facts.label, facts.text, facts.columns) == (
        "a.png",
        "cat",
        "first",
        {"image": "x", "label": "1"},
    )
    assert bench.run("rescan", collection="t")["unchanged"] == 1
    with pytest.raises(BadParameter, match=r"label column of the table t\.csv must be one of image, label"):
        bench.run("import", source="csv", title="U", path=str(table), columns={"label": "colour"})

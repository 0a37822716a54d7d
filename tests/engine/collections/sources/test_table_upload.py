"""A table uploaded with its pictures: labels come from the table, and what does not match is named."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.sources.table_upload import import_table_upload
from engine.core.errors import UnreadableArchive, UnreadableTable
from engine.core.home import Home
from engine.core.progress import Reporter


def png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (12, 12), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    path = tmp_path / "000001"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("shop/red.png", png("red"))
        packed.writestr("shop/blue.png", png("blue"))
        packed.writestr("shop/extra.png", png("lime"))
    return path


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_labels_and_texts_come_from_the_table(tmp_path: Path, pictures: Path) -> None:
    single = tmp_path / "000002"
    single.write_bytes(png("gold"))
    lines = "image,label,text\nshop/red.png,shoe,a red shoe\nblue.png,shirt,\ngold.png,ring,of gold\nlost.png,hat,\n"
    files = [("pictures.zip", pictures), ("gold.png", single)]
    report = import_table_upload(Home(tmp_path), "Shop", table(tmp_path, lines), files, Reporter())
    images = Collection.open(Home(tmp_path), "shop").images()
    found = dict(zip(images.names, zip(images.labels, images.texts, strict=True), strict=True))
    assert found == {
        "shop/red.png": ("shoe", "a red shoe"),
        "shop/blue.png": ("shirt", ""),
        "gold.png": ("ring", "of gold"),
    }
    assert {(reject.path, reject.code) for reject in report.rejects} == {
        ("shop/extra.png", "not-listed"),
        ("lost.png", "missing"),
    }
    assert report.inputs == 5


def test_a_table_without_an_image_column_leaves_nothing_behind(tmp_path: Path, pictures: Path) -> None:
    with pytest.raises(UnreadableTable, match="no column named image"):
        import_table_upload(Home(tmp_path), "Shop", table(tmp_path, "a,b\n1,2\n"), [("p.zip", pictures)], Reporter())
    assert not list((tmp_path / "datasets").glob("*")) if (tmp_path / "datasets").exists() else True


def test_an_archive_that_is_none_leaves_nothing_behind(tmp_path: Path) -> None:
    false = tmp_path / "000001"
    false.write_bytes(b"no archive")
    with pytest.raises(UnreadableArchive):
        import_table_upload(
            Home(tmp_path), "Shop", table(tmp_path, "image,label\na.png,b\n"), [("p.zip", false)], Reporter()
        )
    assert not (tmp_path / "datasets" / "shop").exists()

"""Uploads as a job imports them: archives under their names, a table with its pictures."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from engine.core.errors import UnreadableArchive
from engine.core.home import Home
from engine.workbench.workbench import Workbench


def png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (12, 12), colour).save(out, "PNG")
    return out.getvalue()


def packed() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/red.png", png("red"))
        archive.writestr("a/blue.png", png("blue"))
    return out.getvalue()


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(Home(tmp_path))


@pytest.mark.parametrize("name", ["holiday.zip", "../../up.zip", ".zip", "000000.zip", "a\nb.zip", "n" * 300 + ".zip"])
def test_an_archive_of_any_name(bench: Workbench, name: str) -> None:
    spool = bench.spool([(name, packed())])
    report = bench.run("import", source="upload", title="Some", spool=str(spool))
    assert report["added"] == 2
    assert not spool.exists()
    assert {path.name for path in bench.home.root.iterdir()} == {"datasets", "jobs"}


def test_a_false_archive_is_called_by_its_name(bench: Workbench) -> None:
    spool = bench.spool([("holiday.zip", b"no archive")])
    with pytest.raises(UnreadableArchive, match=r"holiday\.zip"):
        bench.run("import", source="upload", title="Some", spool=str(spool))


def test_a_table_with_its_pictures(bench: Workbench) -> None:
    spool = bench.spool([("list.csv", b"image,label\nred.png,warm\nblue.png,cold\n"), ("p.zip", packed())])
    report = bench.run("import", source="upload", title="Colours", spool=str(spool))
    assert report["added"] == 2
    assert bench.collection("colours").labels() == {"cold": 1, "warm": 1}

"""Sidecar files as other programs write them, and a collection with some beside its pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_folder
from engine.core.home import Home
from engine.core.progress import Reporter

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


def beside(collection: Collection, id: int) -> Path:
    path = collection.image(id).path
    return path.with_name(path.name + ".xmp")

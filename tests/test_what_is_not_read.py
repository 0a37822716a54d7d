"""The guide's table of what is not read: each of its sentences is what a person gets to read."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.collections.reading import worker, workers
from engine.collections.reading.regular_files import MAX_BYTES, look, read_bytes
from engine.collections.reading.safely import open_picture
from engine.collections.sources.archives import Limits, _Meter, checked_archive, members
from engine.collections.sources.items import Item
from engine.collections.sources.table_inside import labelled, pointed_out
from engine.collections.sources.table_rows import joined, rows
from engine.collections.sources.tables import opened, table_of
from engine.comparisons.hashing.files import read_vectors
from engine.core.errors import BenzerError
from engine.core.progress import Reporter
from engine.encoders.imported_vectors import import_vectors
from engine.encoders.vectors.files import Part

GUIDE = Path(__file__).resolve().parent.parent / "docs" / "guide.md"


def sentences() -> list[str]:
    """Those of the table, in its order."""
    text = GUIDE.read_text(encoding="utf-8").split("## What is not read")[1].split("\n## ")[0]
    told = [line.strip("| ").split(" | ")[1] for line in text.splitlines() if line.startswith("| ")][1:]
    return [sentence for cell in told for sentence in re.findall(r"\*([^*]+)\*", cell)]


def error_of(call: Callable[[], Any]) -> str:
    with pytest.raises(BenzerError) as caught:
        call()
    return caught.value.message


def shown(data: bytes) -> str:
    return error_of(lambda: open_picture(data))


def failure(items: Iterable[Item]) -> str:
    return next(item.failure.message for item in items if item.failure)


def png(width: int, height: int) -> bytes:
    """The header alone."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + head + struct.pack(">I", zlib.crc32(head)) + b"\0\0\0\0IDAT" + bytes(4)


def damaged_png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "PNG")
    return re.sub(b"(?s)IDAT.{20}", b"IDAT" + b"?" * 20, out.getvalue())


def jpeg_of_12_bits() -> bytes:
    return b"\xff\xd8\xff\xc1" + struct.pack(">HBHHB3x", 11, 12, 8, 8, 1) + bytes(20)


def tiff(values: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, values, **options)
    return out.getvalue()


def large_tiff() -> bytes:
    """The header of 8,000 × 8,000 pixels of three float64."""
    data = bytearray(tiff(np.zeros((4, 5, 3)), photometric="rgb"))
    for tag in (256, 257):
        entry = re.search(re.escape(struct.pack("<H", tag)) + b"[\3\4]\0\1\0\0\0", data)
        assert entry is not None
        data[entry.end() : entry.end() + 4] = struct.pack("<I", 8000)
    return bytes(data)


def cut_bmp() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "BMP")
    return out.getvalue()[:-1000]


def listed(place: Path, text: str) -> str:
    for name in ("1/a.png", "2/a.png", "b.jpg"):
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(b"")
    (place / "t.csv").write_text(text)
    return failure(rows(place / "t.csv").items)


def archive(place: Path, name: str, data: bytes) -> str:
    (place / name).write_bytes(data)
    return error_of(lambda: checked_archive(place / name, Limits()))


def zipped(**facts: int) -> bytes:
    """A ZIP of one file, with another value at a place of its entry."""
    out, info = io.BytesIO(), zipfile.ZipInfo("a.png")
    info.external_attr = facts.pop("external_attr", 0)
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(info, b"a picture")
    data = bytearray(out.getvalue())
    entry = data.index(b"PK\1\2")
    for name, value in facts.items():
        place = {"flags": (6, 8), "method": (8, 10)}[name]
        data[place[0]] = data[entry + place[1]] = value
    return bytes(data)


def unpacked(place: Path, data: bytes) -> str:
    (place / "a.zip").write_bytes(data)
    return failure(members(place / "a.zip", place, Limits()))


def two_tables(place: Path) -> str:
    for number in (1, 2):
        (place / str(number)).write_text("image,label\na.png,x\n")
    items = [Item(b"%d.csv" % number, location=str(place / str(number))) for number in (1, 2)]
    return failure(labelled(items, Reporter()).items)


def linked(place: Path) -> str:
    (place / "inside").mkdir()
    (place / "a.png").write_bytes(b"")
    (place / "inside" / "a.png").symlink_to(place / "a.png")
    return error_of(lambda: look(place / "inside" / "a.png", place / "inside"))


def lies(place: Path, make: Callable[[Path], Any]) -> str:
    """What is said of that which `make` puts under the name of a picture."""
    make(place / "a.png")
    return error_of(lambda: read_bytes(place / "a.png"))


def looped(path: Path) -> Path:
    path.symlink_to(path)
    return path


def too_slow() -> str:
    silent: Any = SimpleNamespace(_connection=SimpleNamespace(send=lambda _: None, poll=lambda _: False))
    failure = workers.WorkerProcess.call(silent, len, [], (), workers.SECONDS)
    return str(failure.message)


def metered(act: Callable[[_Meter], Any], packed: int = 1 << 40, **held: int) -> str:
    """What is said where an archive from which so much was unpacked gives more."""
    meter = _Meter("a.zip", packed, Limits())
    vars(meter).update(held)
    return error_of(lambda: act(meter))


def sparse(path: Path, size: int) -> Path:
    with open(path, "wb") as file:
        file.truncate(size)
    return path


def vectors(name: str, content: Any) -> Callable[[Path], str]:
    """What is said of a file of custom embeddings; `content` is what it holds, an array, or the columns of a table."""

    def said(place: Path) -> str:
        file = io.BytesIO(content if isinstance(content, bytes) else b"")
        if isinstance(content, np.ndarray):
            np.save(file, content)
        elif isinstance(content, dict):
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.table(content), file)
        file.seek(0)
        collection: Any = None  # it is refused before it is looked at
        return error_of(lambda: import_vectors(collection, [Part(name, file)], "v", Reporter()))

    return said


SAID: dict[str, Callable[[Path], str]] = {
    "JPEG 2000": lambda _: shown(b"\0\0\0\x0cjP  \r\n\x87\n"),
    "page of the web": lambda _: shown(b"<!DOCTYPE html>"),
    "Git LFS": lambda _: shown(b"version https://git-lfs.github.com/spec/v1\n"),
    "nothing but zeros": lambda _: shown(bytes(99)),
    "in a format that is read": lambda _: shown(b"?" + png(4, 4)),
    "JPEG of 12 bits": lambda _: shown(jpeg_of_12_bits()),
    "complex float64": lambda _: shown(tiff(np.ones((4, 5), np.complex64))),
    "768 MB": lambda _: shown(large_tiff()),
    "megapixels": lambda _: shown(png(10_000, 8_950)),
    "A side": lambda _: shown(png(70_000, 4)),
    "The file is larger": lambda place: error_of(lambda: read_bytes(sparse(place / "a.png", MAX_BYTES + 1))),
    "ends before": lambda _: shown(cut_bmp()),
    "damaged or uses": lambda _: shown(damaged_png()),
    "begins as a": lambda _: shown(png(0, 4)),
    "more memory": lambda _: worker._OUT_OF_MEMORY.message,
    "took longer": lambda _: too_slow(),
    "decoder crash": lambda _: workers._CRASHED.message,
    "is empty": lambda place: lies(place, Path.touch),
    "This is a folder": lambda place: lies(place, Path.mkdir),
    "a pipe": lambda place: lies(place, os.mkfifo),
    "cannot be followed": lambda place: error_of(lambda: look(looped(place / "a.png"), place)),
    "a workbook": lambda _: error_of(lambda: table_of("t.xlsx", b"PK\3\4")),
    "instead of the columns": lambda _: error_of(lambda: table_of("t.csv", b"a.png,x\nb.png,y\n")),
    "no column named image": lambda _: error_of(lambda: table_of("t.csv", b"image label\na.png x\n")),
    "under 3 headings": lambda place: listed(place, "image,text,label\na.png,b,c,d\n"),
    "do not match": lambda place: listed(place, 'image,text\n\nb.jpg,"x\n'),
    "names no picture": lambda place: listed(place, "image,label\n,x\n"),
    "outside the folder of": lambda place: listed(place, "image\n../b.jpg\n"),
    "No line of": lambda _: failure(joined(table_of("t.csv", b"image\n"), [Item(b"a.png")]).items),
    "The table  is larger": lambda place: error_of(lambda: opened(sparse(place / "t.csv", (256 << 20) + 1))),
    "5,000,001": lambda _: error_of(lambda: table_of("t.csv", b"\n" * 5_000_001)),
    "The first line of the table  is longer": lambda _: error_of(lambda: table_of("t.csv", b"x" * 10**6)),
    "It is longer": lambda place: listed(place, "image,text\nb.jpg," + "x" * 1_000_001),
    "an address": lambda place: listed(place, "image\ns3://bucket/b.jpg\n"),
    "not there": lambda place: listed(place, "image\nb.jpeg\n"),
    "Several files": lambda place: listed(place, "image\na.png\n"),
    "7z archive": lambda place: archive(place, "a.zip", b"7z\xbc\xaf\x27\x1c"),
    "damaged at its end": lambda place: archive(place, "a.zip", zipped()[:-9]),
    "or tar archive, or": lambda place: archive(place, "a.tar", b"?"),
    "it holds": lambda _: metered(_Meter.member, members=500_000),
    "it unpacks": lambda _: metered(lambda meter: meter.add(1), bytes=64 * 10**9),
    "it swells": lambda _: metered(lambda meter: meter.add(1), packed=1, bytes=1 << 30),
    "password": lambda place: unpacked(place, zipped(flags=1)),
    "links in archives": lambda place: unpacked(place, zipped(external_attr=0o120777 << 16)),
    "unknown way": lambda place: unpacked(place, zipped(method=9)),
    "not unpacked here": lambda _: failure([pointed_out(Item(b"a.zip"))]),
    "is a table": two_tables,
    "This is JSON": lambda _: failure([pointed_out(Item(b"metadata.jsonl"))]),
    "link to a file": linked,
    "must be one of": vectors("v.npz", b""),
    "The columns of": vectors("v.parquet", {"path": ["a.png"], "embedding": [b"1234"]}),
    "The array of": vectors("v.npy", np.zeros((4, 1, 3))),
    "a column of file names": vectors("v.csv", b"a.png,0.5\n"),
    "holes": lambda place: error_of(lambda: read_vectors(sparse(place / "v.npy", 7 << 40))),
}


@pytest.mark.parametrize("sentence", sentences())
def test_each_sentence_of_the_guide_is_said(sentence: str, tmp_path: Path) -> None:
    [said] = [said for words, said in SAID.items() if words in sentence.replace("…", "")]
    pattern = ".*".join(map(re.escape, sentence.split("…")))
    assert re.fullmatch(pattern + (".*" if sentence.endswith("…") else ""), said(tmp_path))


def test_no_sentence_is_said_that_the_guide_lacks() -> None:
    told = [sentence.replace("…", "") for sentence in sentences()]
    assert all(any(words in sentence for sentence in told) for words in SAID)

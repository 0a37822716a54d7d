"""The guide's table of what is not read: each of its sentences is what a person gets to read."""

from __future__ import annotations

import ast
import errno
import io
import os
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tifffile
from PIL import Image

from engine.collections.reading import regular_files, worker, workers
from engine.collections.reading.regular_files import MAX_BYTES, entries, look, read_bytes
from engine.collections.reading.safely import _check_size, open_picture
from engine.collections.reading.worker_tasks import FileRef, decode
from engine.collections.sources import staged
from engine.collections.sources.archives import Archive, Limits, _Meter
from engine.collections.sources.items import Item
from engine.collections.sources.spool import waiting
from engine.collections.sources.table_inside import labelled, pointed_out
from engine.collections.sources.table_rows import joined, rows
from engine.collections.sources.tables import checked_table, opened, table_of
from engine.comparisons.hashing.files import read_vectors
from engine.core.errors import BenzerError
from engine.core.progress import Reporter
from engine.encoders.imported_vectors import import_vectors
from engine.encoders.vectors.files import Part
from engine.interchange.files import Files

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guide.md"
READERS = [*ROOT.glob("engine/collections/reading/*.py"), *ROOT.glob("engine/collections/sources/*.py")]
READERS += [ROOT / "engine" / "interchange" / "files.py"]
SAYING = {"UnreadableImage", "UnreadableTable", "UnreadableArchive", "Failure", "_failed", "_rest"}
OF_DOWNLOADS = "layouts.py"  # of public data sets, whose files were verified


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
    return error_of(lambda: Archive(place / name, Limits()))


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
    with Archive(place / "a.zip", Limits()) as opened:
        return failure(opened.members(place))


def tarred(place: Path, name: str = "a.png", keep: int = 1 << 20, twice: bool = False) -> str:
    """What is said of a tar of one file with that name, of which so many bytes are kept, or which follows itself."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        info = tarfile.TarInfo(name)
        info.size = 600
        packed.addfile(info, io.BytesIO(bytes(600)))
    (place / "a.tar").write_bytes(out.getvalue()[:keep] * (2 if twice else 1))
    with Archive(place / "a.tar", Limits()) as opened:
        return failure(opened.members(place))


def useless_table(place: Path) -> str:
    (place / "t").write_text("image,label\nb.png,x\n")
    return failure(labelled([Item(b"t.csv", location=str(place / "t")), Item(b"a.png")], Reporter()).items)


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


def behind_a_link(place: Path) -> str:
    (place / "inside").mkdir()
    (place / "a.png").write_bytes(b"")
    (place / "inside" / "more").symlink_to(place)
    return error_of(lambda: read_bytes(place / "inside" / "more" / "a.png", place / "inside"))


def listed_by_a_link(place: Path) -> None:
    (place / "inside").symlink_to("/")
    with entries(place / "inside", place):
        pass


def replaced(place: Path) -> str:
    """What is said, on a system without /proc, of an open file whose name another one has."""
    for name in "ab":
        (place / name).touch()
    with open(place / "a", "rb") as file, mock.patch.object(os, "readlink", side_effect=OSError):
        return error_of(lambda: regular_files.place_of(file.fileno(), place / "b"))


def linked_since(place: Path) -> str:
    (place / "t.csv").symlink_to(place / "other.csv")
    (place / "other.csv").touch()
    return error_of(lambda: checked_table(place / "t.csv", unlinked=True))


def system(error: OSError) -> str:
    return regular_files._unlookable(error).message


def lies(place: Path, make: Callable[[Path], Any]) -> str:
    """What is said of that which `make` puts under the name of a picture."""
    make(place / "a.png")
    return error_of(lambda: read_bytes(place / "a.png"))


def looped(path: Path) -> Path:
    path.symlink_to(path)
    return path


def piped(path: Path) -> Path:
    os.mkfifo(path)
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
    "no pixels": lambda _: error_of(lambda: _check_size(0, 4, "TIFF")),
    "more memory": lambda _: worker._OUT_OF_MEMORY.message,
    "took longer": lambda _: too_slow(),
    "decoder crash": lambda _: workers._CRASHED.message,
    "picture failed": lambda _: worker._answer(lambda: 1 // 0, (), 9).message,
    "read: permission": lambda _: system(PermissionError(errno.EACCES, "")),
    "Input/output": lambda _: system(OSError(errno.EIO, "")),
    "The file is not there.": lambda place: error_of(lambda: read_bytes(place / "a.png")),
    "The folder may not": lambda place: error_of(lambda: entries(place / "gone", place).__enter__()),
    "changed since": lambda place: decode([FileRef(str(sparse(place / "a.png", 9)), "", "0" * 64)], 8)[0].message,
    "replaced by another": replaced,
    "A link has been put": linked_since,
    "The table  cannot": lambda place: error_of(lambda: opened(piped(place / "t.csv"))),
    "The archive  cannot": lambda place: error_of(lambda: Archive(piped(place / "a.zip"), Limits())),
    "no longer there": lambda place: error_of(lambda: waiting(place / "gone")),
    "is empty": lambda place: lies(place, Path.touch),
    "This is a folder": lambda place: lies(place, Path.mkdir),
    "a pipe": lambda place: lies(place, os.mkfifo),
    "cannot be followed": lambda place: error_of(lambda: look(looped(place / "a.png"), place)),
    "another file": lambda place: error_of(lambda: read_bytes(looped(place / "a.png"))),
    "link to a folder": lambda place: error_of(lambda: listed_by_a_link(place)),
    "behind a link": behind_a_link,
    "The file  is not a table": lambda _: error_of(lambda: table_of("t.csv", b"image,label\n\0\0\0\0\0\0,x\n")),
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
    "The file is not there. (line 2)": lambda place: listed(place, "image\nb.jpeg\n"),
    "Several files": lambda place: listed(place, "image\na.png\n"),
    "Several lines": lambda place: listed(place, "image\ncats/b.jpg\ndogs/b.jpg\n"),
    "not sent along": lambda _: failure(joined(table_of("t.csv", b"image\nb.png\n"), [Item(b"a.png")]).items),
    "The data set lists": lambda place: failure([Files([], place).item("a.png")]),
    "out of the data set": lambda place: failure([Files([], place).item("../a.png")]),
    "7z archive": lambda place: archive(place, "a.zip", b"7z\xbc\xaf\x27\x1c"),
    "damaged at its end": lambda place: archive(place, "a.zip", zipped()[:-9]),
    "or tar archive, or": lambda place: archive(place, "a.tar", b"?"),
    "it holds": lambda _: metered(_Meter.member, members=500_000),
    "it unpacks": lambda _: metered(lambda meter: meter.add(1), bytes=64 * 10**9),
    "it swells": lambda _: metered(lambda meter: meter.add(1), packed=1, bytes=1 << 30),
    "password": lambda place: unpacked(place, zipped(flags=1)),
    "links in archives": lambda place: unpacked(place, zipped(external_attr=0o120777 << 16)),
    "name leads out": lambda place: tarred(place, "../a.png"),
    "files waited in it": lambda place: error_of(lambda: staged.write(place / "gone" / "1", b"")),
    "More follows": lambda place: tarred(place, twice=True),
    "Files before this one": lambda place: unpacked(place, zipped() + zipped()),
    "no end mark": lambda place: tarred(place, keep=1536),
    "after this file; what follows": lambda place: tarred(place, keep=900),
    "unknown way": lambda place: unpacked(place, zipped(method=9)),
    "not unpacked here": lambda _: failure([pointed_out(Item(b"a.zip"))]),
    "is a table (": two_tables,
    "none of its lines": useless_table,
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
    several = [said for words, said in SAID.items() if words in sentence.replace("…", "")]
    [said] = [SAID[sentence]] if sentence in SAID else several
    pattern = ".*".join(map(re.escape, sentence.split("…")))
    assert re.fullmatch(pattern + (".*" if sentence.endswith("…") else ""), said(tmp_path))


def test_no_sentence_is_said_that_the_guide_lacks() -> None:
    told = [sentence.replace("…", "") for sentence in sentences()]
    assert all(any(words in sentence for sentence in told) for words in SAID)


def sentences_in(module: ast.Module) -> set[str]:
    """The longest fixed part of each sentence with which code says why something is not read."""
    named = {
        target.id: node.value
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    said = [each for call in calls if getattr(call.func, "id", "") in SAYING for each in call.args]
    written = [named.get(each.id, each) if isinstance(each, ast.Name) else each for each in said]
    texts = [[part.value for part in ast.walk(each) if isinstance(part, ast.Constant)] for each in written]
    longest = {max((str(part) for part in parts), key=len).strip() for parts in texts if parts}
    return {part for part in longest if " " in part}


@pytest.mark.parametrize("file", READERS, ids=lambda file: file.name)
def test_the_guide_lists_every_sentence_of_the_code(file: Path) -> None:
    told = " ".join(sentences())
    missing = {part for part in sentences_in(ast.parse(file.read_text(encoding="utf-8"))) if part not in told}
    assert not missing or file.name == OF_DOWNLOADS

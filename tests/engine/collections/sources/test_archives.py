"""Archives, kind and hostile: nothing outside the collection, limits while streaming, nothing left behind."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.collections.collection import Collection
from engine.collections.listing import collections
from engine.collections.sources import archives
from engine.collections.sources.archives import Archive, Limits
from engine.collections.sources.importing import import_archive
from engine.core.errors import Unreadable, UnreadableArchive

SMALL = Limits(members=50, bytes=1 << 20, member_bytes=200_000, ratio=20, ratio_from=100_000)


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return path


def tarred(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def entry(name: str, **facts: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for fact, value in facts.items():
        setattr(info, fact, value)
    return info


def around(home) -> set[str]:
    """Every file below the parent of the home, the collections' own folders left out."""
    parent = home.root.parent
    return {str(p.relative_to(parent)) for p in parent.rglob("*") if not p.is_relative_to(home.datasets)}


def test_bytes_cut_out_of_a_zip_cost_the_files_they_belong_to(tmp_path, encoded):
    path, random = tmp_path / "a.zip", np.random.default_rng(0)
    data = zipped(path, {f"red/{n}.png": encoded(n) for n in range(4)}, zipfile.ZIP_STORED).read_bytes()
    kept = 0
    for number in range(80):
        start, end = sorted(random.integers(0, len(data), 2))
        path.write_bytes(data[:start] + data[end:])
        (staging := tmp_path / str(number)).mkdir()
        try:
            with Archive(path, SMALL) as archive:
                found = list(archive.members(staging))
        except UnreadableArchive:
            continue
        kept += 1
        assert all(item.failure or Path(item.location).is_file() for item in found)
        assert {item.failure.code for item in found if item.failure} <= {"malformed"}
    assert kept > 10


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar(home, tmp_path, encoded, reporter, mode):
    members = [(entry(f"{'red' if n % 2 else 'blue'}/{n}.png"), encoded(n)) for n in range(6)]
    path = tarred(tmp_path / "a.tar", [*members, (entry("red/copy.png"), encoded(1))], mode)
    report = import_archive(home, "A", path, reporter)
    assert (report.added, report.copies, report.inputs) == (6, 1, 7)
    collection = Collection.open(home, "a")
    assert collection.labels() == {"blue": 3, "red": 3}
    assert [collection.picture(int(id)) for id in collection.images().ids] == [encoded(n) for n in range(6)]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip(home, tmp_path, encoded, reporter, method):
    members = {f"top/{'red' if n % 2 else 'blue'}/{n}.png": encoded(n) for n in range(6)}
    members |= {"top/": b"", "__MACOSX/top/._1.png": b"junk", "top/broken.jpg": b"\xff\xd8\xff", "top/notes.txt": b"x"}
    report = import_archive(home, "A", zipped(tmp_path / "a.zip", members, method), reporter)
    assert (report.added, report.copies, len(report.rejects)) == (6, 0, 2)
    assert Collection.open(home, "a").labels() == {"blue": 3, "red": 3}


NAMES = [
    "../out.png",
    "/tmp/benzer-out.png",
    "..\\out.png",
    "C:\\out.png",
    "a/../../out.png",
    "\u202egnp.x.png",
    "a" * 500,
]
NAMES += ["//x//./y.png", "con.png", "nul\x01.png", "é/ü.png", "catalogue.sqlite", "=x.png", "<i>.png"]


def test_names_of_a_zip_are_never_paths(home, tmp_path, encoded, reporter):
    before = around(home)
    offered = {name: encoded(n) for n, name in enumerate([*NAMES, ".incoming/0"])}
    path = zipped(tmp_path / "a.zip", offered)
    report = import_archive(home, "A", path, reporter)
    assert (report.added, report.rejects) == (len(NAMES), [])
    assert report.notes == ["Left out: 1 hidden or system file or folder (.incoming)."]
    assert around(home) - before == {"a.zip"} | ({"home"} - before)
    collection = Collection.open(home, "a")
    assert set(collection.images().names) == set(NAMES)
    stored = sorted(p.name for p in (collection.folder / "images").rglob("*") if p.is_file())
    assert stored == sorted(f"{hash}.png" for hash in collection.images().hashes)
    assert not Path("/tmp/benzer-out.png").exists()


def test_a_compressed_tar_is_unpacked_twice_for_names_and_members(
    home, tmp_path, encoded, reporter, monkeypatch: pytest.MonkeyPatch
):
    opened: list[Any] = []
    unpacked = archives._decompressed
    path = tarred(tmp_path / "a.tar.gz", [(entry("red/1.png"), encoded(1)), (entry("blue/2.png"), encoded(2))], "w:gz")
    monkeypatch.setattr(archives, "_decompressed", lambda file: opened.append(file) or unpacked(file))
    with Archive(path, SMALL):
        checks = len(opened)
    assert import_archive(home, "A", path, reporter).added == 2
    assert len(opened) - checks == checks + 2
    assert Collection.open(home, "a").images().labels == ["red", "blue"]


def test_members_of_a_tar_that_lead_out(home, tmp_path, encoded, reporter):
    hostile = [
        entry("../out.png"),
        entry("/abs.png"),
        entry("link.png", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        entry("up.png", type=tarfile.SYMTYPE, linkname="../../x"),
        entry("hard.png", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        entry("inside.png", type=tarfile.SYMTYPE, linkname="good.png"),
        entry("fifo.png", type=tarfile.FIFOTYPE),
        entry("null.png", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        entry("disk.png", type=tarfile.BLKTYPE, devmajor=8, devminor=0),
    ]
    members = [(info, encoded(n) if info.isreg() else b"") for n, info in enumerate(hostile)]
    before = around(home)
    path = tarred(tmp_path / "a.tar", [*members, (entry("good.png"), encoded(50))])
    report = import_archive(home, "A", path, reporter)
    # The library's rules only strip a leading slash; the name is never a path here in any case.
    assert {reject.path for reject in report.rejects} == {info.name for info in hostile} - {"/abs.png"}
    assert report.inputs == len(hostile) + 1
    assert {reject.stage for reject in report.rejects} == {"archive"}
    assert around(home) - before == {"a.tar"} | ({"home"} - before)


def bombs(folder: Path, good: bytes) -> dict[str, Path]:
    found = {
        "one large": zipped(folder / "1.zip", {"good.png": good, "a.bmp": bytes(50 << 20)}),
        "many small": zipped(folder / "2.zip", {f"{n}.png": b"x" for n in range(60)}),
        "all together": zipped(folder / "3.zip", {f"{n}.bmp": bytes(150_000) for n in range(40)}),
        "too many bytes": zipped(folder / "4.zip", {f"{n}.bmp": good * 100 for n in range(49)}, zipfile.ZIP_STORED),
        "large in a tar": tarred(folder / "5.tar", [(entry("a.bmp"), bytes(8 << 20))], "w:gz"),
        "skipped in a tar": tarred(folder / "6.tar", [(entry("../a.bmp"), bytes(8 << 20))], "w:gz"),
        "xz": tarred(folder / "7.tar", [(entry("a.bmp"), bytes(8 << 20))], "w:xz"),
        "many in a tar": tarred(folder / "8.tar", [(entry(f"{n}.png"), b"x") for n in range(60)], "w"),
    }
    header = entry("x", type=tarfile.XHDTYPE, size=8 << 20).tobuf(tarfile.USTAR_FORMAT)
    found["a header of 8 MB"] = folder / "9.tar.gz"
    found["a header of 8 MB"].write_bytes(gzip.compress(header + bytes(8 << 20)))
    return found


def test_bombs(home, tmp_path, encoded, reporter):
    for name, path in bombs(tmp_path, encoded(1, "BMP")).items():
        with pytest.raises(UnreadableArchive, match="is not unpacked: it"):
            import_archive(home, "A", path, reporter, SMALL)
        assert collections(home) == [], name
        assert not [p for p in home.datasets.rglob("*") if p.is_file()], name


def test_the_limits_are_the_reason(home, tmp_path, encoded, reporter):
    path = zipped(tmp_path / "a.zip", {f"{n}.png": encoded(n) for n in range(8)})
    with pytest.raises(UnreadableArchive, match="more than 4 files"):
        import_archive(home, "A", path, reporter, Limits(members=4))
    assert import_archive(home, "A", path, reporter, Limits(members=8)).inputs == 8


def test_a_member_that_is_too_large_is_named(home, tmp_path, encoded, reporter):
    path = zipped(tmp_path / "a.zip", {"a.bmp": encoded(1, "BMP", (500, 500)), "b.png": encoded(2)})
    report = import_archive(home, "A", path, reporter, Limits(member_bytes=100_000))
    assert [(reject.path, reject.code) for reject in report.rejects] == [("a.bmp", "too-large")]


def test_a_zip_that_lies_about_sizes(home, tmp_path, encoded, reporter):
    path = zipped(tmp_path / "a.zip", {"a.bmp": bytes(1 << 20), "b.png": encoded(1)})
    data = bytearray(path.read_bytes())
    for signature, offset in [(b"PK\x01\x02", 24), (b"PK\x03\x04", 22)]:
        place = data.index(signature) + offset
        data[place : place + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    report = import_archive(home, "A", path, reporter, SMALL)
    assert (report.added, len(report.rejects)) == (1, 1)


def test_locked_linked_and_damaged_members(home, tmp_path, encoded, reporter):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        for n, name in enumerate(["locked.png", "damaged.png", "good.png"]):
            archive.writestr(name, encoded(n))
        places = {info.filename: info.header_offset for info in archive.infolist()}
    data = bytearray(path.read_bytes())
    data[data.index(b"locked.png", data.index(b"PK\x01\x02")) - 46 + 8] |= 1
    data[places["damaged.png"] + 60] ^= 0xFF
    path.write_bytes(data)
    report = import_archive(home, "A", path, reporter)
    assert {reject.path: reject.code for reject in report.rejects} == {
        "link.png": "link",
        "locked.png": "encrypted",
        "damaged.png": "malformed",
    }
    assert report.added == 1


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_that_is_cut_off(home, tmp_path, encoded, reporter, mode):
    path = tarred(tmp_path / "a.tar", [(entry(f"{n}.png"), encoded(n, size=(200, 200))) for n in range(10)], mode)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    report = import_archive(home, "A", path, reporter)
    assert 3 <= report.added <= 6
    assert report.rejects[-1].stage == "archive"
    assert report.inputs == report.added + len(report.rejects)


def test_mutated_archives(home, tmp_path, encoded, reporter):
    """Flipped, cut and spliced archives: an Unreadable sentence or an honest report, and nothing outside."""
    import numpy as np

    members = {f"{n}.png": encoded(n, size=(12, 9)) for n in range(4)}
    originals = [zipped(tmp_path / "a.zip", members).read_bytes()]
    for number, mode in enumerate(["w", "w:gz"]):
        path = tarred(tmp_path / f"{number}.tar", [(entry(name), data) for name, data in members.items()], mode)
        originals.append(path.read_bytes())
    random = np.random.default_rng(5)
    before = around(home) | {"home", "m"}
    outcomes = set()
    for number in range(16):
        data = bytearray(originals[number % 3])
        for place in random.integers(0, len(data), 1 + number // 3):
            data[place] ^= 1 << random.integers(8)
        (tmp_path / "m").write_bytes(data[: random.integers(len(data) // 2, len(data))] if number % 4 == 3 else data)
        try:
            report = import_archive(home, f"M{number}", tmp_path / "m", reporter)
            assert report.inputs == report.added + report.copies + len(report.rejects)
            outcomes.add("report")
        except Unreadable:
            outcomes.add("refused")
    assert outcomes == {"report", "refused"}
    assert around(home) <= before
    assert not list(home.datasets.rglob(".incoming"))


def test_an_archive_inside_is_named(home, tmp_path, encoded, reporter) -> None:
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    for path, files in ((inner, {"b.png": encoded(2)}), (outer, {"a.png": encoded(1)})):
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
            if path == outer:
                archive.write(inner, "more/inner.zip")
    report = import_archive(home, "Outer", outer, reporter)
    assert report.added == 1
    assert [(reject.path, reject.message) for reject in report.rejects] == [
        ("more/inner.zip", "This is an archive, which is not unpacked here; import it by itself.")
    ]


def test_a_name_in_a_further_field_counts_where_it_belongs_to_the_name(home, tmp_path, encoded, reporter) -> None:
    """As Info-ZIP and WinZip write it; a field that was left from another name is passed over."""
    path, names = tmp_path / "a.zip", [b"??/?.png", b"left/1.png"]
    with zipfile.ZipFile(path, "w") as archive:
        for number, raw in enumerate(names):
            info, other = zipfile.ZipInfo(raw.decode()), "写真/ä.png".encode()
            field = struct.pack("<BI", 1, zlib.crc32(raw) ^ number) + other
            info.extra = struct.pack("<HHH", 0x0001, 0, 0x7075) + struct.pack("<H", len(field)) + field
            archive.writestr(info, encoded(number))
    report = import_archive(home, "A", path, reporter)
    rows = Collection.open(home, "a").rows("image")
    assert [(row.name, row.label) for row in rows] == [("写真/ä.png", "写真"), ("left/1.png", "left")]
    assert report.notes == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"7z\xbc\xaf\x27\x1c....", "The file a.zip is a 7z archive, not a ZIP or tar archive."),
        (b"Rar!\x1a\7\0....", "The file a.zip is a RAR archive, not a ZIP or tar archive."),
        (b"<!DOCTYPE html><html>", "The file a.zip is a page of the web, not a ZIP or tar archive."),
        (b"version https://git-lfs.github.com/spec/v1\n", r"only a pointer of Git LFS \(git lfs pull\), not a ZIP"),
        (b"PK\3\4" + bytes(500), "The ZIP archive a.zip is cut off or damaged at its end"),
        (b"\x1f\x8b" + bytes(500), "The file a.zip is not a ZIP or tar archive, or its beginning is damaged."),
        (b"", "The file a.zip is not a ZIP or tar archive, or its beginning is damaged."),
    ],
)
def test_what_is_no_archive_is_called_by_its_name(tmp_path, data, sentence) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UnreadableArchive, match=sentence):
        Archive(tmp_path / "a.zip", SMALL)


def test_a_zip_of_which_the_end_is_missing_says_so(tmp_path, encoded) -> None:
    path = zipped(tmp_path / "a.zip", {f"{n}.png": encoded(n) for n in range(4)})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UnreadableArchive, match="cut off or damaged at its end"):
        Archive(path, SMALL)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("flaw", ["within a header", "between members", "damaged header"])
def test_what_a_tar_has_lost_behind_a_file_is_said(home, tmp_path, encoded, reporter, mode, flaw) -> None:
    path = tarred(tmp_path / "a.tar", [(entry(f"{n}.png"), encoded(n, size=(200, 200))) for n in range(4)])
    data = bytearray(path.read_bytes())
    place = data.index(b"2.png")
    if flaw == "damaged header":
        data[place + 150] ^= 0x7F
    else:
        del data[place + (60 if flaw == "within a header" else 0) :]
    path.write_bytes(gzip.compress(data) if mode == "w:gz" else data)
    report = import_archive(home, "A", path, reporter)
    assert report.added == 2
    assert [reject.stage for reject in report.rejects] == ["archive"]
    assert "after this file" in report.rejects[0].message


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_an_archive_that_is_joined_with_another_is_not_taken_for_the_whole(
    home, tmp_path, encoded, reporter, kind
) -> None:
    for number in range(2):
        path, name = tmp_path / f"{number}.{kind}", f"{number}.png"
        if kind == "zip":
            zipped(path, {name: encoded(number)})
        else:
            tarred(path, [(entry(name), encoded(number))], "w:gz" if kind == "tar.gz" else "w")
    (tmp_path / f"both.{kind}").write_bytes(b"".join((tmp_path / f"{n}.{kind}").read_bytes() for n in range(2)))
    report = import_archive(home, "Both", tmp_path / f"both.{kind}", reporter)
    assert report.added == 1
    assert ["second one" in reject.message for reject in report.rejects] == [True]


def test_what_stands_around_an_archive_and_is_none_is_no_loss(home, tmp_path, encoded, reporter) -> None:
    """A program that unpacks itself, and zeros or line ends that a transfer adds."""
    data = zipped(tmp_path / "a.zip", {"1.png": encoded(1)}).read_bytes()
    (tmp_path / "b.zip").write_bytes(b"MZ" + bytes(range(256)) * 9 + data + b"\r\n")
    data = tarred(tmp_path / "a.tar", [(entry("1.png"), encoded(1))]).read_bytes()
    (tmp_path / "b.tar").write_bytes(data + bytes(20_000))
    for name in ("b.zip", "b.tar"):
        assert import_archive(home, name, tmp_path / name, reporter).rejects == []


def test_names_of_a_tar_that_are_not_utf8_keep_their_letters(home, tmp_path, encoded, reporter) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT, encoding="cp1252") as archive:
        for number, name in enumerate(["Käse/1.png", "Köse/1.png", "Größe/é.png"]):
            info, data = entry(name), encoded(number)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    report = import_archive(home, "A", path, reporter)
    images = Collection.open(home, "a").images()
    assert images.names == ["Käse/1.png", "Köse/1.png", "Größe/é.png"]
    assert images.labels == ["Käse", "Köse", "Größe"]
    assert "The names in the archive are not marked as UTF-8; they were read as cp1252." in report.notes
